"""Every interleaving of what staff do about a number and what a person does with it.

As ``test_interleavings``. In the end all is as some order of whole calls would have it. A block
and an erasure are final: nothing that their commit has ended goes on after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import permutations

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from django_sms_otp import services, testing
from django_sms_otp.db import numbers
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.results import Redeemed

from ..conftest import wrong
from ..support.interleaving.caller import Call, Wrapper
from ..support.interleaving.invariants import answer
from ..support.interleaving.orders import Count, Order, Violation, explore
from ..support.interleaving.scenarios import (
    NOW,
    PHONE,
    code_sent,
    guess,
    logged_in_before,
    request,
)
from ..support.interleaving.scene import scene
from ..support.interleaving.scheduler import Scheduler
from ..support.interleaving.weakened import ignoring

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="only PostgreSQL tells which statement waits for which",
    ),
]

Scenario = Callable[[], list[Call]]


@pytest.fixture(autouse=True)
def one_clock() -> Iterator[None]:
    """All calls come at the same moment."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write is a step of its own, as on other databases."""
    monkeypatch.setattr(numbers, "can_write_at_once", lambda *_: False)


def block() -> None:
    services.block_number(PHONE)


def erase() -> object:
    return services.erase_number(PHONE)


def again() -> Call:
    code = OTPCode.objects.get(phone_number=PHONE.e164, superseded_at=None, redeemed_at=None)
    return partial(services.send_again, code)


def refused_before() -> None:
    """Have two requests refused, of which the row keeps notes."""
    with time_machine.travel(NOW - timedelta(minutes=3), tick=False) as clock:
        request()
        request()
        clock.shift(timedelta(minutes=2, seconds=50))
        request()


# Beside a login, a wrong guess, a request, and what staff send.


def login_and(*staff: Call) -> list[Call]:
    logged_in_before()
    return [guess(code_sent(minutes=1)), *staff]


def first_login_and(*staff: Call) -> list[Call]:
    return [guess(code_sent(minutes=1)), *staff]


def wrong_guess_and(*staff: Call) -> list[Call]:
    return [guess(wrong(code_sent(minutes=1))), *staff]


def request_and(*staff: Call) -> list[Call]:
    logged_in_before()
    return [request, *staff]


def resend_and(*staff: Call) -> list[Call]:
    code_sent(minutes=1)
    return [request, *staff]


def refused_request_and(*staff: Call) -> list[Call]:
    refused_before()
    return [request, *staff]


def what_staff_send_and(*staff: Call) -> list[Call]:
    code_sent(minutes=1)
    return [again(), *staff]


BESIDE: list[Callable[..., list[Call]]] = [
    login_and,
    first_login_and,
    wrong_guess_and,
    request_and,
    resend_and,
    refused_request_and,
    what_staff_send_and,
]


def login_and_what_staff_send() -> list[Call]:
    calls = login_and()
    return [*calls, again()]


def wrong_guess_and_what_staff_send() -> list[Call]:
    calls = wrong_guess_and()
    return [*calls, again()]


def request_and_what_staff_send() -> list[Call]:
    calls = resend_and()
    return [*calls, again()]


def what_staff_send_twice() -> list[Call]:
    code_sent(minutes=1)
    return [again()] * 2


def facts(outcomes: Sequence[object]) -> tuple[object, ...]:
    """Return what each call answered, what left, and what is kept."""
    rows = Limit.objects.filter(kind="number", subject=PHONE.e164)
    return (
        tuple(map(answer_of, outcomes)),
        len(testing.outbox),
        tuple(map(about_code, OTPCode.objects.order_by("created_at"))),
        (User.objects.count(), VerifiedPhone.objects.count()),
        tuple(map(about_number, rows)),
    )


def answer_of(outcome: object) -> str:
    if isinstance(outcome, BaseException):
        raise Violation(f"a call raised {outcome!r}")
    return answer(outcome)


def about_code(code: OTPCode) -> tuple[object, ...]:
    ended = (code.redeemed_at is not None, code.superseded_at is not None)
    return (*ended, code.failed_attempts, code.send_count, code.delivery_state)


def about_number(row: Limit) -> tuple[object, ...]:
    state = NumberState.from_json(row.state)
    counts = (len(state.sends), state.guesses.consecutive, len(state.known))
    told = (len(state.journal.lines), len(row.refusals or ()))
    return (*counts, *told, state.rule and state.rule.kind, row.is_kept)


