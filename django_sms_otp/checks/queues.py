"""Checks of background delivery."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning

from ..conf import get_settings
from ..delivery.queues import engine, is_queued
from ..exceptions import InvalidSettings
from .base import register, with_valid_settings


@register(Tags.security)
@with_valid_settings
def check_engine(**kwargs: Any) -> list[CheckMessage]:
    if not is_queued():
        return []
    try:
        problem = engine().problem()
    except InvalidSettings as error:
        problem = str(error)
    return [Error(problem, id="sms_otp.E020")] if problem else []


@register(Tags.security)
@with_valid_settings
def check_ignored_numbers_have_workers(**kwargs: Any) -> list[CheckMessage]:
    if get_settings().UNKNOWN_NUMBERS != "ignore" or not _lacks_workers():
        return []
    return [
        Error(
            f"SMS_OTP['UNKNOWN_NUMBERS'] is 'ignore', but {_what_lacks_workers()}: the time "
            "that an answer takes tells which numbers have an account.",
            hint=HINT,
            id="sms_otp.E019",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_workers(**kwargs: Any) -> list[CheckMessage]:
    if get_settings().UNKNOWN_NUMBERS == "ignore" or not _lacks_workers():
        return []  # E019 says so.
    return [
        Warning(
            f"SMS_OTP['DELIVERY'] is {get_settings().DELIVERY!r}, but {_what_lacks_workers()}.",
            hint=HINT,
            id="sms_otp.W016",
        )
    ]


HINT = (
    'Configure an engine that has workers; see the page "Background delivery". In tests, leave '
    "DELIVERY at 'immediate'."
)


def _lacks_workers() -> bool:
    if not is_queued():
        return False
    try:
        return engine().lacks_workers()
    except InvalidSettings:
        return False  # E020 says so.


def _what_lacks_workers() -> str:
    if get_settings().DELIVERY == "celery":
        return "Celery's task_always_eager has jobs run during the request"
    return "the backend in TASKS runs its jobs during the request, or never"
