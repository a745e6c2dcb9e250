"""The common part of the apps for metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

from ..exceptions import InvalidSettings

if TYPE_CHECKING:
    # Models, which it imports, cannot be imported before ready().
    from .measures import Collector


class MetricsConfig(AppConfig):
    """Connects a collector as the app starts."""

    extra: str

    def collector(self) -> Collector:
        """Return the collector. Import the package of the extra here."""
        raise NotImplementedError(f"{type(self).__name__} must define collector().")

    def ready(self) -> None:
        from .measures import connect

        try:
            collector = self.collector()
        except ImportError as error:
            raise InvalidSettings(
                f"INSTALLED_APPS names {self.name!r}, but its package is missing: "
                f"pip install 'django-sms-otp[{self.extra}]'."
            ) from error
        connect(collector, self.label)
