"""Every backend that speaks HTTP keeps the contract, with the real SDKs over real sockets."""

from __future__ import annotations

import unittest
from typing import Any

from django_sms_otp import testing
from django_sms_otp.backends import twilio, webhook
from django_sms_otp.testing import Answer

from . import fake_twilio


def of_twilio(answer: fake_twilio.Answer) -> Answer:
    headers = {"Content-Type": "application/json", **answer.headers}
    return Answer(status=answer.status, body=answer.body.encode(), headers=headers)


class TwilioTests(testing.BackendContract, unittest.TestCase):
    accepted = of_twilio(fake_twilio.accepted())
    message_id = fake_twilio.MESSAGE_SID
    refused = {
        "invalid_phone_number": of_twilio(fake_twilio.refusal(400, 21211)),
        "phone_number_not_sms_capable": of_twilio(fake_twilio.refusal(400, 21614)),
        "region_not_supported": of_twilio(fake_twilio.refusal(400, 21408)),
        "recipient_opted_out": of_twilio(fake_twilio.refusal(400, 21610)),
    }
    rejected = of_twilio(fake_twilio.refusal(401, 20003))

    def make_backend(self, url: str, **options: Any) -> twilio.SMSBackend:
        backend = twilio.SMSBackend(
            alias="default",
            account_sid="AC" + "1" * 32,
            auth_token="token",
            from_number="+15005550006",
            base_url=url,
            **options,
        )
        self.addCleanup(backend._client.http_client.session.close)
        return backend


class WebhookTests(testing.BackendContract, unittest.TestCase):
    accepted = Answer(body={"message_id": "m1"})
    message_id = "m1"
    refused = {word: Answer(status=422, body={"code": word}) for word in webhook.REFUSALS}

    def make_backend(self, url: str, **options: Any) -> webhook.SMSBackend:
        return webhook.SMSBackend(alias="default", url=url, secret="s" * 32, **options)
