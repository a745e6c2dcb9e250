"""The main services for async code. They run in a thread: Django's database layer is not async.

In a request over ASGI that is the request's own thread: Django gives each one its own. In sync
code that awaits them (``async_to_sync``, a ``TestCase``) it is the caller's, with its database
connections. Elsewhere, as in a bot or a consumer of Channels, asgiref has one thread for the
whole process, and a slow gateway would hold everybody. So there each call has its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections

from .phone_numbers import read_phone_number
from .redeem import redeem_code
from .request import request_code

__all__ = ["aread_phone_number", "aredeem_code", "arequest_code"]

P = ParamSpec("P")
T = TypeVar("T")


def _awaitable(service: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    @sync_to_async(thread_sensitive=True)
    def in_thread(*args: P.args, **kwargs: P.kwargs) -> T:
        return _closing_connections(lambda: service(*args, **kwargs))

    async def in_context(*args: P.args, **kwargs: P.kwargs) -> T:
        # Inside another such context this one does nothing.
        async with ThreadSensitiveContext():
            return await in_thread(*args, **kwargs)

    @wraps(service)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        # Nothing can stop the thread. A caller who is cancelled need not wait for it.
        return await asyncio.shield(in_context(*args, **kwargs))

    call.__name__ = call.__qualname__ = f"a{service.__name__}"
    return call


def _closing_connections(call: Callable[[], T]) -> T:
    """Return what ``call`` returns, and close the database connections that it has opened. The
    thread may end now, and no end of a request would close them."""
    closed = [each for each in connections.all() if each.connection is None]
    try:
        return call()
    finally:
        for connection in closed:
            connection.close()


aread_phone_number = _awaitable(read_phone_number)
arequest_code = _awaitable(request_code)
aredeem_code = _awaitable(redeem_code)
