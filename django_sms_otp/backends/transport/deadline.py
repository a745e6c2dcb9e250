"""The time that an exchange with a gateway may take, from its first step to its last.

Time-outs of sockets are those of one step: they start anew with each address of a host, and
with each byte. A gateway that drips its answer would hold a worker for as long as it likes.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["Deadline", "Incoming", "connect", "current", "for_the_gateway", "within"]

RESERVE, LARGEST_RESERVE = 0.2, 0.5

NEXT_TO_NOTHING = 0.001

WITHOUT_ANY = 60.0
"""Seconds for each step of what is asked outside of :func:`within`."""


def for_the_gateway(timeout: float) -> float:
    """Return the part of a ``timeout`` that the gateway gets.

    The rest, a fifth but half a second at most, is for the app's own work before and after: so
    that who waits has the answer when ``timeout`` seconds are over.
    """
    return timeout - min(timeout * RESERVE, LARGEST_RESERVE)


class Deadline:
    """When an exchange has to be over.

    :param timeout: seconds until the caller of the app has its answer. The gateway has less:
        see :func:`for_the_gateway`.
    """

    def __init__(self, timeout: float) -> None:
        self.seconds = for_the_gateway(timeout)
        self._end = time.monotonic() + self.seconds

    def left(self) -> float:
        """Return the seconds that are left.

        :raises TimeoutError: none are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("The deadline has passed.")
        return left


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def within(timeout: float) -> Iterator[Deadline]:
    """Have all that this thread asks a gateway in the block end by one deadline.

    In a block within another one, the deadline of the outer one holds.
    """
    deadline = _current.get() or Deadline(timeout)
    token = _current.set(deadline)
    try:
        yield deadline
    finally:
        _current.reset(token)


def current() -> Deadline:
    """Return the deadline of the block that this thread is in."""
    return _current.get() or Deadline(WITHOUT_ANY)


class Incoming(io.RawIOBase):
    """What a socket receives until a deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        # Holds the socket open where whoever reads has closed the connection already.
        self._received = connection.makefile("rb", buffering=0)
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        """Be to ``http.client.HTTPResponse`` what a socket is."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        self._connection.settimeout(self._deadline.left())
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


def connect(
    host: str,
    port: int,
    deadline: Deadline,
    options: Iterable[tuple[int, int, int | bytes]] = (),
) -> socket.socket:
    """Connect to one of the addresses of a host. They share the time that is left: one that
    does not answer leaves some to the next.

    :param options: of the socket.
    :raises OSError: of the last address; or the host has none.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure = OSError("The host has no address.")
    for tried, (*kind, _name, address) in enumerate(addresses):
        try:
            share = deadline.left() / (len(addresses) - tried)
            return _connected(_Connection(deadline, *kind), address, share, options)
        except OSError as error:
            failure = error
    raise failure


class _Connection(socket.socket):
    def __init__(self, deadline: Deadline, *kind: int) -> None:
        super().__init__(*kind)
        self._deadline = deadline

    def gettimeout(self) -> float:
        """Return what is left. The ssl module asks for it when the handshake begins. Libraries
        read the authorities' certificates before that, which may take a tenth of a second."""
        try:
            return self._deadline.left()
        except TimeoutError:
            return NEXT_TO_NOTHING


def _connected(
    connection: _Connection,
    address: Any,
    seconds: float,
    options: Iterable[tuple[int, int, Any]],
) -> _Connection:
    try:
        for option in options:
            connection.setsockopt(*option)
        connection.settimeout(seconds)
        connection.connect(address)
        connection.settimeout(connection.gettimeout())
    except BaseException:
        connection.close()
        raise
    return connection
