"""The contract fails a backend that breaks it, and says by which test."""

from __future__ import annotations

import json
import logging
import unittest
from collections.abc import Callable
from typing import Any

import pytest

from django_sms_otp import testing
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.backends.transport import Answer, post
from django_sms_otp.exceptions import DeliveryUnknown, NotDelivered

logger = logging.getLogger("shop")


class GoodBackend(BaseSMSBackend):
    """Keeps the contract; what follows breaks it in one place each."""

    def __init__(
        self, *, alias: str = "default", url: str, timeout: float, **options: Any
    ) -> None:
        super().__init__(alias=alias, **options)
        self.url = url
        self.timeout = timeout

    def send(self, message: SMSMessage) -> SendResult:
        answer = self.ask(message)
        if not 200 <= answer.status < 300:
            raise self.error_of(answer)
        try:
            return SendResult(message_id=json.loads(answer.body or b"")["id"])
        except (ValueError, TypeError, KeyError):
            raise DeliveryUnknown from None

    def ask(self, message: SMSMessage) -> Answer:
        body = json.dumps({"to": message.to, "text": message.body}).encode()
        return post(self.url, body, {}, timeout=self.timeout)

    def error_of(self, answer: Answer) -> Exception:
        return NotDelivered() if 400 <= answer.status < 500 else DeliveryUnknown()


class TakesAnyOption(GoodBackend):
    def __init__(self, *, no_such_option: int = 0, **options: Any) -> None:
        super().__init__(**options)


class SaysNothing(GoodBackend):
    def send(self, message: SMSMessage) -> SendResult:
        return SendResult(message_id="m1")


class HasNoName(GoodBackend):
    def send(self, message: SMSMessage) -> SendResult:
        super().send(message)
        return SendResult()


class TriesAgain(GoodBackend):
    def ask(self, message: SMSMessage) -> Answer:
        try:
            return super().ask(message)
        except DeliveryUnknown:
            return super().ask(message)


class CallsATimeOutNotSent(GoodBackend):
    def ask(self, message: SMSMessage) -> Answer:
        try:
            return super().ask(message)
        except DeliveryUnknown:
            raise NotDelivered from None


class CallsA5xxNotSent(GoodBackend):
    def error_of(self, answer: Answer) -> Exception:
        return NotDelivered()


class CallsA4xxUnknown(GoodBackend):
    def error_of(self, answer: Answer) -> Exception:
        return DeliveryUnknown()


class HasNoPatienceLimit(GoodBackend):
    def ask(self, message: SMSMessage) -> Answer:
        self.timeout *= 3
        return super().ask(message)


class FollowsRedirects(GoodBackend):
    def ask(self, message: SMSMessage) -> Answer:
        answer = super().ask(message)
        return super().ask(message) if 300 <= answer.status < 400 else answer


class Logs(GoodBackend):
    def ask(self, message: SMSMessage) -> Answer:
        logger.debug("Sending %s.", message.body)
        return super().ask(message)


class TellsTheNumber(GoodBackend):
    def error_of(self, answer: Answer) -> Exception:
        return (
            NotDelivered("Not to +14155552671.") if answer.status < 500 else DeliveryUnknown()
        )


class ChainsTheMessage(GoodBackend):
    def ask(self, message: SMSMessage) -> Answer:
        answer = super().ask(message)
        if answer.status == 401:
            raise NotDelivered from ValueError(message.body)
        return answer


class SwallowsGarbage(GoodBackend):
    def send(self, message: SMSMessage) -> SendResult:
        answer = self.ask(message)
        if not 200 <= answer.status < 300:
            raise self.error_of(answer)
        return SendResult(message_id="m1")


def failed(backend_class: Callable[..., BaseSMSBackend]) -> set[str]:
    """Return the tests of the contract that the backend does not pass."""

    class Case(testing.BackendContract, unittest.TestCase):
        accepted = testing.Answer(body={"id": "m1"})
        message_id = "m1"
        timeout = 0.2

        def make_backend(self, url: str, **options: Any) -> BaseSMSBackend:
            return backend_class(**{"url": url, "timeout": self.timeout, **options})

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    problems = [test for test, _text in (*result.failures, *result.errors)]
    return {test.id().split(" ")[0].rpartition(".")[2] for test in problems}


def test_a_good_backend_passes() -> None:
    assert failed(GoodBackend) == set()


@pytest.mark.parametrize(
    ("backend_class", "caught_by"),
    [
        (TakesAnyOption, "test_an_unknown_option_is_refused_by_its_name"),
        (SaysNothing, "test_a_message_arrives_at_the_gateway_in_one_request"),
        (HasNoName, "test_a_result_has_the_gateways_name_for_the_message"),
        (TriesAgain, "test_after_a_broken_answer_nobody_knows"),
        (CallsATimeOutNotSent, "test_after_a_time_out_nobody_knows"),
        (CallsA5xxNotSent, "test_after_a_5xx_nobody_knows"),
        (CallsA4xxUnknown, "test_a_429_was_not_sent"),
        (CallsA4xxUnknown, "test_a_rejected_request_was_not_sent"),
        (HasNoPatienceLimit, "test_after_a_time_out_nobody_knows"),
        (FollowsRedirects, "test_a_redirect_is_not_followed"),
        (Logs, "test_a_message_arrives_at_the_gateway_in_one_request"),
        (TellsTheNumber, "test_a_rejected_request_was_not_sent"),
        (ChainsTheMessage, "test_a_rejected_request_was_not_sent"),
        (SwallowsGarbage, "test_after_an_unreadable_success_nobody_knows"),
    ],
)
def test_a_broken_one_is_caught(
    backend_class: Callable[..., BaseSMSBackend], caught_by: str
) -> None:
    assert caught_by in failed(backend_class)
