"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class SMSOTPConfig(AppConfig):
    name = "django_sms_otp"
    label = "django_sms_otp"
    verbose_name = _("SMS login")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The checks import models, which cannot be imported before.
        from .auth.sessions import keep_login_time
        from .checks.base import report_after_migrate

        post_migrate.connect(report_after_migrate, sender=self)
        user_logged_in.connect(keep_login_time)
        if apps.is_installed("drf_spectacular"):
            from .api import spectacular  # noqa: F401  (it registers itself)
