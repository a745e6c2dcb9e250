"""Django's ``authenticate()`` takes a phone number and a code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import (
    SESSION_KEY,
    aauthenticate,
    authenticate,
    get_user,
    login,
    user_logged_in,
    user_login_failed,
)
from django.contrib.auth.models import User, UserManager
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path

from django_sms_otp.auth.sessions import verified_at
from django_sms_otp.exceptions import InsideTransaction
from django_sms_otp.models import OTPCode
from django_sms_otp.services import read_phone_number
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, Post, body_of, last_code, wrong
from tests.support.factories import UserFactory, VerifiedPhoneFactory

BACKEND = "django_sms_otp.auth.backends.SMSCodeBackend"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"

Told = list[dict[str, Any]]


@transaction.non_atomic_requests
def enter(request: HttpRequest) -> HttpResponse:
    """Log in as the documentation of Django tells sites to."""
    user = authenticate(request, **json.loads(request.body))
    if user is None:
        return HttpResponse(status=401)
    login(request, user)
    return HttpResponse()


def atomic(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), pytest.raises(InsideTransaction):
        enter(request)
    return HttpResponse()


urlpatterns = [
    path("enter/", enter),
    path("atomic/", atomic),
    path("auth/sms/", include("django_sms_otp.urls")),
]

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.auth.test_backends")]


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [MODEL_BACKEND, BACKEND]


@pytest.fixture
def told() -> Iterator[Told]:
    """Return what the receivers of Django's two signals were told."""
    calls: Told = []

    def receive(**kwargs: Any) -> None:
        calls.append(kwargs)

    for each in (user_logged_in, user_login_failed):
        each.connect(receive)
    yield calls
    for each in (user_logged_in, user_login_failed):
        each.disconnect(receive)


def post(client: Client, url: str = "/enter/", **credentials: object) -> int:
    return client.post(url, credentials, content_type="application/json").status_code


@pytest.mark.parametrize("by", ["number", "id", "both"])
def test_a_right_code_logs_in(client: Client, get_code: Post, told: Told, by: str) -> None:
    request_id = body_of(get_code())["request_id"]
    who = {"phone_number": "+1 (415) 555-2671", "request_id": request_id}
    if by != "both":
        del who["request_id" if by == "number" else "phone_number"]
    assert post(client, **who, secret_code=f" {last_code()}") == 200
    assert client.session[SESSION_KEY] == str(User.objects.get().pk)
    assert client.session["_auth_user_backend"] == BACKEND
    [only] = told
    assert only["user"] == User.objects.get()


def test_the_session_knows_that_the_number_was_proved(
    client: Client, get_code: Post, rf: RequestFactory
) -> None:
    User.objects.create_user("ada", password="right")
    post(client, username="ada", password="right")
    request = rf.get("/")
    request.session, request.user = client.session, User.objects.get()
    assert verified_at(request) is None
    get_code()
    assert post(client, phone_number=PHONE, secret_code=last_code()) == 200
    request.session, request.user = client.session, User.objects.latest("pk")
    assert verified_at(request) is not None


def test_a_code_is_good_once(client: Client, get_code: Post) -> None:
    get_code()
    assert post(client, phone_number=PHONE, secret_code=last_code()) == 200
    assert post(Client(), phone_number=PHONE, secret_code=last_code()) == 401


def test_a_wrong_code_is_counted_and_told_without_the_code(
    client: Client, get_code: Post, told: Told
) -> None:
    get_code()
    typed = wrong(last_code())
    assert post(client, phone_number=PHONE, secret_code=typed) == 401
    assert OTPCode.objects.get().failed_attempts == 1
    [only] = told
    assert only["credentials"]["secret_code"] == "*" * 20
    assert typed not in str(only["credentials"])


def test_a_number_that_was_read_is_told_masked(
    rf: RequestFactory, get_code: Post, told: Told
) -> None:
    get_code()
    number = read_phone_number(PHONE)
    assert not authenticate(rf.get("/"), phone_number=number, secret_code="0" * 6)
    assert PHONE not in str(told) + repr(told)


def test_the_guesses_are_those_of_the_client(client: Client, get_code: Post) -> None:
    """Strangers from another address do not use up the guesses of who asked."""
    get_code()
    for _ in range(9):
        credentials = {"phone_number": PHONE, "secret_code": wrong(last_code())}
        client.post("/enter/", credentials, "application/json", REMOTE_ADDR="198.51.100.7")
    credentials = {"phone_number": PHONE, "secret_code": last_code()}
    stranger = client.post(
        "/enter/", credentials, "application/json", REMOTE_ADDR="198.51.100.7"
    )
    assert stranger.status_code == 401
    assert post(client, phone_number=PHONE, secret_code=last_code()) == 200


