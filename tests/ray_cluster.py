"""A Ray cluster of two nodes with a core each, until its standard input ends; any line there loses the second node.

It has a process of its own: Ray forks and takes over signals, which would disturb the other tests. It keeps to
loopback, for machines with a firewall or no network.
"""

import sys

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "node_ip_address": "127.0.0.1"}


def main():
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    node = cluster.add_node(**NODE)
    print("ready", cluster.address, node.all_processes["raylet"][0].process.pid, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(node, allow_graceful=False)
        print("removed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
