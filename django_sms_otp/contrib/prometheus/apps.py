"""The Django app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from .. import base

if TYPE_CHECKING:
    from ..measures import Collector


class PrometheusConfig(base.MetricsConfig):
    name = "django_sms_otp.contrib.prometheus"
    label = "sms_otp_prometheus"
    verbose_name = _("SMS login: Prometheus")
    extra = "prometheus"

    def collector(self) -> Collector:
        from .collector import site_collector

        return site_collector()
