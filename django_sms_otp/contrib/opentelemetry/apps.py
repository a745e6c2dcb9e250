"""The Django app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from .. import base

if TYPE_CHECKING:
    from ..measures import Collector


class OpenTelemetryConfig(base.MetricsConfig):
    name = "django_sms_otp.contrib.opentelemetry"
    label = "sms_otp_opentelemetry"
    verbose_name = _("SMS login: OpenTelemetry")
    extra = "opentelemetry"

    def collector(self) -> Collector:
        from .collector import OpenTelemetryCollector

        return OpenTelemetryCollector()
