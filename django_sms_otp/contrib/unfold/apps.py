"""The Django app."""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

from ...exceptions import InvalidSettings


class UnfoldConfig(AppConfig):
    name = "django_sms_otp.contrib.unfold"
    label = "sms_otp_unfold"
    verbose_name = _("SMS login: Unfold")

    def ready(self) -> None:
        """:raises InvalidSettings: what its pages need is not there."""
        if find_spec("unfold") is None:
            raise InvalidSettings(
                f"INSTALLED_APPS names {self.name!r}, but its package is missing: "
                "pip install 'django-sms-otp[unfold]'."
            )
        order = [config.name for config in apps.get_app_configs()]
        # Django takes a template of the first app that has it.
        if order.index(self.name) > order.index("django_sms_otp"):
            raise InvalidSettings(
                f"INSTALLED_APPS names {self.name!r} after 'django_sms_otp'. Write it "
                "before, so that its templates are found."
            )
