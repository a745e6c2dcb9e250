"""For the tests of a site: an outbox, logins, other settings for a while, and a contract for
backends.

.. code-block:: python

    from django.test import TestCase
    from django_sms_otp import testing

    class OrderTests(testing.SMSTestMixin, TestCase):
        def test_orders(self):
            self.log_in(self.client, "+14155550100")
            self.assertContains(self.client.get("/orders/"), "No orders yet")

With pytest, the fixtures ``sms_outbox``, ``log_in`` and ``code_for`` do the same.
"""

from __future__ import annotations

from ..backends.locmem import outbox
from .contract import BackendContract
from .gateway import Answer, FakeGateway, Request, fake_gateway
from .logins import code_for, log_in
from .mixins import SMSTestMixin
from .settings import override_sms_otp

__all__ = [
    "Answer",
    "BackendContract",
    "FakeGateway",
    "Request",
    "SMSTestMixin",
    "code_for",
    "fake_gateway",
    "log_in",
    "outbox",
    "override_sms_otp",
]