def every_order(
    scenario: Scenario, *wrappers: Wrapper, also: Callable[[Order], None] | None = None
) -> Count:
    calls = scenario()
    with scene() as before, Scheduler(len(calls), wrappers) as scheduler:
        serial = set()
        for order in permutations(range(len(calls))):
            before.restore()
            outcomes = {number: calls[number]() for number in order}
            serial.add(facts([outcomes[number] for number in range(len(calls))]))

        def check(order: Order) -> None:
            found = facts(order.outcomes)
            if found not in serial:
                raise Violation(f"{found} is none of {serial}")
            if also is not None:
                also(order)

        count = explore(scheduler, calls, restore=before.restore, check=check)
    print(f"{count}, {serial}")
    assert count.orders > 1
    return count


def committed(order: Order, number: int) -> int:
    """Return at which step a call has made its changes; the last step, if it made none."""
    steps = [place for place, (who, text) in enumerate(order.steps) if who == number]
    ends = [place for place in steps if order.steps[place][1].startswith("COMMIT")]
    return (ends or steps)[0]


PERSON, STAFF = 0, 1
"""The places of the calls."""


def a_block_is_final(order: Order) -> None:
    """Nobody gets in and nothing leaves by a call that commits after the block."""
    is_late = committed(order, PERSON) > committed(order, STAFF)
    if is_late and isinstance(order.outcomes[PERSON], Redeemed):
        raise Violation("a code was redeemed after the block")
    if is_late and testing.outbox:
        raise Violation("a message left after the block")
    if OTPCode.objects.live(timezone.now()).exists():
        raise Violation("a code of a blocked number is live")
    if answer(request()) != "quota_exceeded":
        raise Violation("a blocked number gets codes")


def nothing_comes_back(order: Order) -> None:
    """Of what was there before the erasure only counts are left, whatever has begun before."""
    if VerifiedPhone.objects.exists():
        raise Violation("an erased number opens an account")
    is_late = committed(order, PERSON) > committed(order, STAFF)
    made = 1 if is_late and answer(order.outcomes[PERSON]) == "CodeRequested" else 0
    if OTPCode.objects.count() != made:
        raise Violation("a code was erased, or was not")
    for row in Limit.objects.filter(kind="number"):
        state = NumberState.from_json(row.state)
        if state.known or state.journal.lines:
            raise Violation("what was erased came back")
        if len(row.refusals or ()) > 1:
            raise Violation("refusals that were erased came back")


@pytest.mark.parametrize("beside", BESIDE, ids=lambda each: each.__name__)
def test_a_block_beside_a_call(beside: Callable[..., list[Call]]) -> None:
    every_order(partial(beside, block), also=a_block_is_final)


@pytest.mark.parametrize("beside", BESIDE, ids=lambda each: each.__name__)
def test_an_erasure_beside_a_call(beside: Callable[..., list[Call]]) -> None:
    every_order(partial(beside, erase), also=nothing_comes_back)


@pytest.mark.parametrize(
    "scenario",
    [
        login_and_what_staff_send,
        wrong_guess_and_what_staff_send,
        request_and_what_staff_send,
        what_staff_send_twice,
    ],
    ids=lambda each: each.__name__,
)
def test_what_staff_send_beside_a_call(scenario: Scenario) -> None:
    every_order(scenario)


def test_a_block_beside_an_erasure() -> None:
    code_sent(minutes=1)
    every_order(lambda: [block, erase])


GUARDS = [
    ignoring(Limit, "version"),
    ignoring(OTPCode, "redeemed_at", "superseded_at", "failed_attempts"),
]


@pytest.mark.parametrize(
    ("beside", "staff", "what"),
    [
        (login_and, block, "is none of"),
        (resend_and, block, "is none of"),
        (what_staff_send_and, block, "is none of"),
        (resend_and, erase, "is none of"),
    ],
)
def test_without_its_guards_an_order_is_found_that_breaks_it(
    beside: Callable[..., list[Call]], staff: Call, what: str
) -> None:
    with pytest.raises(Violation, match=what) as found:
        every_order(partial(beside, staff), *GUARDS)
    print(found.value)
