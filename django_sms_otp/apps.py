"""The Django app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register
from django.utils.translation import gettext_lazy as _


class SMSOTPConfig(AppConfig):
    name = "django_sms_otp"
    label = "django_sms_otp"
    verbose_name = _("SMS login")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(check_always, Tags.security)
        register(check_before_deploy, Tags.security, deploy=True)
        register(check_database, Tags.database)


# Each imports the checks when it runs: a process that serves requests never needs them.


def check_always(**kwargs: Any) -> list[CheckMessage]:
    from .checks import run

    return run("always")


def check_before_deploy(**kwargs: Any) -> list[CheckMessage]:
    from .checks import run

    return run("deploy")


def check_database(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    from .checks import run

    return run("database", databases)
