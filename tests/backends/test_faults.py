"""Who is at fault: what follows for circuits, and the words that people read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from django.utils import translation

from django_sms_otp.backends import describe, hand_over
from django_sms_otp.exceptions import DeliveryError
from django_sms_otp.models import Limit
from django_sms_otp.testing import Answer, FakeGateway, fake_gateway

from ..support import fake_aws
from ..support.every_gateway import ENTRIES
from ..support.gateways import composite, make_message, twilio_entry

pytestmark = pytest.mark.django_db

FAILURES = 3


def twilio_says(status: int, code: int) -> Answer:
    return Answer(status=status, body={"code": code, "message": "No", "status": status})


def aws_says(name: str, reason: str = "") -> Answer:
    return Answer(status=400, body={"__type": name, "Reason": reason})


ABOUT_THE_NUMBER_OR_MESSAGE = [
    ("aws", aws_says("ValidationException", "PRICE_OVER_THRESHOLD")),
    ("aws", aws_says("ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND")),
    ("twilio", twilio_says(400, 21211)),
    ("twilio", twilio_says(400, 21612)),
    ("twilio", twilio_says(400, 21408)),
    ("twilio", twilio_says(400, 29999)),
    ("verify", twilio_says(403, 60410)),
    ("verify", twilio_says(429, 60203)),
    ("webhook", Answer(status=400)),
    ("webhook", Answer(status=422)),
]
ABOUT_THE_ACCOUNT_OR_MOMENT = [
    ("apprise", Answer(status=401)),
    ("apprise", Answer(status=500)),
    ("aws", aws_says("AccessDeniedException")),
    ("aws", aws_says("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")),
    ("twilio", twilio_says(401, 20003)),
    ("twilio", twilio_says(403, 29999)),
    ("twilio", twilio_says(400, 21611)),
    ("verify", twilio_says(401, 20003)),
    ("webhook", Answer(status=401)),
    ("webhook", Answer(status=503)),
]


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with fake_gateway() as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_aws.CREDENTIALS.items():
        monkeypatch.setenv(name, value)


def circuit_after(gateway: FakeGateway, kind: str, answer: Answer) -> dict[str, Any]:
    """Return the circuit of a gateway that has given this answer to several messages."""
    gateway.answers(answer)
    backends = {
        "default": composite("failover", aliases=["gateway"], failures=FAILURES),
        "gateway": ENTRIES[kind](gateway.url),
    }
    with override_settings(SMS_OTP_BACKENDS=backends):
        for _ in range(FAILURES):
            with pytest.raises(DeliveryError):
                hand_over(make_message(), "default")
    row = Limit.objects.filter(kind="circuit", subject="gateway").first()
    return row.state if row else {}


@pytest.mark.parametrize(("kind", "answer"), ABOUT_THE_NUMBER_OR_MESSAGE)
def test_what_is_about_the_number_or_message_never_counts_against_the_gateway(
    gateway: FakeGateway, kind: str, answer: Answer
) -> None:
    assert circuit_after(gateway, kind, answer) == {}


@pytest.mark.parametrize(("kind", "answer"), ABOUT_THE_ACCOUNT_OR_MOMENT)
def test_what_is_about_the_account_or_the_moment_opens_the_circuit(
    gateway: FakeGateway, kind: str, answer: Answer
) -> None:
    assert circuit_after(gateway, kind, answer)["failures"] == FAILURES


# The words


@pytest.mark.parametrize(
    ("kind", "error_code", "words"),
    [
        ("twilio", "30003", "The phone is switched off or out of reach."),
        ("twilio", "no-answer", "Nobody answered the call."),
        (
            "twilio",
            "402",
            "The gateway account has run out of credit, or used up its limit of messages.",
        ),
        (
            "verify",
            "575001",
            "The gateway account is on trial: it sends to verified numbers only.",
        ),
        (
            "aws",
            "ACCOUNT_DISABLED",
            "The gateway account is suspended, closed or under review.",
        ),
        ("webhook", "403", "The gateway account may not do this."),
        ("apprise", "no", "The gateway refused, and gave no reason."),
        ("webhook", "timeout", "The gateway did not answer in time."),
        ("webhook", "30003", ""),
        ("twilio", "", ""),
    ],
)
def test_a_failure_is_told_in_a_sentence(kind: str, error_code: str, words: str) -> None:
    url = "http://127.0.0.1:9"
    with override_settings(SMS_OTP_BACKENDS={"default": ENTRIES[kind](url)}):
        assert describe("default", error_code) == words


def test_the_sentence_is_in_the_language_of_who_reads_it() -> None:
    backends = {"default": twilio_entry("http://127.0.0.1:9")}
    with override_settings(SMS_OTP_BACKENDS=backends), translation.override("de"):
        assert describe("default", "30003").startswith("Das Telefon ist ausgeschaltet")


def test_an_alias_that_is_gone_has_words_for_what_all_gateways_share() -> None:
    assert describe("gone", "queue") == "The queue did not take the message."
    assert describe("gone", "30003") == ""
