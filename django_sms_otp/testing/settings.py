"""Settings for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.test.utils import override_settings

from ..backends import SMSMessage
from ..backends.locmem import SMSBackend, outbox
from ..conf import backend_aliases

__all__ = ["override_sms_otp", "sms_in_memory"]


class override_sms_otp(override_settings):  # noqa: N801  (named like what it extends)
    """Change single keys of ``SMS_OTP``: a decorator and a context manager."""

    def __init__(self, **keys: Any) -> None:
        super().__init__()
        self.keys = keys

    def enable(self) -> None:
        self._merge()
        super().enable()

    def save_options(self, test_func: Any) -> None:
        self._merge()
        super().save_options(test_func)

    def _merge(self) -> None:
        self.options = {"SMS_OTP": {**getattr(settings, "SMS_OTP", {}), **self.keys}}


@contextmanager
def sms_in_memory() -> Iterator[list[SMSMessage]]:
    """Keep all messages in :data:`outbox` for a while, whatever backends the site has."""
    locmem = {"BACKEND": f"{SMSBackend.__module__}.{SMSBackend.__qualname__}"}
    with override_settings(SMS_OTP_BACKENDS=dict.fromkeys(backend_aliases(), locmem)):
        yield outbox
