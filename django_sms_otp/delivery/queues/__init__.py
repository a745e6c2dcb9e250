"""Hands jobs to the engine that ``DELIVERY`` names. A job is the id of a request, no more.

The services hand a job over after their own commit and outside of any transaction, so its
worker finds the row, and there is nothing for ``transaction.on_commit`` to wait for.
"""

from __future__ import annotations

import logging
import uuid
from importlib import import_module
from typing import Protocol, cast

from ...backends import get_backend
from ...conf import get_settings
from ...exceptions import InvalidSettings
from ...logs import log_fields
from ...models import OTPCode
from . import feedback

__all__ = [
    "Engine",
    "check_engine",
    "engine",
    "enqueue_message",
    "is_queued",
    "send_feedback",
]

logger = logging.getLogger("django_sms_otp")


class Engine(Protocol):
    """The functions of each engine's module in this package."""

    def enqueue_message(self, request_id: uuid.UUID) -> None: ...

    def problem(self) -> str | None:
        """Return why the engine would take no job, judged by its settings."""

    def lacks_workers(self) -> bool:
        """Tell whether jobs run during the request, or never, as in development."""


def is_queued() -> bool:
    """Tell whether workers send the messages, after the request."""
    return get_settings().DELIVERY != "immediate"


def engine() -> Engine:
    """Return the module of the engine. Call it only if :func:`is_queued`.

    :raises InvalidSettings: its package is missing, or its own settings are broken.
    """
    name = get_settings().DELIVERY
    try:
        return cast("Engine", import_module(f".{name}", __name__))
    except ModuleNotFoundError as error:
        problem = (
            f"{error.name} is missing: pip install 'django-sms-otp[{name}]'"
            if error.name in {"celery", "django_tasks"}
            else str(error)
        )
    except Exception as error:  # Django's Tasks framework checks TASKS at import.
        problem = str(error).rstrip(".")
    raise InvalidSettings(f"SMS_OTP['DELIVERY'] is {name!r}, but {problem}.")


def check_engine() -> None:
    """Check before anything is written that the engine can be used.

    :raises InvalidSettings: as :func:`engine` does.
    """
    if is_queued():
        engine()


def enqueue_message(request_id: uuid.UUID) -> None:
    """Have a worker send the message that waits for this request.

    :raises NotQueued: as far as we know, the engine did not take the job.
    """
    engine().enqueue_message(request_id)


def send_feedback(otp_code: OTPCode) -> None:
    """Tell the gateway later that a code was redeemed, if it wants to know.

    A login never waits for that, nor fails by it: this function raises nothing.
    """
    try:
        if get_backend(otp_code.backend).wants_reports:
            feedback.send_later(otp_code)
    except Exception as error:
        name = type(error).__name__
        logger.error(
            "There is no feedback about code %s: %s.",
            otp_code.pk,
            name,
            extra=log_fields("feedback_failed", otp_code=otp_code, error_code=name),
        )
