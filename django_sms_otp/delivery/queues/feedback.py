"""Feedback to gateways about redeemed codes: one thread of each process sends it.

The engine of ``DELIVERY`` has no part in it: to hand over a job takes time, and a broker that
is down would delay the login by seconds. Feedback that waits when the process ends is lost.
Messages never go this way.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from queue import Full, Queue

from django.db import connections

from ...logs import log_fields
from ...models import OTPCode
from .. import tell_gateway

__all__ = ["MOST", "send_later"]

logger = logging.getLogger("django_sms_otp")

MOST = 100
"""How many codes may wait while a gateway hangs."""


class _Sender:
    def __init__(self) -> None:
        self._waiting: Queue[OTPCode] = Queue(MOST)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, otp_code: OTPCode) -> None:
        try:
            self._waiting.put_nowait(otp_code)
        except Full:
            logger.warning(
                "There is no feedback about code %s: too many wait.",
                otp_code.pk,
                extra=log_fields("feedback_failed", otp_code=otp_code, error_code="full"),
            )
            return
        with self._lock:
            if self._thread is None:
                # A daemon thread: a gateway that hangs does not keep the process alive.
                self._thread = threading.Thread(
                    target=self._run, name="sms-otp-feedback", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            tell_gateway(self._waiting.get())
            # No request ends here, which would close what a backend has opened. The thread
            # must survive any error of a driver.
            with suppress(Exception):
                connections.close_all()
            self._waiting.task_done()


_sender = _Sender()


def send_later(otp_code: OTPCode) -> None:
    """Have the thread tell the gateway that a code was redeemed, unless too many wait."""
    _sender.put(otp_code)


def _renew() -> None:
    global _sender
    _sender = _Sender()


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    # A thread does not survive a fork, and the locks that it holds stay locked.
    os.register_at_fork(after_in_child=_renew)
