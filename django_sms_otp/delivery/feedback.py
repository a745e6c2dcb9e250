"""Feedback to gateways about redeemed codes: one thread of each process sends it.

The engine of ``DELIVERY`` has no part in it: handing over a job takes time, and a broker that
is down would delay the login by seconds. Feedback that waits when the process ends is lost.
Messages never go this way.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import cache, partial
from queue import Full, Queue

from django.db import connections

from ..backends import borrow, get_backend
from ..exceptions import DeliveryError
from ..logs import log_fields, short_id
from ..models import OTPCode

__all__ = ["send_feedback", "tell_gateway"]

logger = logging.getLogger("django_sms_otp")

MOST = 100
"""How many codes may wait while a gateway hangs."""


def send_feedback(otp_code: OTPCode) -> None:
    """Tell the gateway later that a code was redeemed, if it wants to know.

    A login never waits for that, nor fails by it: this function raises nothing.
    """
    try:
        if get_backend(otp_code.backend).wants_feedback:
            # A backend of a site with tenants may ask whose message this was.
            _queue().put_nowait(partial(copy_context().run, tell_gateway, otp_code))
    except Full:
        extra = log_fields("feedback_failed", otp_code=otp_code, error_code="full")
        text = "There is no feedback about code %s: too many wait."
        logger.warning(text, short_id(otp_code.pk), extra=extra)
    except Exception as error:
        name = type(error).__name__
        extra = log_fields("feedback_failed", otp_code=otp_code, error_code=name)
        text = "There is no feedback about code %s: %s."
        logger.error(text, short_id(otp_code.pk), name, extra=extra)


def tell_gateway(otp_code: OTPCode) -> None:
    """Tell the gateway that a code was redeemed. Log errors, and raise none."""
    if not otp_code.message_id:
        return
    try:
        with borrow(otp_code.backend) as backend:
            backend.send_feedback(otp_code.message_id)
    except DeliveryError as error:
        extra = log_fields("feedback_failed", otp_code=otp_code, error_code=error.error_code)
        logger.info("Gateway %r took no feedback: %s", otp_code.backend, error, extra=extra)
    except Exception as error:
        # Not logger.exception: the text of a foreign error may hold the number.
        name = type(error).__name__
        extra = log_fields("feedback_failed", otp_code=otp_code, error_code=name)
        logger.error("Gateway %r took no feedback: %s", otp_code.backend, name, extra=extra)


@cache
def _queue() -> Queue[Callable[[], None]]:
    """Return the queue of this process. The first call starts its thread.

    Two first calls at once may start two threads, which does no harm.
    """
    waiting: Queue[Callable[[], None]] = Queue(MOST)
    # A daemon thread: a gateway that hangs does not keep the process alive.
    threading.Thread(target=_work, args=[waiting], name="sms-otp-feedback", daemon=True).start()
    return waiting


def _work(waiting: Queue[Callable[[], None]]) -> None:
    while True:
        tell = waiting.get()
        tell()
        # No request ends in this thread, so Django closes no connection that a backend has
        # opened. The thread must survive any error of a driver.
        with suppress(Exception):
            connections.close_all()
        waiting.task_done()


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    # A thread does not survive a fork, and the locks that it holds stay locked.
    os.register_at_fork(after_in_child=_queue.cache_clear)
