"""Gateways of which only the line is there: silent, slow, or out of reach."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

__all__ = ["black_hole", "dripping", "lead", "listening", "received", "serving", "silent"]

PAUSE = 0.02
"""Seconds between the bytes of a line that drips."""


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextmanager
def silent() -> Iterator[int]:
    """Yield a port at which connections are taken, and nothing is ever said."""
    with listening() as listener:
        yield port_of(listener)


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yield a port at which one connection is served."""

    def run() -> None:
        try:
            connection = listener.accept()[0]
        except OSError:
            return  # Nobody came.
        with connection:
            try:
                serve(connection)
            except (ConnectionError, ssl.SSLError):
                return  # Whoever has given up waiting is what is tested.

    with listening() as listener:
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield port_of(listener)
        finally:
            # Wakes an accept() that nobody came for.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def dripping(start: bytes, *, at_once: bytes = b"") -> Iterator[int]:
    """Yield a port at which a request is answered ``at_once``, and then byte by byte."""
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(at_once)
        for byte in start + b"x" * 1000:
            if done.wait(PAUSE):
                return
            connection.sendall(bytes([byte]))

    with serving(drip) as port:
        try:
            yield port
        finally:
            done.set()


@contextmanager
def black_hole(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Yield a port at which connecting neither succeeds nor fails."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        # Its queue is full then, and nobody takes what is in it.
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield port_of(listener)


def lead(patch: pytest.MonkeyPatch, host: str, *addresses: str) -> None:
    """Give a host these addresses, in this order."""
    look_up = socket.getaddrinfo

    def found(name: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        names = addresses if name == host else (name,)
        return [each for name in names for each in look_up(name, port, *args, **kwargs)]

    patch.setattr(socket, "getaddrinfo", found)


def received(connection: socket.socket) -> bytes:
    """Receive a request, header lines and body, and return its body."""
    head, _, body = _until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(lines.get(b"content-length", 0)):
        body += _more(connection)
    return body


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _until(connection: socket.socket, end: bytes) -> bytes:
    found = b""
    while end not in found:
        found += _more(connection)
    return found


def _more(connection: socket.socket) -> bytes:
    found = connection.recv(65536)
    if not found:
        raise ConnectionResetError("The client has left.")
    return found
