"""What a stranger learns besides the answers: from the gateway's, from a login that somebody
else makes, and from messages to numbers of his own.

Some of it still tells who has an account. Those tests are expected to fail, and say why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from django_sms_otp import services
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE
from ..support.engines import IMMEDIATE
from ..support.number_kinds import KINDS
from ..support.stranger import NEIGHBOUR, OWN_NUMBER, Stage, Stranger, is_sent_to, stage

pytestmark = pytest.mark.django_db

HOLDERS_ADDRESS = "198.51.100.1"

told_by_the_gateway = pytest.mark.parametrize(
    "error",
    [
        NotDelivered("down", retry_after=timedelta(seconds=7)),
        DeliveryUnknown("timed out"),
        DeliveryRefused("stop", code="recipient_opted_out"),
        DeliveryRefused("landline", code="phone_number_not_sms_capable"),
    ],
    ids=lambda error: getattr(error, "code", type(error).__name__),
)


def a_delivery(reason: str) -> pytest.MarkDecorator:
    """Name how messages are sent; ``reason``: why that tells, without a queue."""
    tells = pytest.mark.xfail(strict=True, reason=reason)
    choices = [pytest.param("immediate", marks=tells), "tasks"]
    return pytest.mark.parametrize("delivery", choices)


class FailingBackend(BaseSMSBackend):
    """Raises what a test puts into ``error``."""

    error: DeliveryError = NotDelivered()

    def send(self, message: SMSMessage) -> SendResult:
        if message.to == NEIGHBOUR:
            return SendResult()
        raise self.error


@pytest.fixture
def play() -> Iterator[Stage]:
    with stage() as play:
        yield play


@pytest.fixture
def failing_with(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    path = f"{__name__}.FailingBackend"
    settings.SMS_OTP_BACKENDS = {"default": {"BACKEND": path}}
    # What a job finds out is there before the stranger asks again.
    settings.TASKS = IMMEDIATE
    return lambda error: monkeypatch.setattr(FailingBackend, "error", error)


def tells_no_kind(play: Stage, story: Callable[[Stranger], object]) -> bool:
    """Tell whether numbers of every kind are answered alike."""
    first, *others = (play(story, kind) for kind in KINDS)
    return bool(first) and all(answers == first for answers in others)


# The gateway ---------------------------------------------------------------------------------


def asks_twice(stranger: Stranger) -> None:
    stranger.asks(None)
    stranger.asks(None)
    stranger.guesses()


@override_sms_otp(LIMITS={"prefix": "1/h"})
def asks_over_the_limit_of_the_prefix(stranger: Stranger) -> None:
    stranger.asks(None, number=NEIGHBOUR)
    asks_twice(stranger)


@told_by_the_gateway
def test_what_the_gateway_says_is_told_of_every_kind(
    play: Stage, failing_with: Callable[..., None], error: DeliveryError
) -> None:
    failing_with(error)
    assert tells_no_kind(play, asks_twice)


@pytest.mark.parametrize("story", [asks_twice, asks_over_the_limit_of_the_prefix])
@pytest.mark.parametrize("policy", ["register", "ignore"])
def test_that_the_gateway_takes_it_for_fraud_is_told_of_none(
    play: Stage, failing_with: Callable[..., None], policy: str, story: Any
) -> None:
    failing_with(DeliveryBlocked("fraud"))
    with override_sms_otp(UNKNOWN_NUMBERS=policy):
        assert tells_no_kind(play, story)


@a_delivery("The gateway is not asked about a withheld message.")
@told_by_the_gateway
def test_what_the_gateway_says_does_not_tell_whose_message_is_withheld(
    play: Stage, failing_with: Callable[..., None], error: DeliveryError, delivery: str
) -> None:
    failing_with(error)
    with override_sms_otp(DELIVERY=delivery):
        assert tells_no_kind(play, asks_over_the_limit_of_the_prefix)


@a_delivery("The gateway is not asked about an ignored message.")
@told_by_the_gateway
def test_what_the_gateway_says_does_not_tell_whose_message_is_ignored(
    play: Stage, failing_with: Callable[..., None], error: DeliveryError, delivery: str
) -> None:
    failing_with(error)
    with override_sms_otp(UNKNOWN_NUMBERS="ignore", DELIVERY=delivery):
        assert tells_no_kind(play, asks_twice)


# A login -------------------------------------------------------------------------------------


def watches_a_login(stranger: Stranger) -> None:
    stranger.asks()
    stranger.guesses()
    services.redeem_code(
        stranger.right_code(),
        phone_number=parse_phone_number(PHONE),
        ip_address=HOLDERS_ADDRESS,
    )
    stranger.guesses(code=stranger.right_code())
    stranger.asks()
    stranger.guesses()
    stranger.asks("cooldown")


def test_who_watches_a_login_does_not_see_how_it_went(play: Stage) -> None:
    """That there was one is seen: the next code may be asked for at once, and is another."""
    assert tells_no_kind(play, watches_a_login)


# Another number ------------------------------------------------------------------------------


@pytest.mark.xfail(strict=True, reason="What is withheld does not count for country and site.")
@pytest.mark.parametrize("control", ["country", "site"])
def test_a_quota_of_all_does_not_tell_whose_message_was_withheld(
    play: Stage, control: str
) -> None:
    def story(stranger: Stranger) -> None:
        for number in (NEIGHBOUR, PHONE, OWN_NUMBER):
            stranger.asks(None, number=number)

    with override_sms_otp(LIMITS={"prefix": "1/h", control: "2/h"}):
        assert tells_no_kind(play, story)


@pytest.mark.xfail(strict=True, reason="Who is exempt from a control does not use it up.")
@pytest.mark.parametrize(
    "keys",
    [
        {"LIMITS": {"prefix": "2/h"}},
        {"UNVERIFIED_BUDGET": {"country_hour": 2}},
        {"UNVERIFIED_BUDGET": {"ip_hour": 2}},
    ],
    ids=["prefix", "country", "address"],
)
def test_a_message_to_an_own_number_does_not_tell_who_used_a_control_up(
    play: Stage, keys: dict[str, Any]
) -> None:
    def story(stranger: Stranger) -> None:
        for number in (NEIGHBOUR, PHONE, OWN_NUMBER):
            stranger.asks(number=number)

    arrived = set()
    with override_sms_otp(**keys):
        for kind in KINDS:
            play(story, kind)
            arrived.add(is_sent_to(OWN_NUMBER))
    assert len(arrived) == 1
