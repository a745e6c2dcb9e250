"""Changes of numbers that come at once, on every database: with chance for the order.

At REPEATABLE READ, MySQL answers a plain SELECT from before the transaction had its locks. No
other database does. So attempts that lock before they read are tested, too.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import pytest
from django.db import connection

from django_sms_otp import services
from django_sms_otp.db import attempts, lock_users
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.phone import PhoneNumber
from django_sms_otp.testing import override_sms_otp

from ..services.test_linking import NUMBER, code_for, holder, link
from ..services.test_numbers import NEW, OLD, THIRD, id_of, texts_of, user_with
from ..support.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5
WITHOUT_LIMITS = {"COOLDOWN": [], "NOTIFY_OLD_NUMBER": False, "LIMITS": {"phone": None}}


@pytest.fixture(params=[attempts.OPTIMISTIC_ATTEMPTS, 0], ids=["optimistic", "locked"])
def any_attempt(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all calls read their numbers' rows before one of them locks its user."""

    def lock_late(keys: Iterable[Any]) -> dict[Any, Any]:
        time.sleep(0.05)
        return lock_users(keys)

    if connection.vendor == "mysql":
        # Django's default is a lower level.
        options = connection.settings_dict["OPTIONS"]
        monkeypatch.setitem(options, "isolation_level", "repeatable read")
    monkeypatch.setattr(attempts, "OPTIMISTIC_ATTEMPTS", request.param)
    monkeypatch.setattr(services.numbers, "lock_users", lock_late)
    monkeypatch.setattr(services.linking, "lock_users", lock_late)


def at_once(*calls: Callable[[], object]) -> Counter[str]:
    """Make the calls at once, and return how often each kind of answer came."""
    numbers = count()

    def make_next_call() -> object:
        return calls[next(numbers)]()

    answers = in_threads(len(calls), make_next_call)
    return Counter(getattr(each, "reason", type(each).__name__) for each in answers)


@pytest.mark.usefixtures("any_attempt")
@override_sms_otp(**WITHOUT_LIMITS)
def test_two_removals_leave_a_way_in() -> None:
    for _ in range(ROUNDS):
        VerifiedPhone.objects.all().delete()
        user = user_with(OLD, NEW)
        ids = [id_of(user, number) for number in (OLD, NEW)]
        answers = at_once(*(lambda i=i: services.unlink_number(user, i) for i in ids))
        assert answers == {"LinkedNumber": 1, "last_way_in": 1}
        assert len(texts_of(user)) == 1


@pytest.mark.usefixtures("any_attempt")
@override_sms_otp(**WITHOUT_LIMITS)
def test_of_several_proofs_one_counts() -> None:
    for _ in range(ROUNDS):
        users = [user_with() for _ in range(3)]
        codes = [code_for(user) for user in users]
        answers = at_once(*(lambda p=p: link(*p) for p in zip(users, codes, strict=True)))
        assert answers == {"NumberLinked": 1, "invalid_code": 2}
        assert sum(texts_of(user) == [NEW] for user in users) == 1
        assert holder() in users


@pytest.mark.usefixtures("any_attempt")
@override_sms_otp(**WITHOUT_LIMITS)
def test_two_new_numbers_of_one_user_have_one_primary() -> None:
    other = PhoneNumber(e164=THIRD, region="US")
    for _ in range(ROUNDS):
        VerifiedPhone.objects.all().delete()
        user = user_with()
        codes = {number: code_for(user, number) for number in (NUMBER, other)}
        answers = at_once(
            *(lambda n=n: services.link_number(user, codes[n], phone_number=n) for n in codes)
        )
        assert answers == {"NumberLinked": 2}
        assert [each.is_primary for each in services.numbers_of(user)] == [True, False]


@pytest.mark.usefixtures("any_attempt")
@override_sms_otp(**WITHOUT_LIMITS)
def test_two_users_take_each_others_number() -> None:
    other = PhoneNumber(e164=THIRD, region="US")
    for _ in range(ROUNDS):
        VerifiedPhone.objects.all().delete()
        ada, bob = user_with(NEW), user_with(THIRD)
        pairs = [(ada, other, code_for(ada, other)), (bob, NUMBER, code_for(bob))]
        answers = at_once(
            *(
                lambda u=user, n=number, c=code: services.link_number(u, c, phone_number=n)
                for user, number, code in pairs
            )
        )
        assert answers == {"NumberLinked": 2}
        assert (texts_of(ada), texts_of(bob)) == ([THIRD], [NEW])
