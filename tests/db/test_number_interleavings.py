"""Every interleaving of changes to the numbers of users, and of logins beside them.

As ``test_interleavings``, but what must hold is about whose number it is in the end: as some
order of whole calls would have it, which the documentation of users names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection

from django_sms_otp import services
from django_sms_otp.db import numbers
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import PhoneNumber
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.testing import override_sms_otp

from ..conftest import last_code
from ..support.factories import UserFactory, VerifiedPhoneFactory
from ..support.interleaving.caller import Call, Wrapper
from ..support.interleaving.orders import Count, Order, Violation, explore
from ..support.interleaving.scenarios import NOW
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

N, M = (PhoneNumber(e164=f"+1415555013{digit}", region="US") for digit in (1, 2))


@pytest.fixture(autouse=True)
def one_clock() -> Iterator[None]:
    """All calls come at the same moment, and send no notice, which is a change of its own."""
    with (
        time_machine.travel(NOW, tick=False),
        override_sms_otp(COOLDOWN=[], NOTIFY_OLD_NUMBER=False),
    ):
        yield


@pytest.fixture(autouse=True)
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write is a step of its own, as on other databases."""
    monkeypatch.setattr(numbers, "can_write_at_once", lambda *_: False)


def user_with(name: str, *held: PhoneNumber) -> User:
    user = UserFactory.create(username=name)
    user.set_unusable_password()
    user.save()
    for days, number in enumerate(held):
        VerifiedPhoneFactory.create(
            user=user,
            phone_number=number.e164,
            verified_at=NOW - timedelta(days=9 - days),
            is_primary=None if days else True,
        )
    return user


def proof_of(user: User, number: PhoneNumber) -> str:
    with time_machine.travel(NOW - timedelta(minutes=1), tick=False):
        assert isinstance(services.request_link_code(user, number), CodeRequested)
    return last_code()


def link(user: User, number: PhoneNumber, replaces: str | None = None) -> Call:
    code = proof_of(user, number)
    return lambda: services.link_number(user, code, phone_number=number, replaces=replaces)


def login(number: PhoneNumber) -> Call:
    with time_machine.travel(NOW - timedelta(minutes=1), tick=False):
        assert isinstance(services.request_code(number), CodeRequested)
    code = last_code()
    return lambda: services.redeem_code(code, phone_number=number)


def id_of(user: User, number: PhoneNumber) -> str:
    return next(each.id for each in services.numbers_of(user) if each.phone_number == number)


def remove(user: User, number: PhoneNumber, *, force: bool = False) -> Call:
    number_id = id_of(user, number)
    return lambda: services.unlink_number(user, number_id, force=force)


def prefer(user: User, number: PhoneNumber) -> Call:
    number_id = id_of(user, number)
    return lambda: services.make_primary(user, number_id)


def two_accounts_prove_one_number() -> list[Call]:
    return [link(user_with("ada"), N), link(user_with("bob"), N)]


def two_accounts_prove_the_number_of_a_third() -> list[Call]:
    user_with("eve", N, M)
    return two_accounts_prove_one_number()


def two_accounts_prove_each_others_number() -> list[Call]:
    ada, bob = user_with("ada", N), user_with("bob", M)
    return [link(ada, M), link(bob, N)]


def one_account_proves_a_number_twice() -> list[Call]:
    return [link(user_with("ada"), N)] * 2


def a_move_beside_a_login() -> list[Call]:
    user_with("eve", N)
    return [link(user_with("ada"), N), login(N)]


def a_first_number_beside_a_registration() -> list[Call]:
    return [link(user_with("ada"), N), login(N)]


def a_removal_beside_a_login() -> list[Call]:
    ada = user_with("ada", N, M)
    return [remove(ada, N), login(N)]


def a_change_beside_a_login() -> list[Call]:
    ada = user_with("ada", N)
    return [link(ada, M, id_of(ada, N)), login(N)]


def a_removal_beside_a_move() -> list[Call]:
    eve = user_with("eve", N, M)
    return [remove(eve, N), link(user_with("ada"), N)]


def two_removals_of_the_last_two_numbers() -> list[Call]:
    ada = user_with("ada", N, M)
    return [remove(ada, N), remove(ada, M)]


def a_removal_twice() -> list[Call]:
    return [remove(user_with("ada", N, M), N)] * 2


