"""Problems of background delivery."""

from __future__ import annotations

from ..conf import get_settings
from ..delivery.queues import engine, is_queued
from .base import DEPLOY, Problems, check, error_of

WORKERS = (
    'Configure an engine that has workers; see the page "Background delivery". In tests, leave '
    "DELIVERY at 'immediate'."
)


@check("sms_otp.E020")
def broken_engine() -> Problems:
    if is_queued():
        yield from error_of(engine)
        if problem := engine().problem():
            yield problem


@check("sms_otp.E019", hint=WORKERS)
def ignored_numbers_without_workers() -> Problems:
    if get_settings().UNKNOWN_NUMBERS == "ignore" and _lacks_workers():
        yield (
            f"SMS_OTP['UNKNOWN_NUMBERS'] is 'ignore', but {_missing_workers()}: the time of an "
            "answer tells which numbers have an account."
        )


@check("sms_otp.W016", DEPLOY, hint=WORKERS)
def queue_without_workers() -> Problems:
    # With "ignore", E019 reports it.
    if get_settings().UNKNOWN_NUMBERS != "ignore" and _lacks_workers():
        yield f"SMS_OTP['DELIVERY'] is {get_settings().DELIVERY!r}, but {_missing_workers()}."


def _lacks_workers() -> bool:
    return is_queued() and engine().lacks_workers()


def _missing_workers() -> str:
    if get_settings().DELIVERY == "celery":
        return "Celery's task_always_eager runs jobs during the request"
    return "the backend in TASKS runs its jobs during the request, or never"
