"""Answers about numbers of every kind take the same time: to less than one query.

The statements are compared in ``test_enumeration_sql.py``. This finds what they do not show:
work between them, and statements that take longer for some numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle
from typing import Any

import pytest

from django_sms_otp import services
from django_sms_otp.models import OTPCode, VerifiedPhone
from django_sms_otp.phone import PhoneNumber, parse_phone_number
from django_sms_otp.testing import override_sms_otp

from ..support.engines import celery_app
from ..support.factories import OTPCodeFactory
from ..support.number_kinds import SEEN, UNKNOWN, create
from ..support.timing import MOST, WARM_UP, Race, wilcoxon

pytestmark = pytest.mark.django_db

ADDRESS = "203.0.113.7"
YARDSTICK = "one more query"

ONCE = WARM_UP + MOST
"""So many numbers of a kind, where none can be used twice."""

AGAIN = 10
"""So many, where each is used again and again."""

UNLIMITED = {"ip": None, "phone": None, "phone_ip": None}

Act = Callable[[PhoneNumber], object]
Engine = Callable[[str], AbstractContextManager[None]]
Numbers = dict[str, list[PhoneNumber]]

a_policy = pytest.mark.parametrize("policy", ["register", "ignore"])


def asks(number: PhoneNumber) -> None:
    services.request_code(number, ip_address=ADDRESS)


def guesses(number: PhoneNumber) -> None:
    services.redeem_code("wrong", phone_number=number, ip_address=ADDRESS)


@pytest.fixture(autouse=True)
def queue(settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": "tests.support.noting_backend.SMSBackend"}
    }


@pytest.fixture
def engine(valkey_server: Any) -> Engine:
    """Give what has jobs taken by an engine, and worked off by nobody."""

    @contextmanager
    def use(delivery: str) -> Iterator[None]:
        url = f"redis+socket://{valkey_server.unix_socket_path}"
        with override_sms_otp(DELIVERY=delivery), celery_app(url):
            yield

    return use


def numbers(of_each: int) -> Numbers:
    """Make so many numbers of each kind, and of one kind twice: for the yardstick."""
    kinds = {**{kind.name: kind for kind in SEEN}, YARDSTICK: UNKNOWN}
    # Taken in turn, so that no kind's rows lie closer together than another's.
    made = {
        name: [f"+1415555{at + len(kinds) * turn:04}" for turn in range(of_each)]
        for at, name in enumerate(kinds)
    }
    for name, kind in kinds.items():
        create(kind, made[name])
    return {name: [parse_phone_number(e164) for e164 in made[name]] for name in made}


def runner(act: Act, mine: list[PhoneNumber]) -> Callable[[], object]:
    turn = cycle(mine)
    return lambda: act(next(turn))


def with_one_more_query(act: Act) -> Act:
    def slower(number: PhoneNumber) -> None:
        VerifiedPhone.objects.filter(phone_number=number.e164).exists()
        act(number)

    return slower


def odd_ones(act: Act, line_up: Numbers) -> list[str]:
    """Have numbers of all kinds take turns, and name the kinds whose time differs from an
    unknown number's."""
    runners = {name: runner(act, mine) for name, mine in line_up.items()}
    runners[YARDSTICK] = runner(with_one_more_query(act), line_up[YARDSTICK])
    race = Race(runners, reference=UNKNOWN.name, yardstick=YARDSTICK)
    race.run()
    print(race)
    found = race.odd_ones()
    if not found and not race.is_decided:
        pytest.skip(f"This machine is too busy to tell one query more. {race}")
    return found


@a_policy
def test_a_request_takes_every_kind_the_same_time(policy: str) -> None:
    with override_sms_otp(UNKNOWN_NUMBERS=policy, LIMITS=UNLIMITED):
        assert odd_ones(asks, numbers(ONCE)) == []


@pytest.mark.parametrize("delivery", ["tasks", "celery"])
def test_a_request_to_a_queue_takes_every_kind_the_same_time(
    engine: Engine, delivery: str
) -> None:
    with engine(delivery), override_sms_otp(UNKNOWN_NUMBERS="ignore", LIMITS=UNLIMITED):
        assert odd_ones(asks, numbers(ONCE)) == []


@pytest.mark.parametrize("delivery", ["tasks", "celery"])
def test_a_queue_takes_the_same_time_for_a_withheld_message(
    engine: Engine, delivery: str
) -> None:
    with engine(delivery), override_sms_otp(LIMITS={**UNLIMITED, "prefix": "1/h"}):
        asks(parse_phone_number("+14155559999"))
        assert odd_ones(asks, numbers(ONCE)) == []
    assert OTPCode.objects.filter(withheld_by="prefix").count() > WARM_UP


def test_a_withheld_message_takes_the_time_of_a_sent_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its count costs a query more, as ``test_enumeration_sql.py`` says.
    monkeypatch.setattr("django_sms_otp.services.dispatch.log_withheld", lambda *_: None)
    with override_sms_otp(LIMITS={**UNLIMITED, "prefix": "1/h"}):
        asks(parse_phone_number("+14155559999"))
        assert odd_ones(asks, numbers(ONCE)) == []


@pytest.mark.parametrize(
    "keys",
    [{"UNKNOWN_NUMBERS": "ignore"}, {"UNVERIFIED_BUDGET": {}}],
    ids=["ignore", "budget"],
)
def test_a_refusal_takes_every_kind_the_same_time(keys: dict[str, Any]) -> None:
    with override_sms_otp(LIMITS={**UNLIMITED, "phone": "1/h"}, **keys):
        line_up = numbers(AGAIN)
        for mine in line_up.values():
            for number in mine:
                asks(number)
        assert odd_ones(asks, line_up) == []


def test_a_wrong_guess_takes_every_kind_the_same_time() -> None:
    line_up = numbers(ONCE)
    OTPCode.objects.bulk_create(
        OTPCodeFactory.build(phone_number=number.e164)
        for mine in line_up.values()
        for number in mine
    )
    assert odd_ones(guesses, line_up) == []


def test_a_guess_without_a_request_takes_every_kind_the_same_time() -> None:
    assert odd_ones(guesses, numbers(AGAIN)) == []


def test_the_measure_finds_a_query_that_accounts_cost() -> None:
    def guesses_and_looks(number: PhoneNumber) -> None:
        guesses(number)
        if number in known:
            VerifiedPhone.objects.filter(phone_number=number.e164).exists()

    line_up = numbers(AGAIN)
    kinds = [kind.name for kind in SEEN if kind.account is not None]
    known = {number for name in kinds for number in line_up[name]}
    assert odd_ones(guesses_and_looks, line_up) == kinds


def test_wilcoxon() -> None:
    assert wilcoxon([]) == 0
    assert wilcoxon([0, 0]) == 0
    assert wilcoxon([3, -3]) == pytest.approx(0, abs=1)
    assert wilcoxon(list(range(1, 101))) == pytest.approx(8.68, abs=0.01)
    assert wilcoxon([-each for each in range(1, 101)]) == pytest.approx(-8.68, abs=0.01)
