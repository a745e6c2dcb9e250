"""A number unused for so long that somebody else may hold it opens no account by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_sms_otp import services
from django_sms_otp.auth.users import UserFieldResolver, VerifiedPhoneResolver
from django_sms_otp.models import OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed, RedemptionRefused
from django_sms_otp.services import logins
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, last_code, wrong
from ..support.counting import statements_made
from ..support.factories import UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "tests.services.test_stale_numbers"
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
NUMBER = parse_phone_number(PHONE)
YEAR, MINUTE = timedelta(days=365), timedelta(minutes=1)
LIFETIME = timedelta(minutes=10)
LONG_AGO, LATELY = NOON - YEAR - MINUTE, NOON - YEAR + MINUTE
"""Too long ago, and not quite."""

stale_after_a_year = override_sms_otp(STALE_AFTER=YEAR)


class OwnResolver(VerifiedPhoneResolver):
    """Finds users in a way of its own, which brings no last use along."""

    def get_user(self, phone_number: Any) -> Any:
        return User.objects.filter(verified_phones__phone_number=phone_number.e164).first()


class LastLoginResolver(UserFieldResolver):
    def last_used_at(self, user: Any, phone_number: Any) -> datetime | None:
        last_login: datetime | None = user.last_login
        return last_login


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def log_in(**more: Any) -> Redeemed[Any] | RedemptionRefused:
    services.request_code(NUMBER)
    return services.redeem_code(last_code(), phone_number=NUMBER, **more)


def reason_of(answer: object) -> str:
    return answer.reason if isinstance(answer, RedemptionRefused) else ""


def last_used_at() -> datetime | None:
    """Return it to the second: no two changes of a number's row have the same time."""
    found: datetime | None = VerifiedPhone.objects.get().last_used_at
    return found and found.replace(microsecond=0)


# When a number was last used -----------------------------------------------------------------


def test_a_registration_is_a_use_and_is_not_noted_once_more() -> None:
    with CaptureQueriesContext(connection) as made:
        assert isinstance(log_in(), Redeemed)
    assert last_used_at() == NOON
    changes = [each["sql"] for each in made if each["sql"].startswith("UPDATE")]
    assert not [sql for sql in changes if VerifiedPhone._meta.db_table in sql]


@pytest.mark.parametrize("grant_writes", [False, True])
def test_a_login_moves_the_last_use(
    clock: time_machine.Traveller, *, grant_writes: bool
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO)
    for _ in range(3):
        assert isinstance(log_in(grant=lambda user: 0, grant_writes=grant_writes), Redeemed)
        assert last_used_at() == datetime.now(UTC).replace(microsecond=0)
        clock.shift(LIFETIME)
    assert VerifiedPhone.objects.get().verified_at == LONG_AGO


@pytest.mark.parametrize("stale_after", [None, YEAR])
def test_a_login_within_the_lifetime_of_a_code_moves_nothing(
    clock: time_machine.Traveller, stale_after: timedelta | None
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    with override_sms_otp(STALE_AFTER=stale_after):
        log_in()
        clock.shift(LIFETIME - MINUTE)
        assert isinstance(log_in(), Redeemed)
    assert last_used_at() == NOON


@stale_after_a_year
def test_a_refused_login_hides_no_later_one() -> None:
    phone = VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO)
    log_in()
    VerifiedPhone.objects.filter(pk=phone.pk).update(verified_at=LATELY)
    with override_sms_otp(COOLDOWN=[]):
        log_in()
    assert last_used_at() == NOON


def test_a_login_moves_the_use_of_its_own_number_alone() -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO).user
    others = [VerifiedPhoneFactory.create(user=user), VerifiedPhoneFactory.create()]
    log_in()
    for other in others:
        other.refresh_from_db()
        assert other.last_used_at is None


