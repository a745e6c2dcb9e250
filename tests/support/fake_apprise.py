"""A proxy that answers for every host: services whose address Apprise knows are played too."""

from __future__ import annotations

import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django_sms_otp.testing import FakeGateway, fake_gateway

__all__ = ["self_signed", "tls_gateway"]


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return a server's context with a certificate that nobody trusts."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", *elliptic, *files, "-subj", "/CN=localhost"],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@contextmanager
def tls_gateway(context: ssl.SSLContext) -> Iterator[tuple[FakeGateway, str]]:
    """Run a gateway; yield it with the URL of a proxy that leads every host to it."""

    class Tunnel(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            _message(self.request)
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                with context.wrap_socket(self.request, server_side=True) as secured:
                    _forward(secured, gateway.url)
            except OSError:
                return  # A client that wants another certificate is a part of the tests.

    with fake_gateway() as gateway, _Proxy(("127.0.0.1", 0), Tunnel) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield gateway, f"http://127.0.0.1:{proxy.server_address[1]}"
        finally:
            proxy.shutdown()
            thread.join()


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = False


def _forward(client: socket.socket, url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as gateway:
        gateway.sendall(_message(client))
        while received := gateway.recv(65536):
            client.sendall(received)


def _message(connection: Any) -> bytes:
    """Receive header lines, and the body that they announce."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(lines.get(b"content-length", 0)):
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: Any) -> bytes:
    received: bytes = connection.recv(65536)
    if not received:
        raise ConnectionResetError("The client has left.")
    return received
