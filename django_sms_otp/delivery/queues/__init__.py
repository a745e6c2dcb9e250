"""Hands jobs to the engine that ``DELIVERY`` names: a request's id, and no more.

They are handed over after the services' own commit, outside of any transaction: a worker finds
the row that it is told of, and ``transaction.on_commit`` would have nothing to wait for.
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
from .thread import report_later

__all__ = [
    "Engine",
    "check_engine",
    "engine",
    "enqueue_message",
    "is_queued",
    "report_redemption",
]

logger = logging.getLogger("django_sms_otp")


class Engine(Protocol):
    """A module of this package."""

    def enqueue_message(self, request_id: uuid.UUID) -> None: ...

    def problem(self) -> str | None:
        """Say why the engine would take no job, as far as its settings tell."""

    def lacks_workers(self) -> bool:
        """Tell whether jobs run during the request, or never: as in development."""


def is_queued() -> bool:
    """Tell whether messages are sent by workers, and not during the request."""
    return get_settings().DELIVERY != "immediate"


def engine() -> Engine:
    """Return the module of the engine. Only where :func:`is_queued`.

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
    except Exception as error:  # What Django's Tasks framework says of TASKS.
        problem = str(error).rstrip(".")
    raise InvalidSettings(f"SMS_OTP['DELIVERY'] is {name!r}, but {problem}.")


def check_engine() -> None:
    """Find out, while nothing is written yet, whether messages can be handed over at all.

    :raises InvalidSettings: as :func:`engine` does.
    """
    if is_queued():
        engine()


def enqueue_message(request_id: uuid.UUID) -> None:
    """Have a worker send the message that waits for this request.

    :raises NotQueued: the engine did not take it, for all that can be told.
    """
    engine().enqueue_message(request_id)


def report_redemption(otp_code: OTPCode) -> None:
    """Have the gateway told that a code was redeemed, if it wants to know.

    Best effort, and never in the way of the login: nothing is raised.
    """
    try:
        if get_backend(otp_code.backend).wants_reports:
            report_later(otp_code)
    except Exception as error:
        # The person is logged in, whatever is broken here.
        name = type(error).__name__
        extra = log_fields("report_refused", otp_code=otp_code, error_code=name)
        logger.error("Code %s is not reported: %s.", otp_code.pk, name, extra=extra)
