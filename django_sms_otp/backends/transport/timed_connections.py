"""Connections of urllib3 that keep to one deadline, for the SDKs that are built on it.

urllib3 counts its time-outs for each address that it connects to, for the answer's first byte,
and for each byte after it.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from urllib3 import exceptions
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from . import deadline

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection as _Base
else:
    _Base = object

__all__ = ["timed_pools"]


def timed_pools(pools: Mapping[str, Any]) -> dict[str, Any]:
    """Return pools, by their scheme, whose connections end by the deadline that
    :func:`.deadline.within` has set.

    :param pools: classes of urllib3's, or of an SDK's, that connect by urllib3's own means.
    """
    return {scheme: _timed_pool(pool) for scheme, pool in pools.items()}


@cache
def _timed_pool(pool: Any) -> Any:
    if issubclass(pool.ConnectionCls, _TimedConnection):
        return pool
    connection = type("TimedConnection", (_TimedConnection, pool.ConnectionCls), {})
    return type("TimedPool", (pool,), {"ConnectionCls": connection})


class _TimedResponse(HTTPResponse):
    """Reads the status, the header lines and the body until the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        incoming: Any = deadline.Incoming(sock, deadline.current())
        super().__init__(incoming, *args, **kwargs)


class _TimedConnection(_Base):
    response_class: type[HTTPResponse] = _TimedResponse

    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError as error:
            # Of TLS, or of a proxy: urllib3 would call it a time-out of the answer, after which
            # nobody knows whether the message was read.
            raise ConnectTimeoutError(self, "There was no time left to connect.") from error

    def send(self, data: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(deadline.current().left())
        super().send(data)

    def _new_conn(self) -> socket.socket:
        host = self._dns_host.strip("[]")
        try:
            return deadline.connect(
                host, self.port, deadline.current(), self.socket_options or ()
            )
        except (OSError, UnicodeError) as error:
            raise self._as_urllib3s(error) from error

    def _as_urllib3s(self, error: Exception) -> Exception:
        if isinstance(error, TimeoutError):
            return ConnectTimeoutError(self, f"{self.host} did not answer.")
        if isinstance(error, socket.gaierror) and hasattr(exceptions, "NameResolutionError"):
            return exceptions.NameResolutionError(self.host, self, error)
        return NewConnectionError(self, f"{self.host} cannot be reached: {error}")