def test_neither_a_wrong_guess_nor_a_refused_login_is_a_use() -> None:
    user = UserFactory.create(is_active=False)
    VerifiedPhoneFactory.create(phone_number=PHONE, user=user)
    services.request_code(NUMBER)
    services.redeem_code(wrong(last_code()), phone_number=NUMBER)
    assert reason_of(services.redeem_code(last_code(), phone_number=NUMBER))
    assert last_used_at() is None


@pytest.mark.parametrize("stale_after", [None, YEAR])
def test_to_note_a_use_costs_no_statement_on_postgresql_and_few_elsewhere(
    clock: time_machine.Traveller, stale_after: timedelta | None
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    counts = []
    with override_sms_otp(STALE_AFTER=stale_after):
        for wait in (LIFETIME - MINUTE, LIFETIME, MINUTE):
            services.request_code(NUMBER)
            with statements_made() as made:
                services.redeem_code(last_code(), phone_number=NUMBER)
            counts.append(len(made))
            clock.shift(wait)
    # Read the number, find the user, and write: two rows and the use, or all in one statement.
    assert counts == ([3, 3, 3] if connection.vendor == "postgresql" else [5, 4, 5])


def test_numbers_in_a_database_of_their_own_are_noted_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO)
    monkeypatch.setattr(logins, "database_alias", lambda _model: "numbers")
    monkeypatch.setattr(logins, "last_use_of", None)
    assert isinstance(log_in(), Redeemed)
    assert last_used_at() == NOON


# STALE_AFTER ---------------------------------------------------------------------------------


@stale_after_a_year
@pytest.mark.parametrize(
    "times",
    [
        pytest.param({"verified_at": LONG_AGO}, id="imported, never used"),
        pytest.param({"verified_at": LONG_AGO - YEAR, "last_used_at": LONG_AGO}, id="used"),
    ],
)
def test_a_stale_number_opens_no_account(times: dict[str, datetime]) -> None:
    phone = VerifiedPhoneFactory.create(phone_number=PHONE, **times)
    granted: list[object] = []
    assert reason_of(log_in(grant=granted.append)) == "reverification_needed"
    assert not granted
    assert OTPCode.objects.get().redeemed_at is not None
    # A refused login does not make the number a fresh one.
    assert last_used_at() == phone.last_used_at
    with override_sms_otp(COOLDOWN=[]):
        assert reason_of(log_in()) == "reverification_needed"
    assert User.objects.count() == 1


@stale_after_a_year
@pytest.mark.parametrize(
    "times",
    [
        pytest.param({"verified_at": LATELY}, id="imported"),
        pytest.param({"verified_at": LONG_AGO, "last_used_at": LATELY}, id="used"),
        pytest.param({"verified_at": LATELY, "last_used_at": LONG_AGO}, id="bound anew"),
    ],
)
def test_a_number_in_use_opens_its_account(times: dict[str, datetime]) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, **times)
    assert isinstance(log_in(), Redeemed)
    assert last_used_at() == NOON


@stale_after_a_year
def test_who_logs_in_often_enough_never_has_a_stale_number(
    clock: time_machine.Traveller,
) -> None:
    log_in()
    for _ in range(3):
        clock.shift(YEAR - timedelta(hours=1))
        assert isinstance(log_in(), Redeemed)
    clock.shift(YEAR + timedelta(seconds=1))
    assert reason_of(log_in()) == "reverification_needed"


@stale_after_a_year
def test_a_new_number_registers() -> None:
    answer = log_in()
    assert isinstance(answer, Redeemed)
    assert answer.registered


def test_by_default_no_number_is_stale() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=NOON - 20 * YEAR)
    assert isinstance(log_in(), Redeemed)


@stale_after_a_year
def test_a_wrong_guess_at_a_stale_number_is_answered_as_any() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO)
    services.request_code(NUMBER)
    answer: object = services.redeem_code(wrong(last_code()), phone_number=NUMBER)
    assert answer == RedemptionRefused(reason="invalid_code")


