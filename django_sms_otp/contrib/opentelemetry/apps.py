"""The Django app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .. import base


class OpenTelemetryConfig(base.MetricsConfig):
    name = "django_sms_otp.contrib.opentelemetry"
    label = "sms_otp_opentelemetry"
    verbose_name = _("SMS login: OpenTelemetry")
    extra = "opentelemetry"
    collector = "django_sms_otp.contrib.opentelemetry.collector.OpenTelemetryCollector"
