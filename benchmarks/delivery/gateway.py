"""A gateway on this machine that can be switched off."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

__all__ = ["Gateway"]

CREATED = json.dumps({"sid": "SM" + "a" * 32, "status": "queued", "error_code": None})


class Gateway:
    """Answers as Twilio's Messages resource does. ``messages`` counts by number."""

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self._silence = 0.0
        self._server = self._listening(0)
        self.port: int = self._server.server_address[1]

    def work(self) -> None:
        """Answer from now on."""
        self._silence = 0
        if self._server.fileno() < 0:
            self._server = self._listening(self.port)

    def hang(self, seconds: float) -> None:
        """Take connections and say nothing, for so long."""
        self._silence = seconds

    def refuse(self) -> None:
        """Refuse connections."""
        self._server.shutdown()
        self._server.server_close()

    def _listening(self, port: int) -> ThreadingHTTPServer:
        server = _Server(("127.0.0.1", port), self._handler())
        options = {"poll_interval": 0.01}
        threading.Thread(target=server.serve_forever, kwargs=options, daemon=True).start()
        return server

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                gateway.messages[form["To"][0]] += 1
                if gateway._silence:
                    time.sleep(gateway._silence)
                    self.close_connection = True
                    return
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(CREATED)))
                self.end_headers()
                self.wfile.write(CREATED.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing: what counts is what the clients saw."""

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has given up waiting is what is measured."""
