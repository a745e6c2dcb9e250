"""One time limit for all that asking a gateway takes.

The time-outs of sockets begin anew with each address of a host and with each byte, and the
look-up of a host's name has none. So each call runs in a thread of its own, and the caller
waits for it no longer than the limit says.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import ContextVar, copy_context
from threading import Semaphore, Thread
from typing import TypeVar

from django.db import connections

from ...exceptions import DeliveryUnknown, NotDelivered

__all__ = ["MOST_CALLS", "socket_timeouts", "time_for_gateway", "time_left", "within"]

T = TypeVar("T")

RESERVE, LARGEST_RESERVE = 0.2, 0.5
CONNECT_SHARE = 0.25

MOST_CALLS = 100
"""Calls to one gateway that a process has under way at once. Those that have overrun count
until they end."""

_free: dict[str, Semaphore] = {}
"""The calls that each gateway may still have."""

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)


def time_for_gateway(timeout: float) -> float:
    """Return the part of ``timeout`` that the gateway has.

    The app keeps a fifth of it, and half a second at most, for its own work before and after.
    So the person who waits has an answer within ``timeout`` seconds.
    """
    return timeout - min(timeout * RESERVE, LARGEST_RESERVE)


def socket_timeouts(timeout: float) -> tuple[float, float]:
    """Return the seconds to connect to one address, and the longest silence after that."""
    seconds = time_for_gateway(timeout)
    return seconds * CONNECT_SHARE, seconds


def time_left() -> float:
    """Return the seconds that the call around this one still has."""
    ends_at = _ends_at.get()
    return float("inf") if ends_at is None else ends_at - time.monotonic()


def within(timeout: float, call: Callable[[], T], *, gateway: str) -> T:
    """Return what ``call`` returns, if it does so in the gateway's part of ``timeout``.

    A call inside of another one has the time that the other one has left.

    :param gateway: the alias or the host, for which calls under way are counted.
    :raises NotDelivered: too many calls are under way, and this one was not begun.
    :raises DeliveryUnknown: the call has overrun. It goes on, and its result is dropped.
    """
    if _ends_at.get() is not None:
        return call()
    seconds = time_for_gateway(timeout)
    outcome = _start(call, time.monotonic() + seconds, gateway)
    wait([outcome], timeout=seconds)
    if not outcome.done():
        raise DeliveryUnknown("The gateway did not answer in time.", error_code="timeout")
    return outcome.result()


def _start(call: Callable[[], T], ends_at: float, gateway: str) -> Future[T]:
    free = _free.setdefault(gateway, Semaphore(MOST_CALLS))
    outcome: Future[T] = Future()

    def call_and_leave() -> T:
        try:
            return call()
        finally:
            # A logging handler of the site may have used the database in this thread.
            with suppress(Exception):
                connections.close_all()
            free.release()

    def run() -> None:
        _ends_at.set(ends_at)
        try:
            outcome.set_result(call_and_leave())
        except BaseException as error:
            outcome.set_exception(error)

    if not free.acquire(blocking=False):
        raise NotDelivered("Too many calls to the gateway are under way.", error_code="full")
    try:
        # A daemon does not keep the process from ending. A pool of threads would.
        Thread(target=copy_context().run, args=[run], name="sms-otp", daemon=True).start()
    except RuntimeError:
        free.release()
        raise NotDelivered("No thread can be started.", error_code="no-thread") from None
    return outcome


if hasattr(os, "register_at_fork"):  # Not on Windows.
    # Threads do not survive a fork: their calls never leave, and a lock may stay locked.
    os.register_at_fork(after_in_child=_free.clear)
