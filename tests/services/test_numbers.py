"""The numbers of a user: who has which, and what is never removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from django_sms_otp import services
from django_sms_otp.exceptions import InsideTransaction
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.results import LinkedNumber, NumberRefused
from django_sms_otp.signals import number_unlinked
from django_sms_otp.testing import override_sms_otp

from ..support.factories import UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW, THIRD = "+14155550131", "+14155550132", "+14155550133"


def user_with(*numbers: str, password: str | None = None) -> User:
    """Return a user who has these numbers, the first of them longest and as primary."""
    user = UserFactory.create()
    user.set_password(password)
    user.save()
    for days, number in enumerate(reversed(numbers), start=1):
        VerifiedPhoneFactory.create(
            user=user,
            phone_number=number,
            verified_at=timezone.now() - timedelta(days=days),
            is_primary=True if number == numbers[0] else None,
        )
    return user


def texts_of(user: User) -> list[str]:
    return [each.phone_number.e164 for each in services.numbers_of(user)]


def id_of(user: User, e164: str) -> str:
    return next(each.id for each in services.numbers_of(user) if each.phone_number.e164 == e164)


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    carried: list[dict[str, Any]] = []

    def receive(**kwargs: Any) -> None:
        assert not transaction.get_connection().in_atomic_block
        carried.append({k: v for k, v in kwargs.items() if k not in {"signal", "sender"}})

    signal.connect(receive)
    try:
        yield carried
    finally:
        signal.disconnect(receive)


def test_the_primary_number_comes_first_and_then_the_oldest() -> None:
    user = user_with(OLD, NEW, THIRD)
    services.make_primary(user, id_of(user, THIRD))
    numbers = services.numbers_of(user)
    assert texts_of(user) == [THIRD, OLD, NEW]
    assert [each.is_primary for each in numbers] == [True, False, False]
    assert {each.phone_number.region for each in numbers} == {"US"}


def test_a_number_that_its_country_has_given_up_is_listed_too() -> None:
    assert texts_of(user_with("+22990011234")) == ["+22990011234"]


def test_no_number_of_anybody_else_is_listed() -> None:
    user_with(OLD)
    assert services.numbers_of(UserFactory.create()) == []


def test_a_removed_number_opens_the_account_no_more() -> None:
    user = user_with(OLD, NEW)
    with heard(number_unlinked) as carried:
        removed = services.unlink_number(user, id_of(user, NEW))
    assert isinstance(removed, LinkedNumber)
    assert removed.phone_number.e164 == NEW
    assert texts_of(user) == [OLD]
    assert carried == [{"user": user, "phone_number": removed.phone_number}]


def test_the_oldest_of_the_others_takes_the_place_of_the_primary_number() -> None:
    user = user_with(OLD, NEW, THIRD)
    services.unlink_number(user, id_of(user, OLD))
    assert [each.is_primary for each in services.numbers_of(user)] == [True, False]
    assert texts_of(user) == [NEW, THIRD]


def test_the_last_way_in_is_not_removed_in_silence() -> None:
    user = user_with(OLD)
    with heard(number_unlinked) as carried:
        refused = services.unlink_number(user, id_of(user, OLD))
    assert refused == NumberRefused(reason="last_way_in")
    assert texts_of(user) == [OLD]
    assert carried == []


def test_the_last_way_in_is_removed_if_that_is_said() -> None:
    user = user_with(OLD)
    assert isinstance(services.unlink_number(user, id_of(user, OLD), force=True), LinkedNumber)
    assert texts_of(user) == []


def test_an_empty_password_is_no_way_in() -> None:
    user = user_with(OLD)
    User.objects.filter(pk=user.pk).update(password="")
    refused = services.unlink_number(user, id_of(user, OLD))
    assert refused == NumberRefused(reason="last_way_in")


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_guarded_staff_keep_their_last_number(right: str) -> None:
    user = user_with(OLD, NEW, password="a long enough one")
    User.objects.filter(pk=user.pk).update(**{right: True})
    with override_sms_otp(GUARD_STAFF_NUMBERS=True):
        assert isinstance(services.unlink_number(user, id_of(user, NEW)), LinkedNumber)
        refused = services.unlink_number(user, id_of(user, OLD))
        assert refused == NumberRefused(reason="last_way_in")
        removed = services.unlink_number(user, id_of(user, OLD), force=True)
        assert isinstance(removed, LinkedNumber)


def test_who_has_a_password_needs_no_number() -> None:
    user = user_with(OLD, password="a long enough one")
    assert isinstance(services.unlink_number(user, id_of(user, OLD)), LinkedNumber)


def test_another_number_becomes_primary() -> None:
    user = user_with(OLD, NEW)
    chosen = services.make_primary(user, id_of(user, NEW))
    assert isinstance(chosen, LinkedNumber)
    assert texts_of(user) == [NEW, OLD]
    assert VerifiedPhone.objects.filter(user=user, is_primary=True).count() == 1


def test_the_primary_number_may_be_made_primary_again() -> None:
    user = user_with(OLD, NEW)
    assert isinstance(services.make_primary(user, id_of(user, OLD)), LinkedNumber)
    assert texts_of(user) == [OLD, NEW]


CHANGES: list[Callable[[Any, Any], object]] = [services.unlink_number, services.make_primary]


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("number_id", ["0", "", "x", "\0", "9" * 40])
def test_an_id_that_does_not_exist(
    change: Callable[[Any, Any], object], number_id: object
) -> None:
    user = user_with(OLD, NEW)
    assert change(user, number_id) == NumberRefused(reason="not_found")
    assert texts_of(user) == [OLD, NEW]


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_the_id_of_somebody_else(change: Callable[[Any, Any], object]) -> None:
    theirs = user_with(OLD, NEW)
    mine = user_with(THIRD)
    assert change(mine, id_of(theirs, NEW)) == NumberRefused(reason="not_found")
    assert texts_of(theirs) == [OLD, NEW]


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_inside_a_transaction(change: Callable[[Any, Any], object]) -> None:
    user = user_with(OLD, NEW)
    number_id = id_of(user, NEW)
    with transaction.atomic(), pytest.raises(InsideTransaction):
        change(user, number_id)
    assert texts_of(user) == [OLD, NEW]


@pytest.mark.parametrize("user", [AnonymousUser(), None, "ada", User()])
def test_nobody(user: Any) -> None:
    with pytest.raises(TypeError, match="must be a saved user"):
        services.numbers_of(user)
    with pytest.raises(TypeError, match="must be a saved user"):
        services.unlink_number(user, "1")
