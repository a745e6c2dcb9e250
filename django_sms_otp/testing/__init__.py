"""For the tests of a site: an outbox, other settings for a while, and a contract for backends.

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

from ..backends.locmem import outbox
from .contract import BackendContract
from .gateway import Answer, FakeGateway, Request, fake_gateway
from .settings import override_sms_otp

__all__ = [
    "Answer",
    "BackendContract",
    "FakeGateway",
    "Request",
    "fake_gateway",
    "outbox",
    "override_sms_otp",
]
