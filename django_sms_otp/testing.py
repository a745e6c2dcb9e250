"""For the tests of a site: what was sent, and settings for a while.

.. code-block:: python

    from django_sms_otp import testing

    @testing.override_sms_otp(CODE_LENGTH=8)
    def test_login(client):
        client.post("/auth/sms/get-code/", {"phone_number": "+14155552671"})
        code = testing.outbox[-1].code

The outbox is filled by ``django_sms_otp.backends.locmem.SMSBackend``; name it in
``SMS_OTP_BACKENDS`` of the test settings.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.test.utils import override_settings

from .backends.locmem import outbox

__all__ = ["outbox", "override_sms_otp"]


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
