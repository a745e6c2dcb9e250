"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from ...exceptions import InvalidSettings


class OpenTelemetryConfig(AppConfig):
    name = "django_sms_otp.contrib.opentelemetry"
    label = "sms_otp_opentelemetry"
    verbose_name = _("SMS login: OpenTelemetry")

    def ready(self) -> None:
        try:
            import opentelemetry.metrics  # noqa: F401
        except ImportError as error:
            raise InvalidSettings(
                f"INSTALLED_APPS names {self.name!r}, but its package is missing: "
                "pip install 'django-sms-otp[opentelemetry]'."
            ) from error
        from ..measures import connect
        from .collector import OpenTelemetryCollector

        connect(OpenTelemetryCollector(), self.label)
