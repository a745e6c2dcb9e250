"""Every interleaving: calls for one number, through every order of their SQL statements.

``test_concurrency`` leaves the order to chance, with many calls; here chance has no say, with
two and three. See ``tests/interleaving``. ``pytest -rP`` tells how many orders there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest
import time_machine
from django.db import connection

from django_sms_otp.db import attempts, numbers, postgresql
from django_sms_otp.models import Limit, OTPCode

from ..support.interleaving import scenarios
from ..support.interleaving.caller import Call, Wrapper
from ..support.interleaving.invariants import Facts, Invariants
from ..support.interleaving.orders import Count, Order, Violation, explore
from ..support.interleaving.scenarios import NOW, PHONE, Scenario
from ..support.interleaving.scene import Scene, scene
from ..support.interleaving.scheduler import Scheduler
from ..support.interleaving.weakened import ignoring, inserting_twice

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="only PostgreSQL tells which statement waits for which",
    ),
]

MOST_PREEMPTIONS = int(os.environ.get("TEST_PREEMPTIONS", "99"))
"""Of three calls. 99 leaves no order out, and takes minutes."""

CAN_WRITE_AT_ONCE = postgresql.can_write_at_once

NO_VERSION = ignoring(Limit, "version")
NO_CODE_STATE = ignoring(OTPCode, "redeemed_at", "superseded_at", "failed_attempts")
BOTH = [NO_VERSION, NO_CODE_STATE]
NO_UNIQUE_KEY = inserting_twice(Limit, "kind", "subject")
NO_SECOND_LOOK = ignoring(Limit, "updated_at")
"""The purge deletes what it has chosen, whatever has become of it."""


@pytest.fixture(autouse=True)
def one_clock() -> Iterator[None]:
    """All calls come at the same moment."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write is a step of its own, as on other databases."""
    monkeypatch.setattr(numbers, "can_write_at_once", lambda *_: False)


@pytest.fixture
def at_once(one_by_one: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """All writes are one step, if they can be."""
    monkeypatch.setattr(numbers, "can_write_at_once", CAN_WRITE_AT_ONCE)


def every_order(
    scenario: Scenario, *wrappers: Wrapper, preemptions: int | None = None
) -> Count:
    """Check the invariants after every order, and tell how many orders there are."""
    calls = scenario()
    with scene() as before, Scheduler(len(calls), wrappers) as scheduler:
        check = Invariants(before, calls, PHONE).check
        count = explore(
            scheduler, calls, restore=before.restore, check=check, preemptions=preemptions
        )
    print(f"{scenario.__name__}: {count}")
    assert count.orders > 1
    return count


@pytest.mark.parametrize("scenario", scenarios.TWO_AT_ONCE)
def test_two_calls_in_every_order(scenario: Scenario) -> None:
    every_order(scenario)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("scenario", scenarios.TWO_AT_ONCE)
def test_two_calls_that_write_by_one_statement(scenario: Scenario) -> None:
    every_order(scenario)


@pytest.mark.once
@pytest.mark.parametrize("scenario", scenarios.THREE_AT_ONCE)
def test_three_calls_in_every_order(scenario: Scenario) -> None:
    every_order(scenario, preemptions=MOST_PREEMPTIONS)


@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.right_and_right,
        scenarios.right_and_wrong,
        scenarios.right_and_resend,
        scenarios.stranger_and_right_asker,
        scenarios.requests_of_a_new_number,
        scenarios.requests_of_a_known_number,
    ],
)
def test_attempts_that_lock_before_they_read(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A few calls never lose so many attempts that they come to this.
    monkeypatch.setattr(attempts, "OPTIMISTIC_ATTEMPTS", 0)
    every_order(scenario)


BROKEN: list[tuple[Scenario, list[Wrapper], str]] = [
    (scenarios.requests_of_a_known_number, [NO_VERSION], "two messages"),
    (scenarios.requests_of_a_new_number, [NO_UNIQUE_KEY], "two messages"),
    (scenarios.resends, [NO_VERSION], "two messages"),
    (scenarios.right_and_right, BOTH, "redeemed twice"),
    (scenarios.wrong_and_wrong, BOTH, "was not counted"),
    (scenarios.wrong_and_wrong_at_the_last_attempt, BOTH, "was not counted"),
    (scenarios.right_and_wrong_at_the_last_attempt, BOTH, "no order of whole calls"),
    (scenarios.stranger_and_asker, BOTH, "was not counted"),
    (scenarios.invalidate_and_right, BOTH, "a superseded code was redeemed"),
    (scenarios.request_and_purge, [NO_SECOND_LOOK], "a cooldown was lost"),
]


@pytest.mark.parametrize(("scenario", "guards", "what"), BROKEN)
def test_without_its_guards_an_order_is_found_that_breaks_it(
    scenario: Scenario, guards: list[Wrapper], what: str
) -> None:
    with pytest.raises(Violation, match=what) as found:
        every_order(scenario, *guards)
    print(found.value)


@pytest.mark.usefixtures("at_once")
def test_one_statement_that_does_not_compare_sends_two_messages() -> None:
    with pytest.raises(Violation, match="two messages"):
        every_order(scenarios.requests_of_a_known_number, NO_VERSION)


@pytest.mark.parametrize("guard", BOTH, ids=["version", "state of the code"])
@pytest.mark.parametrize("scenario", [scenarios.right_and_right, scenarios.wrong_and_wrong])
def test_without_one_of_its_two_guards_a_code_is_still_safe(
    scenario: Scenario, guard: Wrapper
) -> None:
    every_order(scenario, guard)


@pytest.mark.parametrize(
    "scenario", [scenarios.wrong_and_wrong, scenarios.right_and_refused_request]
)
def test_nothing_is_missed_by_leaving_orders_out(scenario: Scenario) -> None:
    calls = scenario()
    with scene() as before, Scheduler(len(calls)) as scheduler:
        all_ends = partial(ends_of, scheduler, calls, before)
        some, ends = all_ends(reduced=True)
        every, every_end = all_ends(reduced=False)
    print(f"{scenario.__name__}: {some} of {every}")
    assert ends == every_end
    assert some.orders < every.orders


def ends_of(
    scheduler: Scheduler, calls: list[Call], before: Scene, *, reduced: bool
) -> tuple[Count, set[object]]:
    """Return all that the calls do and come to, whatever order they run in."""
    ends = set[object]()

    def note(order: Order) -> None:
        facts = Facts.after(order.outcomes, PHONE)
        steps = [order.steps_of(number) for number in range(len(calls))]
        # Which of two twins it was makes no difference.
        of_calls = sorted(zip(facts.answers(), steps, strict=True))
        ends.add((tuple(of_calls), facts.summary()[1:]))

    count = explore(scheduler, calls, restore=before.restore, check=note, reduced=reduced)
    return count, ends
