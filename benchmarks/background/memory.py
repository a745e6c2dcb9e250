"""Whether memory grows with the messages that one process sends."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import reset_queries
from django.test import override_settings

from django_sms_otp import services
from django_sms_otp.delivery import deliver_queued
from django_sms_otp.delivery.queues import tasks
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested
from django_sms_otp.testing import override_sms_otp
from tests.engines import DUMMY

__all__ = ["Size", "growth", "sizes"]

STEPS = 10

SENDER = {"default": {"BACKEND": "django_sms_otp.backends.dummy.SMSBackend"}}


@dataclass(frozen=True)
class Size:
    """
    :param blocks: that Python has allocated.
    :param resident: bytes of the process; 0 where the system does not tell.
    """

    messages: int
    blocks: int
    resident: int

    def __str__(self) -> str:
        mebibytes = self.resident / 2**20
        return f"{self.messages} messages: {self.blocks} blocks, {mebibytes:.1f} MiB"


def growth(found: Sequence[Size]) -> float:
    """Return the blocks that a message leaves behind, in the second half of a run.

    In the first one caches fill.
    """
    middle, last = found[len(found) // 2 - 1], found[-1]
    return (last.blocks - middle.blocks) / (last.messages - middle.messages)


def sizes(way: str, messages: int) -> Iterator[Size]:
    """Send so many messages, each to another number, and tell the size after each step.

    :param way: ``immediate``, or ``tasks``: then each job is worked off in this process.
    """
    step = messages // STEPS
    keys = {"DELIVERY": way, "LIMITS": {"ip": None}}
    settings = override_settings(SMS_OTP_BACKENDS=SENDER, TASKS=DUMMY)
    with override_sms_otp(**keys), settings:
        for sent in range(1, messages + 1):
            _send(f"+1415{2_000_000 + sent:07}", way)
            if sent % step == 0:
                _empty()
                yield Size(sent, sys.getallocatedblocks(), _resident())


def _send(number: str, way: str) -> None:
    answer = services.request_code(parse_phone_number(number))
    assert isinstance(answer, CodeRequested), answer
    if way != "immediate":
        deliver_queued(answer.request_id)


def _empty() -> None:
    """Leave out what is not the app's: rows, Django's log of queries, the dummy's own list."""
    for model in (OTPCode, Limit):
        model._default_manager.all().delete()
    reset_queries()
    tasks.deliver.get_backend().clear()
    gc.collect()


def _resident() -> int:
    file = Path("/proc/self/statm")
    return int(file.read_text().split()[1]) * 4096 if file.exists() else 0
