import pytest

from dsjax.loopback import names_this_machine


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        *((name, True) for name in ("localhost", "LOCALHOST:9", "127.0.0.1", "127.0.0.1:8710", "[::1]", "[::1]:8710")),
        *((name, False) for name in ("", ":80", "example.org", "example.org:8710", "localhost.example.org", "0.0.0.0")),
        *((name, False) for name in ("127.0.0.1.nip.io", "localhost:x", "localhost:", "user@localhost", "::1", "[::1")),
    ],
)
def test_which_hosts_are_this_machine(host, ours):
    assert names_this_machine(host) == ours
