"""Attacks with the code of a test number, which everybody knows: each opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User

from django_sms_otp import services, testing
from django_sms_otp.auth.users import get_user_resolver
from django_sms_otp.models import OTPCode, VerifiedPhone
from django_sms_otp.results import NumberLinked, Redeemed, RedemptionRefused
from django_sms_otp.services import logins
from django_sms_otp.testing import override_sms_otp

from ..conftest import Post, body_of, last_code
from ..support.factories import UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db

NUMBER = "+14155550100"
CODE = "123456"
LIMITS = {"phone": "100/h", "phone_ip": "100/h"}


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    numbers = {NUMBER: {"code": CODE, "until": date(2027, 3, 1)}}
    with (
        time_machine.travel(datetime(2027, 2, 1, 12, tzinfo=UTC)),
        override_sms_otp(TEST_NUMBERS=numbers, COOLDOWN=[], ALLOW_STAFF=True, LIMITS=LIMITS),
    ):
        yield


@pytest.fixture
def attack(get_code: Post, auth_code: Post) -> Post:
    def attack() -> Any:
        get_code(phone_number=NUMBER)
        return auth_code(phone_number=NUMBER, code=CODE)

    return attack


def is_a_person(attack: Post) -> bool:
    """Return whether the number's holder alone gets the code, in a message."""
    before = len(testing.outbox)
    is_refused = attack().status_code == 401
    return is_refused and len(testing.outbox) == before + 1 and last_code() != CODE


def test_a_customer_with_the_number_is_no_test(attack: Post) -> None:
    VerifiedPhoneFactory.create(phone_number=NUMBER)
    assert is_a_person(attack)


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_staff_are_no_test_whatever_allow_staff_says(attack: Post, right: str) -> None:
    staff = UserFactory.create(**{right: True})
    VerifiedPhoneFactory.create(phone_number=NUMBER, user=staff, is_test=True)
    assert is_a_person(attack)


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_who_gets_rights_while_the_code_lives_is_not_logged_in(
    attack: Post, get_code: Post, auth_code: Post, right: str
) -> None:
    assert attack().status_code == 200
    get_code(phone_number=NUMBER)
    User.objects.update(**{right: True})
    answer = auth_code(phone_number=NUMBER, code=CODE)
    assert (answer.status_code, body_of(answer)["code"]) == (401, "no_active_account")
    assert is_a_person(attack)


def test_a_customer_who_gets_the_number_while_the_code_lives_is_not_logged_in(
    get_code: Post, auth_code: Post
) -> None:
    get_code(phone_number=NUMBER)
    VerifiedPhoneFactory.create(phone_number=NUMBER)
    assert auth_code(phone_number=NUMBER, code=CODE).status_code == 401


@pytest.mark.parametrize("purpose", ["step_up", "payment"])
def test_the_code_confirms_nothing_for_a_customer(purpose: str) -> None:
    with override_sms_otp(PURPOSES={"payment": {}}):
        number = services.read_phone_number(NUMBER)
        services.request_code(number, purpose=purpose)
        VerifiedPhoneFactory.create(phone_number=NUMBER)
        answer: object = services.redeem_code(CODE, phone_number=number, purpose=purpose)
        assert isinstance(answer, RedemptionRefused)
        services.request_code(number, purpose=purpose)
        answer = services.redeem_code(CODE, phone_number=number, purpose=purpose)
        assert answer == RedemptionRefused(reason="invalid_code")


def test_the_code_links_the_number_to_nobody(attack: Post) -> None:
    assert attack().status_code == 200
    number = services.read_phone_number(NUMBER)
    services.request_code(number, purpose="verify_phone")
    assert last_code() != CODE
    answer: object = services.redeem_code(CODE, phone_number=number, purpose="verify_phone")
    assert isinstance(answer, RedemptionRefused)


def test_who_proves_by_a_message_to_hold_the_number_has_it_alone(attack: Post) -> None:
    assert attack().status_code == 200
    holder = UserFactory.create()
    number = services.read_phone_number(NUMBER)
    services.request_code(number, purpose="verify_phone")
    answer: object = services.redeem_code(
        last_code(),
        phone_number=number,
        purpose="verify_phone",
        grant=lambda _: get_user_resolver().link_number(holder, number),
    )
    assert isinstance(answer, Redeemed)
    assert is_a_person(attack)


def test_the_user_who_proves_the_number_anew_has_it_alone(attack: Post) -> None:
    assert attack().status_code == 200
    number = services.read_phone_number(NUMBER)
    get_user_resolver().link_number(User.objects.get(), number)
    assert is_a_person(attack)


def test_after_its_last_day_the_code_opens_not_even_its_own_account(attack: Post) -> None:
    assert attack().status_code == 200
    with time_machine.travel(datetime(2027, 3, 3, 12, tzinfo=UTC)):
        assert is_a_person(attack)


def test_who_logs_in_by_a_message_meanwhile_keeps_the_account_for_good(
    attack: Post, get_code: Post, auth_code: Post
) -> None:
    assert attack().status_code == 200
    with time_machine.travel(datetime(2027, 4, 1, 12, tzinfo=UTC)):
        get_code(phone_number=NUMBER)
        assert auth_code(phone_number=NUMBER, code=last_code()).status_code == 200
        # The site names the number anew for the next review.
        with override_sms_otp(TEST_NUMBERS={NUMBER: {"code": CODE}}):
            assert is_a_person(attack)


