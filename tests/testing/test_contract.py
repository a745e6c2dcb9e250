"""Every backend that speaks HTTP keeps the contract, with the real SDKs over real sockets."""

from __future__ import annotations

import os
import unittest
import unittest.mock
from typing import Any

from django_sms_otp import testing
from django_sms_otp.backends import apprise, webhook
from django_sms_otp.backends.aws import backend as aws
from django_sms_otp.backends.twilio import backend as twilio
from django_sms_otp.exceptions import DeliveryUnknown
from django_sms_otp.testing import Answer

from ..support import fake_aws, fake_twilio


def of_twilio(answer: fake_twilio.Answer) -> Answer:
    headers = {"Content-Type": "application/json", **answer.headers}
    return Answer(status=answer.status, body=answer.chunk, headers=headers)


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


class AWSTests(testing.BackendContract, unittest.TestCase):
    accepted = fake_aws.accepted()
    message_id = fake_aws.MESSAGE_ID
    refused = {
        "recipient_opted_out": fake_aws.conflict("DESTINATION_PHONE_NUMBER_OPTED_OUT"),
        "region_not_supported": fake_aws.invalid("DESTINATION_COUNTRY_BLOCKED"),
        "invalid_phone_number": fake_aws.invalid(
            "FIELD_VALIDATION_FAILED", "DestinationPhoneNumber"
        ),
    }
    rejected = fake_aws.problem("AccessDeniedException")

    def make_backend(self, url: str, **options: Any) -> aws.SMSBackend:
        with unittest.mock.patch.dict(os.environ, fake_aws.CREDENTIALS):
            backend = aws.SMSBackend(
                alias="default", region="eu-central-1", endpoint_url=url, **options
            )
        self.addCleanup(backend._client.close)
        return backend


class AppriseTests(testing.BackendContract, unittest.TestCase):
    """By a gateway for SMS that one runs oneself. After a no, nobody knows."""

    service = "smseagle://token@{gateway}/{{to}}"
    accepted = Answer(body={"result": {"message_id": "1", "status": "ok"}})
    reads_answers = False

    def test_a_rejected_request_was_not_sent(self) -> None:
        assert type(self._failure(self.rejected)) is DeliveryUnknown

    def test_a_429_was_not_sent(self) -> None:
        assert type(self._failure(Answer(status=429))) is DeliveryUnknown

    def make_backend(self, url: str, **options: Any) -> apprise.SMSBackend:
        template = self.service.format(gateway=url.removeprefix("http://"))
        return apprise.SMSBackend(alias="default", url=template, **options)


class AppriseJSONTests(AppriseTests):
    """By the plugin for any receiver of JSON."""

    service = "json://user:password@{gateway}/path?:to={{digits}}"
    accepted = Answer()


class AppriseSignalTests(AppriseTests):
    """By a messenger."""

    service = "signal://{gateway}/+15005550006/{{to}}"
    accepted = Answer(status=201, body={"timestamp": "1"})
