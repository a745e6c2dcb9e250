"""Django's own signals tell of logins by the API, with masked credentials and the request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import user_logged_in, user_login_failed
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.dispatch import Signal
from django.http import HttpRequest
from django.test import Client, RequestFactory

from django_sms_otp.auth.logins import is_locked_out
from django_sms_otp.auth.tokens import TokenIssuer
from django_sms_otp.models import OTPCode
from django_sms_otp.services import read_phone_number
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, Post, body_of, last_code, wrong

Heard = list[tuple[Signal, dict[str, Any]]]


class ShopIssuer(TokenIssuer):
    """An issuer of a site, which knows nothing of signals."""

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, Any]:
        return {"key": user.pk}


@pytest.fixture
def heard() -> Iterator[Heard]:
    calls: Heard = []

    def receive(signal: Signal, **kwargs: Any) -> None:
        assert not connection.in_atomic_block or connection.savepoint_ids == []
        calls.append((signal, kwargs))

    for each in (user_logged_in, user_login_failed):
        each.connect(receive)
    yield calls
    for each in (user_logged_in, user_login_failed):
        each.disconnect(receive)


@pytest.mark.parametrize("issuer", ["django_sms_otp.auth.tokens.SimpleJWTIssuer", None])
@pytest.mark.parametrize("by_id", [True, False])
def test_a_login_is_told(
    get_code: Post, auth_code: Post, heard: Heard, issuer: str | None, by_id: bool
) -> None:
    request_id = body_of(get_code())["request_id"]
    who = {"request_id": request_id} if by_id else {"phone_number": PHONE}
    with override_sms_otp(TOKEN_ISSUER=issuer or "tests.auth.test_logins.ShopIssuer"):
        assert auth_code(**who, code=last_code()).status_code == 200
    [(signal, told)] = heard
    assert signal is user_logged_in
    assert (told["sender"], told["user"]) == (User, User.objects.get())
    assert type(told["request"]).__mro__[1] is HttpRequest
    assert told["request"].path == "/auth/sms/auth-code/"


def spent(auth_code: Post) -> None:
    for _ in range(5):
        auth_code(phone_number=PHONE, code=wrong(last_code()))


@pytest.mark.parametrize("before", [None, spent], ids=["wrong", "spent"])
def test_a_refused_login_is_told_without_code_and_number(
    get_code: Post,
    auth_code: Post,
    heard: Heard,
    before: Callable[[Post], None] | None,
) -> None:
    get_code()
    code = last_code() if before else wrong(last_code())
    if before:
        before(auth_code)
    heard.clear()
    assert auth_code(phone_number=PHONE, code=code).status_code in {401, 429}
    [(signal, told)] = heard
    assert signal is user_login_failed
    assert told["credentials"] == {"code": "*" * 20, "phone_number": "+1********71"}
    assert told["request"].path == "/auth/sms/auth-code/"


def test_what_was_no_guess_is_not_told(auth_code: Post, heard: Heard) -> None:
    assert auth_code(phone_number=PHONE).status_code == 400
    assert heard == []


@pytest.mark.parametrize("is_right", [True, False])
def test_a_receiver_that_fails_changes_no_answer(
    get_code: Post, auth_code: Post, is_right: bool
) -> None:
    def fail(**_kwargs: Any) -> None:
        raise PermissionError

    signals = (user_logged_in, user_login_failed)
    get_code()
    for each in signals:
        each.connect(fail)
    try:
        code = last_code() if is_right else wrong(last_code())
        answer = auth_code(phone_number=PHONE, code=code)
    finally:
        for each in signals:
            each.disconnect(fail)
    assert answer.status_code == (200 if is_right else 401)


class Locks:
    """As django-axes: it finds nobody, and stops everybody."""

    asked: list[dict[str, Any]] = []

    def authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        Locks.asked.append(credentials)
        raise PermissionDenied


class OfPasswords:
    def authenticate(self, request: HttpRequest, username: str, password: str) -> None:
        raise AssertionError("No password is here.")


class OfPermissions:
    pass


def test_a_backend_of_the_site_locks_out_before_the_guess(
    get_code: Post, auth_code: Post, heard: Heard, settings: Any
) -> None:
    here = "tests.auth.test_logins"
    others = [f"{here}.OfPermissions", f"{here}.OfPasswords"]
    get_code()
    settings.AUTHENTICATION_BACKENDS = [*others, f"{here}.Locks"]
    answer = auth_code(phone_number=PHONE, code=last_code())
    assert answer.status_code == 429
    assert body_of(answer)["code"] == "too_many_attempts"
    assert Locks.asked == [{"secret_code": "*" * 20, "phone_number": "+1********71"}]
    assert [signal for signal, _ in heard] == [user_login_failed]
    assert OTPCode.objects.get().failed_attempts == 0
    settings.AUTHENTICATION_BACKENDS = others
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


def test_receivers_find_no_code_in_the_form(get_code: Post, heard: Heard) -> None:
    get_code()
    body = {"phone_number": PHONE, "code": wrong(last_code())}
    assert Client().post("/auth/sms/auth-code/", body).status_code == 401
    [(_, told)] = heard
    assert {*told["request"].POST.values()} == {"*" * 20}


@pytest.mark.django_db
def test_asking_djangos_own_backends_takes_no_statement(
    rf: RequestFactory, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        "django_sms_otp.auth.backends.SMSCodeBackend",
    ]
    with django_assert_num_queries(0):
        assert not is_locked_out(read_phone_number(PHONE), rf.post("/"))


@pytest.mark.django_db
def test_a_site_without_backends_logs_in(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    settings.AUTHENTICATION_BACKENDS = []
    get_code()
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
