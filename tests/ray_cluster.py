"""A Ray cluster of two nodes with a core each, until its standard input ends; any line there loses the second node.

It has a process of its own: Ray forks and takes over signals, which would disturb the other tests.
"""

import sys

from ray.cluster_utils import Cluster


def main():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    node = cluster.add_node(num_cpus=1)
    print("ready", cluster.address, node.all_processes["raylet"][0].process.pid, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(node, allow_graceful=False)
        print("removed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