def test_a_known_code_does_not_reach_the_code_of_the_holder(
    get_code: Post, auth_code: Post
) -> None:
    phone = VerifiedPhoneFactory.create(phone_number=NUMBER)
    get_code(phone_number=NUMBER)
    for _ in range(3):
        assert auth_code(phone_number=NUMBER, code=CODE).status_code == 401
    assert auth_code(phone_number=NUMBER, code=last_code()).status_code == 200
    assert OTPCode.objects.get().user == phone.user
    assert VerifiedPhone.objects.get().is_test is False


def test_guessing_ends_in_a_lockout(get_code: Post, auth_code: Post) -> None:
    for guess in range(20):
        get_code(phone_number=NUMBER)
        answer = auth_code(phone_number=NUMBER, code=f"{guess:06}")
    assert answer.status_code == 429
    assert auth_code(phone_number=NUMBER, code=CODE).status_code == 429
    assert not User.objects.exists()


FIELD = {
    "USER_RESOLVER": "django_sms_otp.auth.users.UserFieldResolver",
    "USER_PHONE_FIELD": "last_name",
}
RESOLVERS: dict[str, dict[str, Any]] = {
    "rows": {},
    "rows with the last use": {"STALE_AFTER": timedelta(days=900)},
    "field": FIELD,
}
OVER: dict[str, dict[str, Any]] = {
    "ended": {NUMBER: {"code": CODE, "until": date(2027, 1, 1)}},
    "removed": {},
}
with_each_resolver = pytest.mark.parametrize("resolver", RESOLVERS.values(), ids=RESOLVERS)
where_it_is_over = pytest.mark.parametrize("over", OVER.values(), ids=OVER)


@pytest.fixture
def log_in(get_code: Post, auth_code: Post) -> Post:
    """Log in by a message, as whoever has the number now and is no reviewer."""

    def log_in() -> Any:
        assert get_code(phone_number=NUMBER).status_code == 202
        return auth_code(phone_number=NUMBER, code=last_code())

    return log_in


@with_each_resolver
@where_it_is_over
@pytest.mark.parametrize("days", [0, 1])
def test_who_has_a_former_test_number_is_a_person_once_they_have_logged_in(
    attack: Post, log_in: Post, resolver: dict[str, Any], over: dict[str, Any], days: int
) -> None:
    with override_sms_otp(**resolver):
        assert attack().status_code == 200
        with time_machine.travel(datetime(2027, 2, 1 + days, 12, 2, tzinfo=UTC)):
            with override_sms_otp(TEST_NUMBERS=over):
                assert log_in().status_code == 200
            # The site goes on with the entry, or makes it anew.
            assert is_a_person(attack)
    assert User.objects.count() == 1


@with_each_resolver
def test_a_refused_login_of_that_person_hides_no_later_one(
    attack: Post, log_in: Post, resolver: dict[str, Any]
) -> None:
    with override_sms_otp(**resolver):
        assert attack().status_code == 200
        with override_sms_otp(TEST_NUMBERS=OVER["ended"]):
            User.objects.update(is_active=False)
            assert log_in().status_code == 401
            User.objects.update(is_active=True)
            assert log_in().status_code == 200
        assert is_a_person(attack)


@pytest.mark.parametrize("resolver", [{}, FIELD], ids=["rows", "field"])
def test_who_proves_a_former_test_number_is_a_person(
    attack: Post, resolver: dict[str, Any]
) -> None:
    number = services.read_phone_number(NUMBER)
    with override_sms_otp(**resolver):
        assert attack().status_code == 200
        user = User.objects.get()
        services.request_link_code(user, number)
        linked = services.link_number(user, last_code(), phone_number=number)
        assert isinstance(linked, NumberLinked)
        assert is_a_person(attack)


@pytest.mark.parametrize("resolver", [{}, FIELD], ids=["rows", "field"])
@where_it_is_over
def test_who_confirms_by_a_message_that_it_is_them_is_a_person(
    attack: Post, resolver: dict[str, Any], over: dict[str, Any]
) -> None:
    with override_sms_otp(**resolver):
        assert attack().status_code == 200
        user = User.objects.get()
        services.request_step_up(user)
        # The fixed code proves nothing of that kind.
        assert isinstance(services.confirm_step_up(user, CODE), Redeemed)
        assert VerifiedPhone.objects.get().is_test is True
        with override_sms_otp(TEST_NUMBERS=over):
            services.request_step_up(user)
            assert isinstance(services.confirm_step_up(user, last_code()), Redeemed)
        assert is_a_person(attack)


def test_a_fixed_code_marks_no_account_in_a_database_of_its_own(
    attack: Post, log_in: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark would be there although the code has lost a race against the person's."""
    noted: list[object] = []
    monkeypatch.setattr(logins, "database_alias", lambda _model: "numbers")
    monkeypatch.setattr(logins, "move_last_use", lambda *_, is_test: noted.append(is_test))
    for day in (1, 2):
        with time_machine.travel(datetime(2027, 2, day, 12, tzinfo=UTC)):
            assert attack().status_code == 200
    with override_sms_otp(TEST_NUMBERS=OVER["ended"]):
        assert log_in().status_code == 200
    assert noted == [None, False]
