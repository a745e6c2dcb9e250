"""Whether an error came before there was a connection, so that nothing was sent.

Libraries wrap an error of the look-up, the connection, the proxy or the TLS handshake in
several of their own, and use the same ones for errors that come later, when the message may be
on its way. The traceback tells: one that passes through ``connect()`` of an HTTP connection
ended before the first byte of the request.
"""

from __future__ import annotations

from collections.abc import Iterator
from traceback import walk_tb

__all__ = ["never_connected"]

CONNECTIONS = frozenset({"botocore.awsrequest", "http.client", "urllib3.connection"})
"""Modules whose ``connect()`` opens a connection, and agrees upon TLS."""


def never_connected(error: BaseException) -> bool:
    """Tell whether ``error``, or one that it came from, arose while connecting."""
    return any(_was_connecting(each) for each in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _was_connecting(error: BaseException) -> bool:
    return any(
        frame.f_code.co_name == "connect" and frame.f_globals.get("__name__") in CONNECTIONS
        for frame, _line in walk_tb(error.__traceback__)
    )
