"""What a new user lacks, or shares with every other new user, is named before anybody pays."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.core import checks
from django.test import override_settings

from django_sms_otp.auth.users import VerifiedPhoneResolver
from django_sms_otp.phone import PhoneNumber
from django_sms_otp.testing import override_sms_otp

from ..support.customers.models import RepeatedCustomer, UnfilledCustomer

HERE = "tests.auth.test_new_users"


class OneAddressResolver(VerifiedPhoneResolver):
    def known_values(self, e164: str) -> dict[str, Any]:
        return {**super().known_values(e164), "email": "sms@example.com", "tariff": "basic"}


class OwnAddressResolver(OneAddressResolver):
    def known_values(self, e164: str) -> dict[str, Any]:
        return {**super().known_values(e164), "email": f"{e164[1:]}@sms.example.com"}


class CreatingResolver(VerifiedPhoneResolver):
    def create_user(self, phone_number: PhoneNumber) -> AbstractBaseUser:
        return User.objects.create(email=phone_number.e164)


def e005(model: type[AbstractBaseUser] | str, resolver: str | None = None) -> str:
    """Return the text of the check, or an empty one."""
    label = model if isinstance(model, str) else model._meta.label
    path = (
        f"{HERE}.{resolver}" if resolver else "django_sms_otp.auth.users.VerifiedPhoneResolver"
    )
    with override_settings(AUTH_USER_MODEL=label), override_sms_otp(USER_RESOLVER=path):
        found = checks.run_checks(tags=[checks.Tags.security])
    return "".join(each.msg for each in found if each.id == "sms_otp.E005")


def test_fields_that_are_fine_once_and_not_twice_are_named() -> None:
    text = e005(RepeatedCustomer)
    names = "email, plan, offer, rank, twin, shop, seat, row, place, alias, guest"
    assert ", ".join(map(repr, names.split(", "))) in text
    assert "good" not in text
    assert "every registration after the first would fail" in text


def test_fields_that_are_blank_and_never_empty_are_named() -> None:
    assert "'born', 'visits', 'shop', which" in e005(UnfilledCustomer)


@pytest.mark.parametrize(
    ("resolver", "named"), [("OneAddressResolver", "'email'"), ("OwnAddressResolver", "")]
)
def test_a_resolvers_own_values_are_looked_at_too(resolver: str, named: str) -> None:
    text = e005("customers.EmailCustomer", resolver)
    assert named in text
    assert bool(text) is bool(named)


def test_who_creates_users_in_another_way_is_left_alone() -> None:
    assert e005("customers.EmailCustomer", "CreatingResolver") == ""


def test_a_username_with_no_room_for_a_random_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    field = User._meta.get_field("username")
    monkeypatch.setattr(field, "max_length", 15)
    assert "'username'" in e005(User)
    monkeypatch.setattr(field, "max_length", 16)
    assert e005(User) == ""
    assert len(VerifiedPhoneResolver().known_values("")["username"]) == 16
