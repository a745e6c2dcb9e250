"""The engine that ``DELIVERY`` names takes the jobs. A job is the id of a request, no more.

The services hand a job over after their own commit and outside of any transaction, so its
worker finds the row, and there is nothing for ``transaction.on_commit`` to wait for.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from importlib import import_module
from typing import Protocol, cast

from ...conf import get_settings
from ...exceptions import InvalidSettings

__all__ = ["Engine", "engine", "is_queued"]


class Engine(Protocol):
    """The functions of each engine's module in this package."""

    def enqueue_message(self, request_id: uuid.UUID, wait: timedelta | None = None) -> None:
        """Have a worker send the waiting message of a request, after a wait if there is one.

        :raises NotQueued: as far as we know, the engine did not take the job.
        """

    def problem(self) -> str | None:
        """Return why the engine would take no job, judged by its settings."""

    def lacks_workers(self) -> bool:
        """Return whether jobs run during the request, or never, as in development."""


def is_queued() -> bool:
    """Return whether workers send the messages, after the request."""
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
