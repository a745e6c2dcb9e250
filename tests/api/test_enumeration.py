"""No answer tells whether a number has an account.

Answers to numbers of every kind are the same byte for byte, times and headers included. Only
request ids differ; whether one comes again must not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from django_sms_otp.controls.hooks import Challenge, SendAttempt
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE
from ..support.number_kinds import KINDS
from ..support.stranger import NEIGHBOUR, OWN_NUMBER, Stage, Stranger, is_sent_to, stage

pytestmark = pytest.mark.django_db

HERE = "tests.api.test_enumeration"

Story = Callable[[Stranger], None]

no_cooldown = override_sms_otp(COOLDOWN=[])


class NoChallenge(Challenge):
    """Nobody passes."""

    def passes(self, attempt: SendAttempt) -> bool:
        return False


# get-code ------------------------------------------------------------------------------------


def asks_once(stranger: Stranger) -> None:
    stranger.asks()


def asks_again_at_once(stranger: Stranger) -> None:
    stranger.asks()
    stranger.asks("cooldown")


def asks_again_after_the_cooldown(stranger: Stranger) -> None:
    for seconds in (30, 60, 120):
        stranger.asks(request_id=stranger.request_id)
        stranger.waits(seconds=seconds)
    stranger.asks("quota_exceeded")


def asks_again_when_the_code_is_dead(stranger: Stranger) -> None:
    stranger.asks()
    stranger.waits(minutes=11)
    stranger.asks(request_id=stranger.request_id)


@override_sms_otp(LIMITS={"phone": "2/h"}, COOLDOWN=[])
def uses_up_the_numbers_quota(stranger: Stranger) -> None:
    stranger.asks()
    stranger.asks()
    stranger.asks("quota_exceeded")


@override_sms_otp(LIMITS={"phone_ip": "1/h"}, COOLDOWN=[])
def uses_up_the_own_quota_of_the_number(stranger: Stranger) -> None:
    stranger.asks()
    stranger.asks("quota_exceeded")


@override_sms_otp(LIMITS={"ip": "2/h"})
def uses_up_the_quota_of_the_address(stranger: Stranger) -> None:
    stranger.asks()
    stranger.asks(number=NEIGHBOUR)
    stranger.waits(minutes=1)
    stranger.asks("quota_exceeded")
    stranger.guesses()


@override_sms_otp(LIMITS={"country": "1/h"})
def uses_up_the_quota_of_the_country(stranger: Stranger) -> None:
    stranger.asks(number=NEIGHBOUR)
    stranger.asks("quota_exceeded")


@override_sms_otp(LIMITS={"site": "1/h"})
def uses_up_the_quota_of_the_site(stranger: Stranger) -> None:
    stranger.asks(number=NEIGHBOUR)
    stranger.asks("quota_exceeded")


@override_sms_otp(CHALLENGE=f"{HERE}.NoChallenge")
def fails_the_challenge(stranger: Stranger) -> None:
    stranger.asks("challenge_required")


# auth-code -----------------------------------------------------------------------------------


def guesses_without_a_request(stranger: Stranger) -> None:
    stranger.guesses()
    stranger.guesses_by_id()


def guesses_once(stranger: Stranger) -> None:
    stranger.asks()
    stranger.guesses()
    stranger.asks("cooldown")


def guesses_by_id(stranger: Stranger) -> None:
    stranger.asks()
    stranger.guesses_by_id()
    stranger.guesses(request_id=stranger.request_id)


@override_sms_otp(REQUIRE_REQUEST_ID=True, COOLDOWN=[])
def guesses_by_an_id_that_is_needed(stranger: Stranger) -> None:
    stranger.asks()
    stranger.asks(request_id=stranger.request_id)
    stranger.asks()
    stranger.guesses_by_id()
    stranger.guesses(request_id=stranger.request_id)


def comes_too_late(stranger: Stranger) -> None:
    stranger.asks()
    stranger.waits(minutes=10)
    stranger.guesses(code=stranger.right_code())


@no_cooldown
def comes_with_a_superseded_code(stranger: Stranger) -> None:
    stranger.asks()
    old = stranger.right_code()
    stranger.waits(minutes=8)
    stranger.asks()
    stranger.guesses(code=old)


def guesses_until_locked_out(stranger: Stranger) -> None:
    stranger.asks()
    for _ in range(5):
        stranger.guesses()
    for code in (stranger.wrong_code(), stranger.right_code()):
        stranger.guesses("too_many_attempts", code=code)
    stranger.asks("cooldown")
    stranger.waits(seconds=31)
    stranger.asks()
    stranger.guesses()
    stranger.guesses("too_many_attempts")


@override_sms_otp(LIMITS={"failures": "2/h"}, COOLDOWN=[])
def asks_while_locked_out(stranger: Stranger) -> None:
    stranger.asks()
    stranger.guesses()
    stranger.guesses()
    stranger.guesses("too_many_attempts")
    stranger.asks("too_many_attempts")


@override_sms_otp(MAX_CONSECUTIVE_FAILURES=2, COOLDOWN=[])
def disables_the_number(stranger: Stranger) -> None:
    stranger.asks()
    stranger.guesses()
    stranger.guesses()
    stranger.guesses("too_many_attempts")
    stranger.waits(days=2)
    stranger.asks("too_many_attempts")
    stranger.guesses("too_many_attempts")


# While a control withholds messages from numbers that it does not know ------------------------


def goes_on(stranger: Stranger) -> None:
    """All that may be tried after a request, whether or not its message was withheld."""
    stranger.asks()
    stranger.asks("cooldown")
    stranger.waits(seconds=31)
    stranger.asks(request_id=stranger.request_id)
    stranger.guesses_by_id()
    for _ in range(4):
        stranger.guesses()
    stranger.guesses("too_many_attempts", code=stranger.right_code())
    stranger.waits(minutes=10)
    stranger.guesses(code=stranger.right_code())
    stranger.asks()


@override_sms_otp(LIMITS={"prefix": "1/h"})
def goes_on_over_the_limit_of_the_prefix(stranger: Stranger) -> None:
    stranger.asks(number=NEIGHBOUR)
    goes_on(stranger)


@override_sms_otp(UNVERIFIED_BUDGET={"country_hour": 1})
def goes_on_over_the_budget_of_the_country(stranger: Stranger) -> None:
    stranger.asks(number=NEIGHBOUR)
    goes_on(stranger)


@override_sms_otp(UNVERIFIED_BUDGET={"ip_hour": 1})
def goes_on_over_the_budget_of_the_address(stranger: Stranger) -> None:
    stranger.asks(number=NEIGHBOUR)
    goes_on(stranger)


@override_sms_otp(CONVERSION_BREAKER={"least": 1})
def goes_on_while_the_breaker_is_open(stranger: Stranger) -> None:
    stranger.asks(number=NEIGHBOUR)
    stranger.waits(minutes=15)
    goes_on(stranger)


@override_sms_otp(LIMITS={"prefix": "1/h", "ip": "3/h"})
def uses_up_the_quota_of_the_address_by_withheld_messages(stranger: Stranger) -> None:
    stranger.asks(number=NEIGHBOUR)
    stranger.asks()
    stranger.asks(number=OWN_NUMBER)
    stranger.waits(minutes=1)
    stranger.asks("quota_exceeded")


WITHHELD: list[Story] = [
    goes_on_over_the_limit_of_the_prefix,
    goes_on_over_the_budget_of_the_country,
    goes_on_over_the_budget_of_the_address,
    goes_on_while_the_breaker_is_open,
    uses_up_the_quota_of_the_address_by_withheld_messages,
]
STORIES: list[Story] = [
    asks_once,
    asks_again_at_once,
    asks_again_after_the_cooldown,
    asks_again_when_the_code_is_dead,
    uses_up_the_numbers_quota,
    uses_up_the_own_quota_of_the_number,
    uses_up_the_quota_of_the_address,
    uses_up_the_quota_of_the_country,
    uses_up_the_quota_of_the_site,
    fails_the_challenge,
    guesses_without_a_request,
    guesses_once,
    guesses_by_id,
    guesses_by_an_id_that_is_needed,
    comes_too_late,
    comes_with_a_superseded_code,
    guesses_until_locked_out,
    asks_while_locked_out,
    disables_the_number,
    *WITHHELD,
]

# The comparison ------------------------------------------------------------------------------

a_story = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
a_withheld_one = pytest.mark.parametrize("story", WITHHELD, ids=lambda story: story.__name__)


@pytest.fixture
def play() -> Iterator[Stage]:
    # A cookie of the device is for who has logged in.
    with stage() as play, override_sms_otp(DEVICE_COOKIE="device"):
        yield play


@pytest.mark.parametrize(
    ("delivery", "policy"),
    [("immediate", "register"), ("immediate", "ignore"), ("tasks", "ignore")],
)
@a_story
def test_every_kind_of_number_is_answered_alike(
    play: Stage, story: Story, policy: str, delivery: str
) -> None:
    with override_sms_otp(UNKNOWN_NUMBERS=policy, DELIVERY=delivery):
        first, *others = (play(story, kind) for kind in KINDS)
    assert first
    for answers in others:
        assert answers == first


@a_withheld_one
def test_a_control_withholds_from_who_has_no_account_alone(play: Stage, story: Story) -> None:
    for kind in KINDS:
        play(story, kind)
        assert is_sent_to(PHONE) == (kind.account is not None)


def test_a_message_is_ignored_that_would_bring_no_login(play: Stage) -> None:
    with override_sms_otp(UNKNOWN_NUMBERS="ignore"):
        for kind in KINDS:
            play(asks_once, kind)
            assert is_sent_to(PHONE) == (kind.account == {})
