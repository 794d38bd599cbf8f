"""What keeps a page that dsjax serves to this machine's browsers alone.

Servers listen on 127.0.0.1. A page of another site could still reach them through a name that it has pointed there (DNS
rebinding), so requests that name another host are refused.
"""

import errno

from dsjax.errors import ConfigError

HOST = "127.0.0.1"
REFUSAL = "this server answers requests to localhost alone\n"
_NAMES = (HOST, "localhost", "[::1]")
_LAST_PORT = 2**16 - 1


def headers(policy: str) -> dict[str, str]:
    """Return the headers of every answer: no other site may show or read it, and it needs nothing from elsewhere.

    Args:
      policy: what a page may load beside its own scripts and data, in the words of a Content-Security-Policy.
    """
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            f"default-src 'none'; {policy}; script-src 'self'; connect-src 'self'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }


def names_this_machine(host: str) -> bool:
    """Return whether a Host header names this machine: with any port, as a tunnel may have another one."""
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        name = host
    elif not port.isdigit():
        return False
    return name.lower() in _NAMES


def check_port(port: int) -> None:
    """Raise ConfigError if there is no such port."""
    if not 0 <= port <= _LAST_PORT:
        raise ConfigError(f"--port {port}: must be 0 to {_LAST_PORT}; 0 takes any that is free")


def port_error(port: int, error: OSError) -> ConfigError:
    """Return the error to raise for a port that cannot be had."""
    reason = "another process uses it" if error.errno == errno.EADDRINUSE else error.strerror
    return ConfigError(f"--port {port}: {reason}; choose another, or 0 for any that is free")