@stale_after_a_year
def test_who_holds_an_old_number_does_not_learn_what_became_of_the_account() -> None:
    user = UserFactory.create(is_active=False)
    VerifiedPhoneFactory.create(phone_number=PHONE, user=user, verified_at=LONG_AGO)
    assert reason_of(log_in()) == "reverification_needed"


@stale_after_a_year
def test_the_old_number_still_gets_messages_for_other_purposes() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO)
    services.request_code(NUMBER, purpose=services.VERIFY_PHONE)
    answer: object = services.redeem_code(
        last_code(), phone_number=NUMBER, purpose=services.VERIFY_PHONE
    )
    assert isinstance(answer, Redeemed)


@override_sms_otp(STALE_AFTER=YEAR, COOLDOWN=[])
def test_the_holder_who_logs_in_otherwise_and_proves_the_number_has_it_back() -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO).user
    assert reason_of(log_in()) == "reverification_needed"
    services.request_link_code(user, NUMBER)
    services.link_number(user, last_code(), phone_number=NUMBER)
    answer = log_in()
    assert isinstance(answer, Redeemed)
    assert answer.user == user


@override_sms_otp(STALE_AFTER=YEAR, COOLDOWN=[])
def test_the_new_holder_who_registers_otherwise_and_proves_the_number_has_it() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO)
    assert reason_of(log_in()) == "reverification_needed"
    heir = UserFactory.create()
    services.request_link_code(heir, NUMBER)
    services.link_number(heir, last_code(), phone_number=NUMBER)
    answer = log_in()
    assert isinstance(answer, Redeemed)
    assert answer.user == heir


@override_sms_otp(STALE_AFTER=YEAR, COOLDOWN=[])
def test_a_step_up_is_a_use() -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO).user
    services.request_step_up(user)
    assert isinstance(services.confirm_step_up(user, last_code()), Redeemed)
    assert last_used_at() == NOON
    assert isinstance(log_in(), Redeemed)


# Other resolvers -----------------------------------------------------------------------------


class StrangeResolver(VerifiedPhoneResolver):
    """Opens another account than the one that the number is verified for."""

    def get_user(self, phone_number: Any) -> Any:
        return User.objects.get(username="another")


@override_sms_otp(USER_RESOLVER=f"{HERE}.StrangeResolver")
def test_a_use_is_noted_for_the_user_who_logged_in_alone() -> None:
    UserFactory.create(username="another")
    VerifiedPhoneFactory.create(phone_number=PHONE)
    assert isinstance(log_in(), Redeemed)
    assert last_used_at() is None


@override_sms_otp(USER_RESOLVER=f"{HERE}.OwnResolver", STALE_AFTER=YEAR, COOLDOWN=[])
def test_a_resolver_that_finds_users_in_its_own_way_knows_the_last_use() -> None:
    phone = VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=LONG_AGO)
    assert reason_of(log_in()) == "reverification_needed"
    VerifiedPhone.objects.filter(pk=phone.pk).update(verified_at=LATELY)
    assert isinstance(log_in(), Redeemed)
    assert last_used_at() == NOON


@override_sms_otp(
    USER_RESOLVER="django_sms_otp.auth.users.UserFieldResolver",
    USER_PHONE_FIELD="last_name",
    STALE_AFTER=YEAR,
)
def test_a_number_of_which_nobody_knows_the_last_use_is_stale() -> None:
    UserFactory.create(last_name=PHONE, last_login=NOON)
    assert reason_of(log_in()) == "reverification_needed"


@override_sms_otp(
    USER_RESOLVER=f"{HERE}.LastLoginResolver",
    USER_PHONE_FIELD="last_name",
    STALE_AFTER=YEAR,
    COOLDOWN=[],
)
def test_a_resolver_of_the_site_says_when_a_number_was_last_used() -> None:
    user = UserFactory.create(last_name=PHONE, last_login=LATELY)
    assert isinstance(log_in(), Redeemed)
    User.objects.filter(pk=user.pk).update(last_login=LONG_AGO)
    assert reason_of(log_in()) == "reverification_needed"
