"""The Django app."""

from __future__ import annotations

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
        for tag, deploy in (
            (Tags.security, False),
            (Tags.security, True),
            (Tags.database, False),
        ):
            _register(tag, deploy=deploy)


def _register(tag: str, *, deploy: bool) -> None:
    def run(**kwargs: Any) -> list[CheckMessage]:
        # Here: the processes that serve requests run no checks, and need not load them.
        from .checks import registered

        checks = registered(tag, deploy=deploy)
        return [message for check in checks for message in check(**kwargs)]

    register(run, tag, deploy=deploy)