def two_primary_numbers() -> list[Call]:
    ada = user_with("ada", N, M)
    return [prefer(ada, N), prefer(ada, M)]


def a_primary_number_beside_its_removal() -> list[Call]:
    ada = user_with("ada", N, M)
    return [prefer(ada, M), remove(ada, M)]


def a_new_number_beside_the_removal_of_the_last_one() -> list[Call]:
    ada = user_with("ada", N)
    return [link(ada, M), remove(ada, N)]


def a_change_beside_the_removal_of_the_old_number() -> list[Call]:
    ada = user_with("ada", N)
    return [link(ada, M, id_of(ada, N)), remove(ada, N, force=True)]


SCENARIOS: list[Callable[[], list[Call]]] = [
    two_accounts_prove_one_number,
    two_accounts_prove_the_number_of_a_third,
    two_accounts_prove_each_others_number,
    one_account_proves_a_number_twice,
    a_move_beside_a_login,
    a_first_number_beside_a_registration,
    a_removal_beside_a_login,
    a_change_beside_a_login,
    a_removal_beside_a_move,
    two_removals_of_the_last_two_numbers,
    a_removal_twice,
    two_primary_numbers,
    a_primary_number_beside_its_removal,
    a_new_number_beside_the_removal_of_the_last_one,
    a_change_beside_the_removal_of_the_old_number,
]
KNOWN = {"ada", "bob", "eve"}


def facts(outcomes: Sequence[object]) -> tuple[tuple[str, ...], tuple[object, ...], int]:
    """Return what each call answered, whose the numbers are, and how many users there are."""
    rows = VerifiedPhone.objects.order_by("phone_number")
    whose = [
        (row.phone_number, name_of(row.user.username), row.is_primary)
        for row in rows.select_related("user")
    ]
    return tuple(map(answer, outcomes)), tuple(whose), User.objects.count()


def answer(outcome: object) -> str:
    if isinstance(outcome, BaseException):
        raise Violation(f"a call raised {outcome!r}")
    if isinstance(outcome, Redeemed):
        return f"logged in {name_of(outcome.user.username)}"  # type: ignore[union-attr]
    return str(getattr(outcome, "reason", type(outcome).__name__))


def name_of(username: str) -> str:
    return username if username in KNOWN else "somebody new"


def every_order(
    scenario: Callable[[], list[Call]], *wrappers: Wrapper, never: str = ""
) -> Count:
    """:param never: what no call may answer, in whichever order."""
    calls = scenario()
    with scene() as before, Scheduler(len(calls), wrappers) as scheduler:
        serial = set()
        for order in permutations(range(len(calls))):
            before.restore()
            outcomes = {number: calls[number]() for number in order}
            serial.add(facts([outcomes[number] for number in range(len(calls))]))

        def check(order: Order) -> None:
            found = facts(order.outcomes)
            if found not in serial or never in found[0]:
                raise Violation(f"{found} is none of {serial}")

        count = explore(scheduler, calls, restore=before.restore, check=check)
    print(f"{scenario.__name__}: {count}, {serial}")
    assert count.orders > 1
    return count


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_every_order_ends_as_an_order_of_whole_calls(
    scenario: Callable[[], list[Call]],
) -> None:
    every_order(scenario)


@pytest.mark.parametrize(
    "scenario", [a_move_beside_a_login, a_first_number_beside_a_registration]
)
def test_no_order_opens_the_account_of_the_new_holder_by_a_code_from_before(
    scenario: Callable[[], list[Call]],
) -> None:
    every_order(scenario, never="logged in ada")


def without_locks(
    execute: Wrapper, sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Read users and their numbers as if nobody else changed them."""
    return execute(re.sub(r" FOR (NO KEY )?UPDATE", "", sql), params, many, context)


def test_without_the_locks_an_order_is_found_that_leaves_no_way_in() -> None:
    with pytest.raises(Violation, match=r"'LinkedNumber', 'LinkedNumber'") as found:
        every_order(two_removals_of_the_last_two_numbers, without_locks)
    print(found.value)


def test_without_the_row_of_the_number_an_order_is_found_that_breaks_it() -> None:
    guards = [
        ignoring(Limit, "version"),
        ignoring(OTPCode, "redeemed_at", "superseded_at", "failed_attempts"),
    ]
    with pytest.raises(Violation) as found:
        every_order(two_accounts_prove_one_number, *guards)
    print(found.value)
