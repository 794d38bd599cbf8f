"""Serve a live report to this machine's browsers alone, until Ctrl-C."""

import json
import os
import socketserver
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from dsjax import loopback
from dsjax.report.live import LiveReport

_PATIENCE = 0.3  # [s] until the server looks whether it is to end
_HEADERS = loopback.headers("img-src data:; media-src data:; style-src 'unsafe-inline'")


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
        loopback.check_port(port)
        try:
            super().__init__((loopback.HOST, port), _Handler)
        except OSError as error:
            raise loopback.port_error(port, error) from None

    @property
    def url(self) -> str:
        """Address to open in a browser."""
        return f"http://{loopback.HOST}:{self.server_port}/"

    def server_bind(self) -> None:
        """Listen, without looking up this machine's name, which can take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = loopback.HOST, int(self.server_address[1])

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
        if not loopback.names_this_machine(self.headers.get("Host", "")):
            self._send(HTTPStatus.FORBIDDEN, "text/plain", loopback.REFUSAL)
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
