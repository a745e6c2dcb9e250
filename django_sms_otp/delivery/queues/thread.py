"""Reports to gateways: by one thread of each process.

Not by an engine: to hand over a job takes time, and a broker that is down takes seconds of a
login. What waits when the process ends is lost. Messages never go this way.
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

__all__ = ["MOST", "report_later"]

logger = logging.getLogger("django_sms_otp")

MOST = 100
"""Reports that wait, while a gateway hangs."""


class _Reporter:
    def __init__(self) -> None:
        self._waiting: Queue[OTPCode] = Queue(MOST)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, otp_code: OTPCode) -> None:
        try:
            self._waiting.put_nowait(otp_code)
        except Full:
            extra = log_fields("report_refused", otp_code=otp_code, error_code="full")
            logger.warning("Code %s is not reported: too many wait.", otp_code.pk, extra=extra)
            return
        with self._lock:
            if self._thread is None:
                # A daemon: a gateway that hangs does not keep the process from ending.
                self._thread = threading.Thread(
                    target=self._run, name="sms-otp-reports", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            tell_gateway(self._waiting.get())
            # A backend may have read something, and no request ends here. Whatever a driver
            # makes of that: the thread goes on.
            with suppress(Exception):
                connections.close_all()
            self._waiting.task_done()


_reporter = _Reporter()


def report_later(otp_code: OTPCode) -> None:
    """Have a thread tell the gateway that a code was redeemed; or not, where it is behind."""
    _reporter.put(otp_code)


def _start_anew() -> None:
    global _reporter
    _reporter = _Reporter()


if hasattr(os, "register_at_fork"):  # Not on Windows.
    # Threads do not survive a fork, and what they have locked stays locked.
    os.register_at_fork(after_in_child=_start_anew)
