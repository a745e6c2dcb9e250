"""Whether an error came before there was a connection, so that nothing was sent.

Libraries wrap an error of the look-up, the connection, the proxy or the TLS handshake in
several of their own, and use the same ones for errors that come later, when the message may be
on its way. The traceback tells: one that passes through ``connect()`` of an HTTP connection
ended before the first byte of the request.
"""

from __future__ import annotations

from collections.abc import Iterator
from traceback import walk_tb
from typing import TypeGuard

__all__ = ["never_connected"]

CONNECTIONS = frozenset({"botocore.awsrequest", "http.client", "urllib3.connection"})
"""Modules whose ``connect()`` opens a connection, and agrees upon TLS."""


def never_connected(error: BaseException) -> bool:
    """Tell whether ``error``, or one that it came from, arose while connecting."""
    return any(_was_connecting(each) for each in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it came from or is made of.

    Through a proxy, urllib3 makes an error of the handshake the argument of another one.
    """
    found = [error]
    for each in found:
        yield each
        parts = (each.__cause__, each.__context__, *each.args)
        found += [part for part in parts if _is_new(part, found)]


def _is_new(part: object, found: list[BaseException]) -> TypeGuard[BaseException]:
    # Compared by identity: errors may define when they are equal.
    return isinstance(part, BaseException) and all(part is not each for each in found)


def _was_connecting(error: BaseException) -> bool:
    return any(
        frame.f_code.co_name == "connect" and frame.f_globals.get("__name__") in CONNECTIONS
        for frame, _line in walk_tb(error.__traceback__)
    )