@pytest.mark.parametrize(
    "credentials",
    [
        {"phone_number": "nobody", "secret_code": "123456"},
        {"phone_number": "+1\x00", "secret_code": "123456"},
        {"request_id": "nothing", "secret_code": "123456"},
        {"phone_number": PHONE, "secret_code": ""},
        {"phone_number": PHONE, "secret_code": None},
        {"secret_code": "123456"},
        {"phone_number": PHONE, "secret_code": "123456"},
    ],
)
def test_what_names_no_code_is_refused(client: Client, credentials: dict[str, Any]) -> None:
    assert post(client, **credentials) == 401


def test_a_password_never_reaches_it(client: Client, told: Told) -> None:
    user = User.objects.create_user("ada", password="right")
    assert post(client, username="ada", password="right") == 200
    assert client.session["_auth_user_backend"] == MODEL_BACKEND
    assert [each["user"] for each in told] == [user]
    assert post(Client(), username="ada", password="wrong") == 401


def test_a_transaction_of_the_caller_is_named(client: Client, get_code: Post) -> None:
    get_code()
    assert post(client, "/atomic/", phone_number=PHONE, secret_code=last_code()) == 200
    assert post(client, phone_number=PHONE, secret_code=last_code()) == 200


def test_a_report_of_an_error_shows_neither_code_nor_number(
    rf: RequestFactory, get_code: Post
) -> None:
    get_code()
    code = last_code()
    with transaction.atomic(), pytest.raises(InsideTransaction) as raised:
        authenticate(rf.get("/"), phone_number=PHONE, secret_code=code)
    ours = [each for each in raised.traceback if "django_sms_otp" in str(each.path)]
    assert len(ours) > 1
    shown = [repr(value) for each in ours for value in each.locals.values()]
    assert not [each for each in shown if code in each or PHONE in each]


@pytest.mark.parametrize("change", ["inactive", "gone"])
def test_a_session_ends_with_the_account(
    client: Client, get_code: Post, rf: RequestFactory, change: str
) -> None:
    get_code()
    post(client, phone_number=PHONE, secret_code=last_code())
    request = rf.get("/")
    request.session = client.session
    assert get_user(request).is_authenticated
    if change == "gone":
        User.objects.all().delete()
    else:
        User.objects.update(is_active=False)
    assert not get_user(request).is_authenticated


def only_north(manager: models.Manager[User]) -> models.QuerySet[User]:
    return models.QuerySet(User, using=manager.db).exclude(username__startswith="south")


def test_a_hidden_user_has_no_session(
    client: Client, get_code: Post, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = UserFactory.create(username="south")
    VerifiedPhoneFactory.create(user=user, phone_number=PHONE)
    get_code()
    post(client, phone_number=PHONE, secret_code=last_code())
    request = rf.get("/")
    request.session = client.session
    assert get_user(request).is_authenticated
    monkeypatch.setattr(UserManager, "get_queryset", only_north, raising=False)
    assert not get_user(request).is_authenticated
    get_code(phone_number=PHONE)
    assert not authenticate(rf.get("/"), phone_number=PHONE, secret_code=last_code())


def test_staff_need_more_than_a_number(client: Client, get_code: Post) -> None:
    user = UserFactory.create(is_staff=True)
    VerifiedPhoneFactory.create(user=user, phone_number=PHONE)
    get_code()
    assert post(client, phone_number=PHONE, secret_code=last_code()) == 401


@pytest.mark.django_db(transaction=True)
def test_async_code_authenticates_too(rf: RequestFactory, get_code: Post) -> None:
    get_code()
    found = async_to_sync(aauthenticate)(
        rf.get("/"), phone_number=PHONE, secret_code=last_code()
    )
    assert found == User.objects.get()


@override_sms_otp(REQUIRE_REQUEST_ID=True)
def test_where_the_id_is_required_no_guess_without_it_is_right(
    client: Client, get_code: Post
) -> None:
    request_id = body_of(get_code())["request_id"]
    for missing in ({}, {"request_id": ""}, {"request_id": None}):
        assert post(client, phone_number=PHONE, **missing, secret_code=last_code()) == 401
    assert OTPCode.objects.get().failed_attempts == 0
    assert post(client, request_id=request_id, secret_code=last_code()) == 200
