"""Whose number is it, and may they log in?"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User, UserManager
from django.db import connection, connections
from django.db.models import Model

from django_sms_otp import services, testing
from django_sms_otp.auth.users import (
    UserFieldResolver,
    VerifiedPhoneResolver,
    get_user_resolver,
)
from django_sms_otp.delivery import code_of
from django_sms_otp.exceptions import InvalidSettings, LoginRefused
from django_sms_otp.models import DeliveryState, OTPCode, VerifiedPhone
from django_sms_otp.phone import PhoneNumber, parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, Post, body_of, last_code
from tests.support import sites
from tests.support.customers.models import EmailCustomer, PhoneCustomer, SharedPhoneCustomer
from tests.support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory

NUMBER = parse_phone_number(PHONE)
HERE = "tests.auth.test_users"
BY_FIELD = {"USER_RESOLVER": "django_sms_otp.auth.users.UserFieldResolver"}


class DoubtfulResolver(VerifiedPhoneResolver):
    """Cannot say whose number it is."""

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        raise LoginRefused("Two customers claim this number.")


class PickyResolver(VerifiedPhoneResolver):
    def may_log_in(self, user: AbstractBaseUser, phone_number: PhoneNumber) -> bool:
        return super().may_log_in(user, phone_number) and user.get_username() != "unpaid"


class LockingResolver(VerifiedPhoneResolver):
    """Reads a row that it may lock, and leaves a note that a failure takes back."""

    may_log_in_writes = True

    def may_log_in(self, user: AbstractBaseUser, phone_number: PhoneNumber) -> bool:
        locked = User.objects.select_for_update().get(pk=user.pk)
        User.objects.filter(pk=locked.pk).update(first_name="was here")
        return super().may_log_in(user, phone_number)


class WatchingResolver(VerifiedPhoneResolver):
    """Notes whether it was asked in a transaction."""

    inside: ClassVar[list[bool]] = []

    def may_log_in(self, user: AbstractBaseUser, phone_number: PhoneNumber) -> bool:
        self.inside.append(connection.in_atomic_block)
        return super().may_log_in(user, phone_number)


class LenientResolver(VerifiedPhoneResolver):
    def may_log_in(self, user: AbstractBaseUser, phone_number: PhoneNumber) -> bool:
        return True


class BlindResolver(VerifiedPhoneResolver):
    """At first does not see the account that another process is creating."""

    looked: ClassVar[list[str]] = []

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        self.looked.append(phone_number.e164)
        return None if len(self.looked) == 1 else super().get_user(phone_number)


class LooseResolver(VerifiedPhoneResolver):
    """Finds users by a manager that shows all of them."""

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        phone = VerifiedPhone.objects.filter(phone_number=phone_number.e164).first()
        return phone.user if phone else None


class NoResolver:
    pass


def log_in(get_code: Post, auth_code: Post) -> Any:
    assert get_code(phone_number=PHONE).status_code == 202
    return auth_code(phone_number=PHONE, code=last_code())


def test_the_first_login_creates_an_account(get_code: Post, auth_code: Post) -> None:
    assert log_in(get_code, auth_code).status_code == 200
    phone = VerifiedPhone.objects.get()
    assert phone.phone_number == PHONE
    assert phone.user == User.objects.get()


def test_no_account_is_created_before_the_code_is_redeemed(get_code: Post) -> None:
    get_code(phone_number=PHONE)
    assert not User.objects.exists()


def test_a_wrong_code_creates_no_account(get_code: Post, auth_code: Post) -> None:
    get_code(phone_number=PHONE)
    auth_code(phone_number=PHONE, code="x")
    assert not User.objects.exists()


def test_the_second_login_finds_the_account(get_code: Post, auth_code: Post) -> None:
    log_in(get_code, auth_code)
    log_in(get_code, auth_code)
    assert User.objects.count() == 1


def test_a_new_account_has_no_usable_password(get_code: Post, auth_code: Post) -> None:
    log_in(get_code, auth_code)
    assert not User.objects.get().has_usable_password()


def test_a_new_account_has_no_powers(get_code: Post, auth_code: Post) -> None:
    log_in(get_code, auth_code)
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)


@pytest.mark.django_db
def test_a_username_is_random_and_tells_nothing_of_the_number() -> None:
    resolver = VerifiedPhoneResolver()
    names = {resolver.known_values(PHONE)["username"] for _ in range(20)}
    assert len(names) == 20
    assert {len(name) for name in names} == {len("user_") + 32}
    assert not any("4155552671" in name for name in names)


def test_a_verified_number_opens_its_users_account(get_code: Post, auth_code: Post) -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    log_in(get_code, auth_code)
    assert OTPCode.objects.get().user == user
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@override_sms_otp(REQUIRE_REQUEST_ID=True, COOLDOWN=[])
def test_two_logins_at_once_create_one_account() -> None:
    requests = [services.request_code(NUMBER) for _ in range(2)]
    codes = [message.code or "" for message in testing.outbox]
    barrier = threading.Barrier(2)
    outcomes: list[object] = []

    def redeem(request: object, code: str) -> None:
        assert isinstance(request, CodeRequested)
        barrier.wait(timeout=10)
        try:
            outcomes.append(
                services.redeem_code(code, phone_number=NUMBER, request_id=request.request_id)
            )
        finally:
            connection.close()

    threads = [
        threading.Thread(target=redeem, args=pair) for pair in zip(requests, codes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    redeemed = [outcome for outcome in outcomes if isinstance(outcome, Redeemed)]
    assert sorted(outcome.registered for outcome in redeemed) == [False, True]
    assert User.objects.count() == VerifiedPhone.objects.count() == 1


@override_sms_otp(USER_RESOLVER=f"{HERE}.BlindResolver")
def test_an_account_that_appears_meanwhile_is_found(get_code: Post, auth_code: Post) -> None:
    BlindResolver.looked.clear()
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    assert log_in(get_code, auth_code).status_code == 200
    assert OTPCode.objects.get().user == user
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "traits", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}]
)
def test_inactive_and_privileged_users_are_refused(
    get_code: Post, auth_code: Post, traits: dict[str, bool]
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(**traits))
    answer = log_in(get_code, auth_code)
    assert answer.status_code == 401
    assert body_of(answer)["code"] == "no_active_account"


@pytest.mark.parametrize("traits", [{"is_staff": True}, {"is_superuser": True}])
@override_sms_otp(ALLOW_STAFF=True)
def test_a_site_may_let_staff_in(
    get_code: Post, auth_code: Post, traits: dict[str, bool]
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(**traits))
    assert log_in(get_code, auth_code).status_code == 200


@override_sms_otp(ALLOW_STAFF=True)
def test_letting_staff_in_does_not_let_inactive_staff_in(
    get_code: Post, auth_code: Post
) -> None:
    user = UserFactory.create(is_staff=True, is_active=False)
    VerifiedPhoneFactory.create(phone_number=PHONE, user=user)
    assert log_in(get_code, auth_code).status_code == 401


def test_a_refused_login_spends_its_code(get_code: Post, auth_code: Post) -> None:
    user = VerifiedPhoneFactory.create(
        phone_number=PHONE, user=UserFactory.create(is_staff=True)
    ).user
    log_in(get_code, auth_code)
    user.is_staff = False
    user.save()
    answer = auth_code(phone_number=PHONE, code=last_code())
    assert body_of(answer)["code"] == "invalid_code"


@pytest.mark.parametrize(("username", "status"), [("unpaid", 401), ("paid", 200)])
@override_sms_otp(USER_RESOLVER=f"{HERE}.PickyResolver")
def test_a_resolver_may_refuse_a_user(
    get_code: Post, auth_code: Post, username: str, status: int
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(username=username))
    assert log_in(get_code, auth_code).status_code == status


@pytest.mark.django_db(transaction=True)
@override_sms_otp(USER_RESOLVER=f"{HERE}.LockingResolver")
def test_who_may_log_in_is_asked_in_the_transaction() -> None:
    def fail(user: AbstractBaseUser) -> None:
        raise RuntimeError

    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    services.request_code(NUMBER)
    with pytest.raises(RuntimeError):
        services.redeem_code(last_code(), phone_number=NUMBER, grant=fail)
    user.refresh_from_db()
    assert user.first_name != "was here"
    assert isinstance(services.redeem_code(last_code(), phone_number=NUMBER), Redeemed)
    user.refresh_from_db()
    assert user.first_name == "was here"


@pytest.mark.django_db(transaction=True)
@override_sms_otp(USER_RESOLVER=f"{HERE}.WatchingResolver")
def test_a_resolver_that_only_reads_is_asked_before_the_transaction() -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    services.request_code(NUMBER)
    WatchingResolver.inside.clear()
    outcome = services.redeem_code(
        last_code(), phone_number=NUMBER, grant=lambda user: None, grant_writes=False
    )
    assert isinstance(outcome, Redeemed)
    assert WatchingResolver.inside == [False]


@pytest.mark.django_db
def test_a_purpose_other_than_login_has_nobody_to_resolve() -> None:
    services.request_code(NUMBER, purpose="step_up")
    with override_sms_otp(USER_RESOLVER="no.such.Resolver"):
        answer: object = services.redeem_code(
            last_code(), phone_number=NUMBER, purpose="step_up"
        )
    assert isinstance(answer, Redeemed)


@override_sms_otp(USER_RESOLVER=f"{HERE}.LenientResolver")
def test_a_resolver_may_admit_whom_the_default_refuses(get_code: Post, auth_code: Post) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(is_staff=True))
    assert log_in(get_code, auth_code).status_code == 200


class UsersElsewhere:
    """Says that users are in another database. It is the same one under another name."""

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return "elsewhere" if model is User else None


@pytest.fixture
def users_elsewhere(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.DATABASE_ROUTERS = [f"{HERE}.UsersElsewhere"]
    monkeypatch.setitem(connections.settings, "elsewhere", connections.settings["default"])
    connections["elsewhere"] = connections["default"]
    yield
    del connections["elsewhere"]


@pytest.fixture
def hidden_user(db: None, monkeypatch: pytest.MonkeyPatch) -> User:
    """A user whom the default manager of the site does not show."""
    user: User = VerifiedPhoneFactory.create(phone_number=PHONE).user
    shown = User.objects.exclude(pk=user.pk)
    monkeypatch.setattr(UserManager, "get_queryset", lambda manager: shown.all())
    return user


@pytest.mark.django_db
@pytest.mark.usefixtures("users_elsewhere")
def test_a_user_of_another_database_is_found() -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    assert VerifiedPhoneResolver().get_user(NUMBER) == user
    assert VerifiedPhoneResolver().get_user(parse_phone_number("+14155552672")) is None


@pytest.mark.usefixtures("hidden_user", "users_elsewhere")
def test_a_number_of_a_user_who_is_gone_from_another_database_is_not_free() -> None:
    assert VerifiedPhoneResolver().get_user(NUMBER) is None
    with pytest.raises(LoginRefused, match="gone or hidden"):
        VerifiedPhoneResolver().create_user(NUMBER)


@pytest.mark.usefixtures("hidden_user")
def test_a_hidden_user_does_not_log_in(get_code: Post, auth_code: Post) -> None:
    answer = log_in(get_code, auth_code)
    assert (answer.status_code, body_of(answer)["code"]) == (401, "no_active_account")
    assert VerifiedPhone.objects.count() == 1
    assert not VerifiedPhoneResolver().is_verified(NUMBER)


@pytest.mark.parametrize(
    "settings_of_the_site",
    [
        pytest.param({"USER_RESOLVER": f"{HERE}.LooseResolver"}, id="by_another_manager"),
        pytest.param({**BY_FIELD, "USER_PHONE_FIELD": "last_name"}, id="by_field"),
    ],
)
def test_no_resolver_logs_a_hidden_user_in(
    hidden_user: User, get_code: Post, auth_code: Post, settings_of_the_site: dict[str, str]
) -> None:
    User._base_manager.filter(pk=hidden_user.pk).update(last_name=PHONE)
    with override_sms_otp(**settings_of_the_site):
        answer = log_in(get_code, auth_code)
    assert (answer.status_code, body_of(answer)["code"]) == (401, "no_active_account")
    assert User._base_manager.count() == 1


def test_a_new_user_whom_the_site_has_yet_to_show_gets_no_token(
    get_code: Post, auth_code: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = User.objects.none()
    monkeypatch.setattr(UserManager, "get_queryset", lambda manager: shown.all())
    for _ in range(2):
        assert log_in(get_code, auth_code).status_code == 401
    assert User._base_manager.count() == VerifiedPhone.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("is_known", [True, False])
def test_a_user_is_looked_up_by_one_statement(
    is_known: bool, django_assert_num_queries: Any
) -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user if is_known else None
    with django_assert_num_queries(1):
        assert VerifiedPhoneResolver().get_user(NUMBER) == user


@override_sms_otp(USER_RESOLVER=f"{HERE}.DoubtfulResolver")
def test_a_resolver_in_doubt_refuses(get_code: Post, auth_code: Post) -> None:
    answer = log_in(get_code, auth_code)
    assert answer.status_code == 401
    assert body_of(answer)["code"] == "no_active_account"
    assert not User.objects.exists()
    assert OTPCode.objects.get().redeemed_at is not None


# Unknown numbers -----------------------------------------------------------------------------


@override_sms_otp(UNKNOWN_NUMBERS="ignore")
def test_an_ignored_number_gets_the_same_answer_and_no_sms(get_code: Post) -> None:
    VerifiedPhoneFactory.create(phone_number="+14155552672")
    known = get_code(phone_number="+14155552672")
    assert len(testing.outbox) == 1
    unknown = get_code(phone_number=PHONE)
    assert len(testing.outbox) == 1
    assert (known.status_code, unknown.status_code) == (202, 202)
    assert body_of(known).keys() == body_of(unknown).keys()
    assert known.headers.items() == unknown.headers.items()
    row = OTPCode.objects.get(phone_number=PHONE)
    assert row.delivery_state == DeliveryState.WITHHELD


@override_sms_otp(UNKNOWN_NUMBERS="ignore")
def test_an_ignored_number_has_the_same_cooldown(get_code: Post) -> None:
    get_code(phone_number=PHONE)
    answer = get_code(phone_number=PHONE)
    assert (answer.status_code, body_of(answer)["code"]) == (429, "cooldown")


@override_sms_otp(UNKNOWN_NUMBERS="ignore")
def test_an_ignored_number_never_becomes_an_account(
    get_code: Post, auth_code: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_code(phone_number=PHONE)
    monkeypatch.setattr("django_sms_otp.codes.hmac.compare_digest", lambda *_: True)
    answer = auth_code(phone_number=PHONE, code="000000")
    assert answer.status_code == 401
    assert not User.objects.exists()


@pytest.mark.parametrize("traits", [{"is_active": False}, {"is_staff": True}])
@override_sms_otp(UNKNOWN_NUMBERS="ignore")
def test_whoever_may_not_log_in_gets_no_sms(get_code: Post, traits: dict[str, bool]) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(**traits))
    assert get_code(phone_number=PHONE).status_code == 202
    assert testing.outbox == []


@override_sms_otp(UNKNOWN_NUMBERS="ignore")
def test_a_code_sent_before_the_account_went_creates_no_other(
    get_code: Post, auth_code: Post
) -> None:
    phone = VerifiedPhoneFactory.create(phone_number=PHONE)
    get_code(phone_number=PHONE)
    phone.delete()
    answer = auth_code(phone_number=PHONE, code=last_code())
    assert body_of(answer)["code"] == "no_active_account"
    assert not VerifiedPhone.objects.exists()


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_a_rejected_number_is_told_so(get_code: Post) -> None:
    answer = get_code(phone_number=PHONE)
    assert answer.status_code == 404
    assert body_of(answer)["code"] == "unknown_phone_number"
    assert testing.outbox == []
    assert not OTPCode.objects.exists()


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_rejecting_unknown_numbers_serves_known_ones(get_code: Post, auth_code: Post) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE)
    assert log_in(get_code, auth_code).status_code == 200


@override_sms_otp(UNKNOWN_NUMBERS="reject", USER_RESOLVER=f"{HERE}.DoubtfulResolver")
def test_a_number_of_doubtful_owner_is_rejected(get_code: Post) -> None:
    assert get_code(phone_number=PHONE).status_code == 404


# A field of the site's own model -------------------------------------------------------------


@pytest.mark.django_db
def test_a_user_field_finds_its_user(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "customers.SharedPhoneCustomer"
    customer = SharedPhoneCustomer.objects.create(username="one", phone=PHONE)
    with override_sms_otp(USER_PHONE_FIELD="phone"):
        assert UserFieldResolver().get_user(NUMBER) == customer
        assert UserFieldResolver().get_user(parse_phone_number("+14155552672")) is None


@pytest.mark.django_db
def test_a_number_of_several_users_is_refused(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "customers.SharedPhoneCustomer"
    for name in ("one", "two"):
        SharedPhoneCustomer.objects.create(username=name, phone=PHONE)
    with override_sms_otp(USER_PHONE_FIELD="phone"), pytest.raises(LoginRefused):
        UserFieldResolver().get_user(NUMBER)


def test_a_number_of_several_users_logs_nobody_in(get_code: Post, auth_code: Post) -> None:
    for _ in range(2):
        UserFactory.create(last_name=PHONE)
    with override_sms_otp(
        USER_RESOLVER="django_sms_otp.auth.users.UserFieldResolver",
        USER_PHONE_FIELD="last_name",
    ):
        answer = log_in(get_code, auth_code)
    assert body_of(answer)["code"] == "no_active_account"
    assert OTPCode.objects.get().user is None


def test_a_user_field_logs_its_user_in_and_registers_others(
    get_code: Post, auth_code: Post
) -> None:
    user = UserFactory.create(last_name=PHONE)
    with override_sms_otp(
        USER_RESOLVER="django_sms_otp.auth.users.UserFieldResolver",
        USER_PHONE_FIELD="last_name",
    ):
        log_in(get_code, auth_code)
        assert OTPCode.objects.get().user == user
        get_code(phone_number="+14155552672")
        answer = auth_code(phone_number="+14155552672", code=last_code())
    assert answer.status_code == 200
    assert User.objects.filter(last_name="+14155552672").count() == 1
    assert not VerifiedPhone.objects.exists()


@pytest.mark.django_db
def test_a_new_phone_customer_has_the_number_as_its_name(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "customers.PhoneCustomer"
    with override_sms_otp(USER_PHONE_FIELD="phone"):
        customer = UserFieldResolver().create_user(NUMBER)
    assert isinstance(customer, PhoneCustomer)
    assert customer.phone == PHONE
    assert not customer.has_usable_password()


@pytest.mark.parametrize("field", [None, "", "no_such_field"])
def test_a_missing_phone_field_is_a_clear_error(field: str | None, settings: Any) -> None:
    settings.SMS_OTP = {"USER_PHONE_FIELD": field}
    with pytest.raises(InvalidSettings, match="USER_PHONE_FIELD"):
        UserFieldResolver().get_user(NUMBER)


@override_sms_otp(USER_PHONE_FIELD="groups")
def test_a_phone_field_that_is_a_relation_is_a_clear_error(settings: Any) -> None:
    with pytest.raises(InvalidSettings, match="USER_PHONE_FIELD"):
        UserFieldResolver().get_user(NUMBER)


@pytest.mark.django_db
def test_required_fields_are_named_with_the_hook_to_fill_them(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "customers.EmailCustomer"
    with pytest.raises(InvalidSettings) as caught:
        VerifiedPhoneResolver().create_user(NUMBER)
    text = str(caught.value)
    assert EmailCustomer._meta.label in text
    assert "'email', 'tariff'" in text
    assert "mobile" not in text
    assert "create_user(phone_number)" in text
    assert "django_sms_otp.auth.users.VerifiedPhoneResolver" in text
    assert PHONE not in text


@pytest.mark.django_db
def test_a_phone_like_username_is_not_filled_with_a_random_name(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "customers.PhoneCustomer"
    with pytest.raises(InvalidSettings, match="'phone'"):
        VerifiedPhoneResolver().create_user(NUMBER)


@pytest.mark.parametrize(
    "path", ["tests.auth.test_users.Missing", "no.such.module", f"{HERE}.NoResolver"]
)
def test_a_resolver_that_is_none_is_a_clear_error(path: str) -> None:
    with (
        override_sms_otp(USER_RESOLVER=path),
        pytest.raises(InvalidSettings, match="USER_RESOLVER"),
    ):
        get_user_resolver()


@pytest.mark.django_db
@override_sms_otp(USER_RESOLVER=f"{HERE}.NoResolver")
def test_a_broken_resolver_leaves_the_code_good() -> None:
    otp_code = OTPCodeFactory.create(phone_number=PHONE)
    code = code_of(otp_code)
    assert code
    with pytest.raises(InvalidSettings):
        services.redeem_code(code, phone_number=NUMBER)
    with override_sms_otp(USER_RESOLVER="django_sms_otp.auth.users.VerifiedPhoneResolver"):
        outcome: object = services.redeem_code(code, phone_number=NUMBER)
    assert isinstance(outcome, Redeemed)


def test_a_site_whose_users_have_no_username_works_from_end_to_end() -> None:
    report = sites.visit("phone_customers")
    assert report["get_code"]["status"] == 202
    assert report["auth_code"]["status"] == 200
    [user] = report["users"]
    assert user["username"] == PHONE
    assert uuid.UUID(user["pk"])
    assert report["access_holder"]["pk"] == user["pk"]
    assert report["access_holder"]["claims"]["user_id"] == user["pk"]
    assert report["refreshed_holder"]["pk"] == user["pk"]
