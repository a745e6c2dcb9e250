"""The Django app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .. import base


class PrometheusConfig(base.MetricsConfig):
    name = "django_sms_otp.contrib.prometheus"
    label = "sms_otp_prometheus"
    verbose_name = _("SMS login: Prometheus")
    extra = "prometheus"
    collector = "django_sms_otp.contrib.prometheus.collector.site_collector"
