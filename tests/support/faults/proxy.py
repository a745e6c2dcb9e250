"""A line that can be cut: forwards TCP to a server, until it is told otherwise."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Address = str | tuple[str, int]
"""A path of a Unix socket, or host and port."""


class Proxy:
    """Listens at ``port``: always the same, also after it was cut and mended.

    :param deaf: a file whose making breaks a line as soon as the server says something.
    """

    def __init__(self, upstream: Address, deaf: Path) -> None:
        self._upstream = upstream
        self._deaf = deaf
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._speaks = threading.Event()
        self._speaks.set()
        self.port = 0
        self.mend()

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, args=[self._listener])
        self._acceptor.start()

    def cut(self) -> None:
        """Close every line; from now on, connections are refused."""
        # The shutdown wakes the thread that accepts; to close alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close every line; new ones may come."""
        with self._lock:
            for line in self._lines:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Pass nothing on; lines stay open, and new ones are accepted."""
        self._speaks.clear()
        try:
            yield
        finally:
            self._speaks.set()

    @contextmanager
    def outage(self) -> Iterator[None]:
        self.cut()
        try:
            yield
        finally:
            self.mend()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            with self._lock:
                self._lines.add(client)
            threading.Thread(target=self._forward, args=[client], daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, suppress(OSError), self._connected() as server:
            ends = {client: server, server: client}
            while readable := _readable(ends):
                self._speaks.wait()
                if server in readable and self._is_deaf():
                    break
                if not all(_pass_on(source, ends[source]) for source in readable):
                    break
        with self._lock:
            self._lines.discard(client)

    def _is_deaf(self) -> bool:
        was_deaf = self._deaf.exists()
        self._deaf.unlink(missing_ok=True)
        return was_deaf

    def _connected(self) -> socket.socket:
        if isinstance(self._upstream, tuple):
            return socket.create_connection(self._upstream)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._upstream)
        return server


def _readable(ends: Iterable[socket.socket]) -> list[socket.socket]:
    return select.select(list(ends), [], [])[0]


def _pass_on(source: socket.socket, target: socket.socket) -> bool:
    data = source.recv(65536)
    target.sendall(data)
    return bool(data)
