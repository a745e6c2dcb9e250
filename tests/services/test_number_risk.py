"""The site's class that assesses a number between the right code and the account."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection

from django_sms_otp import services
from django_sms_otp.controls.hooks import NumberRisk, NumberUse, Risk
from django_sms_otp.exceptions import InvalidSettings, Unavailable
from django_sms_otp.models import OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import NumberLinked, Redeemed, RedemptionRefused
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, last_code, wrong
from ..support.factories import VerifiedPhoneFactory
from ..support.guesses import consecutive

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "tests.services.test_number_risk"
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBER = parse_phone_number(PHONE)
YEAR = timedelta(days=365)
IP = "203.0.113.9"

OTHER = parse_phone_number("+14155552672")

uses: list[NumberUse] = []
done: list[str] = []
inside: list[bool] = []
said: dict[str, Any] = {}


class Signals(NumberRisk):
    def assess(self, use: NumberUse) -> Risk:
        uses.append(use)
        inside.append(connection.in_atomic_block)
        if isinstance(said["risk"], Exception):
            raise said["risk"]
        if callable(said["risk"]):
            said["risk"]()
            return Risk.FINE
        risk: Risk = said["risk"]
        return risk

    def has_given_more(self, use: NumberUse) -> bool:
        return bool(said.get("more"))


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    uses.clear()
    done.clear()
    inside.clear()
    said.clear()
    said["risk"] = Risk.FINE
    with (
        time_machine.travel(NOON, tick=False) as traveller,
        override_sms_otp(NUMBER_RISK=f"{HERE}.Signals", COOLDOWN=[]),
    ):
        yield traveller


def redeem(code: str = "", **more: Any) -> Redeemed[Any] | RedemptionRefused:
    return services.redeem_code(code or last_code(), phone_number=NUMBER, **more)


def log_in(**more: Any) -> Redeemed[Any] | RedemptionRefused:
    services.request_code(NUMBER, ip_address=IP)
    return redeem(ip_address=IP, **more)


def reason_of(answer: object) -> str:
    return answer.reason if isinstance(answer, RedemptionRefused) else ""


@pytest.mark.parametrize(
    ("risk", "more", "reason"),
    [
        (Risk.FINE, False, ""),
        (Risk.ASK_FOR_MORE, False, "reverification_needed"),
        (Risk.ASK_FOR_MORE, True, ""),
        (Risk.REFUSE, False, "no_active_account"),
        (Risk.REFUSE, True, "no_active_account"),
    ],
)
def test_the_verdict_decides(risk: Risk, reason: str, *, more: bool) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=NOON - YEAR)
    said.update(risk=risk, more=more)
    assert reason_of(log_in(grant=lambda user: "tokens")) == reason
    code = OTPCode.objects.get()
    assert code.redeemed_at is not None
    assert code.failed_attempts == 0
    assert consecutive() == 0
    assert (VerifiedPhone.objects.get().last_used_at is None) == bool(reason)


@override_sms_otp(STALE_AFTER=YEAR)
@pytest.mark.parametrize(
    ("more", "risk", "reason", "asked"),
    [
        (False, Risk.FINE, "reverification_needed", 0),
        (True, Risk.FINE, "", 1),
        (True, Risk.ASK_FOR_MORE, "", 1),
        (True, Risk.REFUSE, "no_active_account", 1),
    ],
)
def test_a_stale_number_opens_its_account_to_who_has_given_more(
    risk: Risk, reason: str, asked: int, *, more: bool
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=NOON - 2 * YEAR)
    said.update(risk=risk, more=more)
    assert reason_of(log_in()) == reason
    assert [use.is_stale for use in uses] == [True] * asked


def step_up(user: User) -> object:
    services.request_step_up(user)
    return services.confirm_step_up(user, last_code(), grant=lambda _: done.append("step_up"))


def link(user: User) -> object:
    services.request_link_code(user, OTHER)
    return services.link_number(user, last_code(), phone_number=OTHER)


def pay(user: User) -> object:
    services.request_code(NUMBER, purpose="payment")
    return redeem(purpose="payment", user=user, grant=lambda _: done.append("payment"))


ACTS = {"step_up": step_up, "verify_phone": link, "payment": pay}


@override_sms_otp(PURPOSES={"payment": {}}, STALE_AFTER=YEAR)
@pytest.mark.parametrize(
    ("risk", "more", "reason"),
    [
        (Risk.FINE, False, ""),
        (Risk.ASK_FOR_MORE, False, "reverification_needed"),
        (Risk.ASK_FOR_MORE, True, ""),
        (Risk.REFUSE, True, "no_active_account"),
    ],
)
@pytest.mark.parametrize("purpose", ACTS)
def test_a_swapped_sim_confirms_nothing_for_who_is_logged_in(
    purpose: str, risk: Risk, reason: str, *, more: bool
) -> None:
    long_ago = NOON - 2 * YEAR
    user = VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=long_ago).user
    said.update(risk=risk, more=more)
    assert getattr(ACTS[purpose](user), "reason", "") == reason
    # Only at a login does a number count as stale.
    [use] = uses
    is_link = purpose == "verify_phone"
    assert (use.purpose, use.user, use.is_stale) == (purpose, user, False)
    assert use.last_used_at == (None if is_link else long_ago)
    if VerifiedPhone.objects.filter(phone_number=OTHER.e164).exists():
        done.append("verify_phone")
    assert done == ([] if reason else [purpose])
    code = OTPCode.objects.get()
    assert code.redeemed_at is not None
    assert code.failed_attempts == 0


def test_a_step_up_asks_about_the_use_of_its_own_number() -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE, last_used_at=NOON).user
    VerifiedPhoneFactory.create(phone_number=OTHER.e164, user=user, verified_at=NOON - YEAR)
    for number in services.numbers_of(user):
        services.request_step_up(user, number.id)
        services.confirm_step_up(user, last_code(), number_id=number.id)
    seen = [(use.phone_number, use.last_used_at) for use in uses]
    assert seen == [(NUMBER, NOON), (OTHER, NOON - YEAR)]


def test_who_verifies_their_own_number_anew_is_not_asked_about() -> None:
    """That is the way back for who was told that more is needed."""
    user = VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=NOON - YEAR).user
    said.update(risk=Risk.REFUSE)
    services.request_link_code(user, NUMBER)
    assert isinstance(
        services.link_number(user, last_code(), phone_number=NUMBER), NumberLinked
    )
    assert not uses


def test_it_gets_to_know_what_it_needs_and_tells_nobody() -> None:
    phone = VerifiedPhoneFactory.create(phone_number=PHONE, last_used_at=NOON)
    log_in(device="tablet-7")
    [use] = uses
    assert use == NumberUse(
        phone_number=NUMBER,
        purpose="login",
        user=phone.user,
        last_used_at=NOON,
        is_stale=False,
        ip_address=IP,
        device="tablet-7",
    )
    assert not {PHONE, PHONE[1:], "tablet-7", phone.user.username} & set(repr(use).split("'"))


def test_it_is_asked_outside_of_any_transaction() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    log_in(grant=lambda user: 0, grant_writes=True)
    assert inside == [False]


def test_nobody_is_asked_about_a_wrong_guess_a_new_number_or_another_purpose() -> None:
    services.request_code(NUMBER)
    redeem(wrong(last_code()))
    assert isinstance(redeem(), Redeemed)
    assert User.objects.count() == 1
    services.request_code(NUMBER, purpose=services.VERIFY_PHONE)
    assert isinstance(redeem(purpose=services.VERIFY_PHONE), Redeemed)
    assert not uses


def test_the_guess_is_counted_before_the_site_is_asked() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    said["risk"] = lambda: said.update(seen=OTPCode.objects.get().failed_attempts)
    assert isinstance(log_in(), Redeemed)
    assert said["seen"] == 1


def test_parallel_right_guesses_ask_no_more_often_than_a_code_has_attempts() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    services.request_code(NUMBER, ip_address=IP)
    code, barrier, answers = last_code(), threading.Barrier(12), list[object]()

    def guess() -> None:
        barrier.wait(timeout=30)
        try:
            answers.append(redeem(code, ip_address=IP))
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(isinstance(each, Redeemed) for each in answers) == 1
    assert 1 <= len(uses) <= 5


def test_an_outage_logs_nobody_in_and_spends_no_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    said["risk"] = RuntimeError(f"no answer about {PHONE}")
    with pytest.raises(Unavailable):
        log_in()
    assert PHONE not in caplog.text
    assert [record.sms_otp["control"] for record in caplog.records if record.levelno >= 40] == [  # type: ignore[attr-defined]
        "risk"
    ]
    # The provider may have billed the question, so the guess stays counted.
    assert OTPCode.objects.get().failed_attempts == 1
    said["risk"] = Risk.FINE
    assert isinstance(redeem(ip_address=IP), Redeemed)


def test_an_outage_is_asked_about_no_more_often_than_a_code_has_attempts() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    said["risk"] = RuntimeError("no answer")
    services.request_code(NUMBER, ip_address=IP)
    for _ in range(5):
        with pytest.raises(Unavailable):
            redeem(ip_address=IP)
    assert reason_of(redeem(ip_address=IP)) == "too_many_attempts"
    assert len(uses) == 5


def test_a_verdict_of_another_kind_fails_closed() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    said["risk"] = True
    said["risk"] = "fine"
    with pytest.raises(Unavailable):
        log_in()


def test_a_number_that_changes_hands_meanwhile_opens_nothing() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    heir = VerifiedPhoneFactory.create().user
    said["risk"] = lambda: VerifiedPhone.objects.filter(phone_number=PHONE).update(
        user=heir, is_primary=None
    )
    assert reason_of(log_in()) == "reverification_needed"


@override_sms_otp(NUMBER_RISK=f"{HERE}.NoSuchClass")
def test_a_class_that_is_not_there_costs_no_guess() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    services.request_code(NUMBER)
    with pytest.raises(InvalidSettings):
        redeem()
    assert OTPCode.objects.get().failed_attempts == 0


def test_the_base_class_lets_every_number_pass() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    with override_sms_otp(NUMBER_RISK="django_sms_otp.controls.hooks.NumberRisk"):
        assert isinstance(log_in(), Redeemed)
    with override_sms_otp(
        NUMBER_RISK="django_sms_otp.controls.hooks.NumberRisk", STALE_AFTER=YEAR
    ):
        VerifiedPhone.objects.update(last_used_at=None, verified_at=NOON - 2 * YEAR)
        assert reason_of(log_in()) == "reverification_needed"
