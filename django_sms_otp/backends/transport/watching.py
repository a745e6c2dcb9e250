"""Watches the requests of a library that tells neither what went wrong nor when to stop.

The library calls ``requests.post``, which makes its adapters by the name
``requests.sessions.HTTPAdapter``. The class that stands there after the first call of
:func:`watch_requests` does what the other one does, except inside of that block.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .connecting import never_connected

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

__all__ = ["LARGEST_ANSWER", "Watch", "read_bounded", "watch_requests"]

LARGEST_ANSWER = 64 * 1024
"""Bytes. Gateways' own answers have less than two thousand."""

CHUNK = 10 * 1024


@dataclass(slots=True)
class Watch:
    """What became of the requests of a block.

    :param status: the status of the last answer; 0: it had none.
    :param unreached: the name of the error of a request that had no connection.
    :param may_be_sent: whether a request may have had an effect.
    :param is_endless: whether an answer was too long.
    """

    status: int = 0
    unreached: str = ""
    may_be_sent: bool = False
    is_endless: bool = False


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watch_requests() -> Iterator[Watch]:
    """Watch the requests of the block, and bound the size of their answers."""
    _put_adapter()
    watch = Watch()
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


def read_bounded(response: Response) -> bool:
    """Read the body, and leave it to requests in place of the connection.

    :return: ``False``: it is longer than any answer of a gateway.
    """
    body = b""
    while chunk := response.raw.read(CHUNK, decode_content=True):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            # The connection must not be kept: the rest would be the next request's answer.
            response.close()
            return False
    response.raw = io.BytesIO(body)
    return True


@cache
def _put_adapter() -> None:
    from requests import sessions
    from requests.exceptions import ContentDecodingError

    class WatchedAdapter(sessions.HTTPAdapter):  # type: ignore[misc, name-defined]
        def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
            watch = _watch.get()
            if watch is None:
                return super().send(request, *args, **kwargs)
            watch.status, watch.unreached = 0, ""
            try:
                response = super().send(request, *args, **kwargs)
            except Exception as error:
                if never_connected(error):
                    watch.unreached = _name(error)
                else:
                    watch.may_be_sent = True
                raise
            watch.status = response.status_code
            watch.may_be_sent |= not 400 <= response.status_code < 500
            if not read_bounded(response):
                watch.is_endless = True
                raise ContentDecodingError("The answer is too long.")
            return response

    sessions.HTTPAdapter = WatchedAdapter  # type: ignore[attr-defined]


def _name(error: Exception) -> str:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return type(reason or error).__name__
