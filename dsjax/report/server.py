"""Serve a live report to this machine's browsers alone, until Ctrl-C.

The server listens on 127.0.0.1. A page of another site could still reach it through a name that it has pointed there
(DNS rebinding), so requests that name another host are refused.
"""

import errno
import json
import os
import socketserver
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from dsjax.errors import ConfigError
from dsjax.report.live import LiveReport

_HOST = "127.0.0.1"
_LOOPBACK = (_HOST, "localhost", "[::1]")
_LAST_PORT = 2**16 - 1
_PATIENCE = 0.3  # [s] until the server looks whether it is to end
_HEADERS = {
    "Cache-Control": "no-store",
    # The page needs nothing from elsewhere, and no other site may show or read it.
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; script-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Server(ThreadingHTTPServer):
    """Serves a report at a port of this machine; a context manager."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would share the port with another process
    timeout = _PATIENCE

    def __init__(self, report: LiveReport, port: int) -> None:
        """Listen.

        Args:
          report: to serve.
          port: 0 takes any that is free.

        Raises:
          ConfigError: there is no such port, or it cannot be had.
        """
        self.report = report
        if not 0 <= port <= _LAST_PORT:
            raise ConfigError(f"--port {port}: must be 0 to {_LAST_PORT}; 0 takes any that is free")
        try:
            super().__init__((_HOST, port), _Handler)
        except OSError as error:
            reason = "another process uses it" if error.errno == errno.EADDRINUSE else error.strerror
            raise ConfigError(f"--port {port}: {reason}; choose another, or 0 for any that is free") from None

    @property
    def url(self) -> str:
        """Address to open in a browser."""
        return f"http://{_HOST}:{self.server_port}/"

    def server_bind(self) -> None:
        """Listen, without looking up this machine's name, which can take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be silent of a browser that has gone away; another error keeps its traceback."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 30  # [s] for a request to come
    server_version = "dsjax"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer a request."""
        if not _names_loopback(self.headers.get("Host", "")):
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "this server answers requests to localhost alone\n")
            return
        report = self.server.report
        match self.path.partition("?")[0]:
            case "/":
                self._send(HTTPStatus.OK, "text/html", report.document())
            case "/content":
                self._send(HTTPStatus.OK, "application/json", json.dumps(report.content()))
            case "/status":
                self._send(HTTPStatus.OK, "application/json", json.dumps(report.status()))
            case "/live.js":
                script = files("dsjax.report") / "templates" / "live.js"
                self._send(HTTPStatus.OK, "text/javascript", script.read_text())
            case _:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", "there is no such page\n")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: a page asks every second."""

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        headers = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(content))} | _HEADERS
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _names_loopback(host: str) -> bool:
    """Return whether a Host header names this machine: with any port, as a tunnel may have another one."""
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        name = host
    elif not port.isdigit():
        return False
    return name.lower() in _LOOPBACK
