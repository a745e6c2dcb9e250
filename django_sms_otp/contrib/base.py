"""The common part of the apps for metrics."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import import_string

from ..exceptions import InvalidSettings


class MetricsConfig(AppConfig):
    """Connects a collector as the app starts.

    ``collector`` is the dotted path of a callable that makes it. Its module needs the package
    of the ``extra``, and models, which cannot be imported before :meth:`ready`.
    """

    extra: str
    collector: str

    def ready(self) -> None:
        try:
            make_collector = import_string(self.collector)
        except ImportError as error:
            raise InvalidSettings(
                f"INSTALLED_APPS names {self.name!r}, but its package is missing: "
                f"pip install 'django-sms-otp[{self.extra}]'."
            ) from error
        make_collector().connect(self.label)
