"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from ...exceptions import InvalidSettings


class PrometheusConfig(AppConfig):
    name = "django_sms_otp.contrib.prometheus"
    label = "sms_otp_prometheus"
    verbose_name = _("SMS login: Prometheus")

    def ready(self) -> None:
        try:
            import prometheus_client  # noqa: F401
        except ImportError as error:
            raise InvalidSettings(
                f"INSTALLED_APPS names {self.name!r}, but its package is missing: "
                "pip install 'django-sms-otp[prometheus]'."
            ) from error
        from ..measures import connect
        from .collector import site_collector

        connect(site_collector(), self.label)
