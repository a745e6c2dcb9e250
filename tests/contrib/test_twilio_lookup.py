"""The real SDK asks Twilio Lookup, which is a server on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User

from django_sms_otp import services
from django_sms_otp.contrib.twilio_lookup import TwilioRisk
from django_sms_otp.controls.hooks import NumberUse, Risk
from django_sms_otp.exceptions import DeliveryError, InvalidSettings, Unavailable
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed, RedemptionRefused
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, last_code
from ..support.factories import VerifiedPhoneFactory
from ..support.fake_lookup import FakeLookup, fake_lookup
from ..support.fake_twilio import Answer, refusal

ACCOUNT_SID, AUTH_TOKEN = "AC" + "1" * 32, "token-of-the-account-7f3a"
GERMAN = "+4915123456789"
USED_AT = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
NEVER_MIND: Any = None


class SwapsAlone(TwilioRisk):
    packages = ("sim_swap",)


class Strict(TwilioRisk):
    swapped = Risk.REFUSE
    reassigned = Risk.ASK_FOR_MORE
    unknown = Risk.ASK_FOR_MORE


class OfAnotherBackend(TwilioRisk):
    alias = "ours"


@pytest.fixture
def lookup(settings: Any) -> Iterator[FakeLookup]:
    with fake_lookup() as server:
        options = {
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "from_number": "+15005550006",
            "timeout": 2,
            "base_url": server.base_url,
        }
        settings.SMS_OTP_BACKENDS = {
            "default": {
                "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
                "OPTIONS": options,
            },
            "ours": {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"},
        }
        yield server


def use(number: str = PHONE, last_used_at: datetime | None = USED_AT) -> NumberUse:
    return NumberUse(
        phone_number=parse_phone_number(number),
        purpose="login",
        user=NEVER_MIND,
        last_used_at=last_used_at,
    )


def test_it_asks_for_both_packages_since_the_last_use(lookup: FakeLookup) -> None:
    # There it was the next day already.
    assert TwilioRisk().assess(use(last_used_at=USED_AT.astimezone(BERLIN))) is Risk.FINE
    [request] = lookup.requests
    assert request.method == "GET"
    assert unquote(request.path).startswith(f"/v2/PhoneNumbers/{PHONE}?")
    assert request.credentials == (ACCOUNT_SID, AUTH_TOKEN)
    assert lookup.asked() == [
        {"Fields": "sim_swap,reassigned_number", "LastVerifiedDate": "20260131"}
    ]


@pytest.mark.parametrize(("number", "used_at"), [(GERMAN, USED_AT), (PHONE, None)])
def test_it_asks_nothing_that_twilio_cannot_know(
    lookup: FakeLookup, number: str, used_at: datetime | None
) -> None:
    assert TwilioRisk().assess(use(number, used_at)) is Risk.FINE
    assert lookup.asked() == [{"Fields": "sim_swap"}]


@pytest.mark.parametrize(
    ("days", "is_in_period", "verdict"),
    [
        pytest.param(1, True, Risk.ASK_FOR_MORE, id="swapped since"),
        pytest.param(1, False, Risk.FINE, id="swapped long ago"),
        pytest.param(-1, True, Risk.FINE, id="used since"),
    ],
)
def test_a_swapped_sim_asks_for_more(
    lookup: FakeLookup, days: int, verdict: Risk, *, is_in_period: bool
) -> None:
    lookup.swaps[PHONE] = (USED_AT + timedelta(days=days), is_in_period)
    assert TwilioRisk().assess(use()) is verdict
    assert SwapsAlone().assess(use()) is verdict
    assert TwilioRisk().assess(use("+14155552672")) is Risk.FINE


def test_a_swap_asks_for_more_if_nobody_knows_of_a_use(lookup: FakeLookup) -> None:
    lookup.swaps[PHONE] = (USED_AT - timedelta(days=900), True)
    assert TwilioRisk().assess(use(PHONE, None)) is Risk.ASK_FOR_MORE


@pytest.mark.parametrize(
    ("word", "verdict"),
    [("yes", Risk.REFUSE), ("no", Risk.FINE), ("no_data_available", Risk.FINE)],
)
def test_a_reassigned_number_is_refused(lookup: FakeLookup, word: str, verdict: Risk) -> None:
    lookup.reassigned[PHONE] = word
    assert TwilioRisk().assess(use()) is verdict
    assert SwapsAlone().assess(use()) is Risk.FINE


def test_the_gravest_verdict_counts(lookup: FakeLookup) -> None:
    lookup.swaps[PHONE] = (USED_AT + timedelta(days=1), True)
    lookup.reassigned[PHONE] = "yes"
    assert TwilioRisk().assess(use()) is Strict().assess(use()) is Risk.REFUSE


def test_a_site_may_have_other_verdicts(lookup: FakeLookup) -> None:
    assert Strict().assess(use()) is Risk.ASK_FOR_MORE
    lookup.reassigned[PHONE] = "no"
    assert Strict().assess(use()) is Risk.FINE
    lookup.reassigned[PHONE] = "yes"
    assert Strict().assess(use()) is Risk.ASK_FOR_MORE


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"sim_swap": null, "reassigned_number": null}',
        '{"sim_swap": "none", "reassigned_number": []}',
        '{"sim_swap": {"last_sim_swap": []}}',
        '{"sim_swap": {"last_sim_swap": {"last_sim_swap_date": "2026-99-99T00:00:00Z"}}}',
        '{"sim_swap": {"last_sim_swap": {"last_sim_swap_date": 7}}}',
    ],
)
def test_an_answer_that_says_nothing_is_unknown(lookup: FakeLookup, body: str) -> None:
    lookup.answers(Answer(status=200, body=body))
    assert TwilioRisk().assess(use()) is Risk.FINE
    assert Strict().assess(use()) is Risk.ASK_FOR_MORE


def test_a_number_that_twilio_does_not_know_is_unknown(lookup: FakeLookup) -> None:
    lookup.answers(refusal(400, 21211))
    assert TwilioRisk().assess(use()) is Risk.FINE


FAILURES = [
    pytest.param(refusal(401, 20003, f"{PHONE} {AUTH_TOKEN}"), id="credentials"),
    pytest.param(refusal(500, 20500, PHONE), id="broken"),
    pytest.param(Answer(status=200, body=f"<{PHONE}>"), id="no-json"),
    pytest.param(Answer(hangs_up=True), id="hung-up"),
    pytest.param(Answer(status=200, body="{}", delay=3), id="too-late"),
]


@pytest.mark.parametrize("answer", [*FAILURES, Answer(status=200, body="{}")])
def test_no_log_and_no_error_shows_the_number_or_the_token(
    lookup: FakeLookup, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    lookup.answers(answer)
    error = ""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "twilio"):
        logging.getLogger("urllib3.connectionpool").setLevel(logging.DEBUG)
        try:
            TwilioRisk().assess(use())
        except DeliveryError as raised:
            error = f"{raised!r} {raised.__context__!r} {raised.__cause__!r}"
    logged = [f"{record.getMessage()} {record.args!r}" for record in caplog.records]
    for secret in (PHONE[1:], AUTH_TOKEN, ACCOUNT_SID):
        assert not [line for line in [*logged, error] if secret in line]


def test_only_a_twilio_backend_can_be_asked(lookup: FakeLookup) -> None:
    with pytest.raises(InvalidSettings, match="'ours'"):
        OfAnotherBackend().assess(use())


# In a login ----------------------------------------------------------------------------------


def log_in() -> Redeemed[Any] | RedemptionRefused:
    number = parse_phone_number(PHONE)
    services.request_code(number)
    return services.redeem_code(last_code(), phone_number=number)


@pytest.fixture
def logins(lookup: FakeLookup, settings: Any, transactional_db: None) -> Iterator[User]:
    settings.SMS_OTP_BACKENDS["sms"] = settings.SMS_OTP_BACKENDS["ours"]
    path = "django_sms_otp.contrib.twilio_lookup.TwilioRisk"
    with override_sms_otp(NUMBER_RISK=path, CHANNELS={"sms": "ours"}, COOLDOWN=[]):
        yield VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=USED_AT).user


def test_a_swapped_sim_opens_no_account_until_the_number_is_bound_anew(
    logins: User, lookup: FakeLookup
) -> None:
    swapped_at = datetime.now(UTC) - timedelta(hours=5)
    lookup.swaps[PHONE] = (swapped_at, True)
    answer = log_in()
    assert isinstance(answer, RedemptionRefused)
    assert answer.reason == "reverification_needed"
    logins.verified_phones.update(verified_at=swapped_at + timedelta(hours=1))
    assert isinstance(log_in(), Redeemed)


def test_a_reassigned_number_opens_no_account(logins: User, lookup: FakeLookup) -> None:
    lookup.reassigned[PHONE] = "yes"
    answer = log_in()
    assert isinstance(answer, RedemptionRefused)
    assert answer.reason == "no_active_account"


@pytest.mark.parametrize("answer", FAILURES)
def test_an_outage_of_twilio_logs_nobody_in(
    logins: User, lookup: FakeLookup, answer: Answer
) -> None:
    lookup.answers(answer)
    with pytest.raises(Unavailable):
        log_in()
