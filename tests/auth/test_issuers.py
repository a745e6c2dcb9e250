"""What the issuers answer besides simplejwt's, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY, user_logged_in, user_logged_out
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest
from django.test import Client, override_settings
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.models import AuthToken
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.test import APIRequestFactory

from django_sms_otp.auth.sessions import verified_at
from django_sms_otp.auth.tokens import TokenIssuer, get_token_issuer
from django_sms_otp.checks.site import broken_token_issuer
from django_sms_otp.exceptions import InvalidSettings
from django_sms_otp.models import OTPCode
from django_sms_otp.results import Redeemed
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, Post, body_of, last_code, wrong
from tests.support.factories import UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db

HERE = "tests.auth.test_issuers"
OURS = "django_sms_otp.auth.tokens"
ISSUERS = ["DRFTokenIssuer", "KnoxIssuer", "SessionIssuer", "SimpleJWTIssuer"]
LOGOUT = "/auth/sms/logout/"


def use(name: str) -> Any:
    return override_sms_otp(TOKEN_ISSUER=f"{OURS}.{name}")


def log_in(get_code: Post, auth_code: Post) -> Any:
    assert get_code(phone_number=PHONE).status_code == 202
    return auth_code(phone_number=PHONE, code=last_code())


def holder() -> User:
    user: User = UserFactory.create()
    VerifiedPhoneFactory.create(user=user, phone_number=PHONE)
    return user


def user_of(authentication: Any, header: str) -> Any:
    request = APIRequestFactory().get("/", headers={"Authorization": header})
    found = authentication().authenticate(request)
    return found and found[0]


@pytest.fixture
def heard() -> Iterator[list[AbstractBaseUser]]:
    users: list[AbstractBaseUser] = []

    def receive(user: AbstractBaseUser, **_kwargs: Any) -> None:
        users.append(user)

    user_logged_in.connect(receive)
    yield users
    user_logged_in.disconnect(receive)


@pytest.mark.parametrize("name", ISSUERS)
def test_every_login_is_told_once(
    get_code: Post, auth_code: Post, heard: list[AbstractBaseUser], name: str
) -> None:
    with use(name):
        assert log_in(get_code, auth_code).status_code == 200
    assert heard == [User.objects.get()]
    assert User.objects.get().last_login


@pytest.mark.parametrize("name", ISSUERS)
def test_a_refused_login_gets_nothing(get_code: Post, auth_code: Post, name: str) -> None:
    with use(name):
        get_code()
        answer = auth_code(phone_number=PHONE, code=wrong(last_code()))
        assert answer.status_code == 401
        assert body_of(answer)["code"] == "invalid_code"
    assert not answer.cookies
    assert not Token.objects.exists()
    assert not AuthToken.objects.exists()


def test_a_session_is_that_of_django(client: Client, get_code: Post, auth_code: Post) -> None:
    with use("SessionIssuer"):
        answer = log_in(get_code, auth_code)
    assert body_of(answer) == {"registered": True}
    assert client.session[SESSION_KEY] == str(User.objects.get().pk)
    assert {"sessionid", "csrftoken"} <= {*answer.cookies}
    assert answer.headers["Cache-Control"] == "no-store"
    request = answer.wsgi_request
    assert verified_at(request) is not None


def test_a_session_of_a_known_user(client: Client, get_code: Post, auth_code: Post) -> None:
    user = holder()
    with use("SessionIssuer"):
        assert body_of(log_in(get_code, auth_code)) == {"registered": False}
    assert client.session[SESSION_KEY] == str(user.pk)


def test_a_planted_session_is_of_no_use(
    client: Client, get_code: Post, auth_code: Post
) -> None:
    client.session.save()
    with use("SessionIssuer"):
        planted = client.session.session_key
        log_in(get_code, auth_code)
    assert client.session.session_key != planted
    assert not client.session.exists(str(planted))


def test_a_page_of_another_site_logs_nobody_in(client: Client, get_code: Post) -> None:
    get_code()
    body = {"phone_number": PHONE, "code": last_code()}
    headers = {"Origin": "https://evil.example"}
    with use("SessionIssuer"):
        answer = client.post("/auth/sms/auth-code/", body, headers=headers)
    assert answer.status_code == 403
    assert body_of(answer)["code"] == "cross_site"
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize(
    ("issuer", "status"),
    [("SessionIssuer", 403), ("CookieJWTIssuer", 403), ("SimpleJWTIssuer", 200)],
)
def test_a_page_of_another_host_sets_no_cookie_of_a_login(
    client: Client, get_code: Post, issuer: str, status: int
) -> None:
    """Such a form needs no permission, and the cookies of the answer would be kept."""
    get_code()
    body = {"phone_number": PHONE, "code": last_code()}
    page = "https://blog.shop.example"
    headers = {"Sec-Fetch-Site": "same-site", "Origin": page}
    with use(issuer):
        answer = client.post("/auth/sms/auth-code/", body, headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert body_of(answer)["code"] == "cross_site"
            assert not answer.cookies
            with override_settings(CSRF_TRUSTED_ORIGINS=[page]):
                answer = client.post("/auth/sms/auth-code/", body, headers=headers)
            assert answer.status_code == 200


def test_a_session_ends_by_logout_and_its_csrf_token(get_code: Post) -> None:
    gone: list[AbstractBaseUser] = []

    def receive(user: AbstractBaseUser, **_kwargs: Any) -> None:
        gone.append(user)

    client = Client(enforce_csrf_checks=True)
    get_code()
    body = {"phone_number": PHONE, "code": last_code()}
    user_logged_out.connect(receive)
    try:
        with use("SessionIssuer"):
            token = client.post("/auth/sms/auth-code/", body).cookies["csrftoken"].value
            refused = client.post(LOGOUT)
            assert (refused.status_code, body_of(refused)["code"]) == (403, "csrf_failed")
            assert SESSION_KEY in client.session
            answer = client.post(LOGOUT, headers={"X-CSRFToken": token})
            assert (answer.status_code, answer.content) == (204, b"")
    finally:
        user_logged_out.disconnect(receive)
    assert SESSION_KEY not in client.session
    assert gone == [User.objects.get()]


@pytest.mark.parametrize("name", ["SimpleJWTIssuer", "DRFTokenIssuer", "KnoxIssuer"])
@pytest.mark.parametrize("endpoint", ["refresh", "logout"])
def test_who_sets_no_cookie_has_no_such_endpoint(
    client: Client, name: str, endpoint: str
) -> None:
    with use(name):
        answer = client.post(f"/auth/sms/{endpoint}/")
    assert answer.status_code == 404
    assert body_of(answer)["code"] == "not_found"


def test_a_token_of_rest_framework_is_the_users(get_code: Post, auth_code: Post) -> None:
    user = holder()
    with use("DRFTokenIssuer"):
        first = body_of(log_in(get_code, auth_code))
        second = body_of(log_in(get_code, auth_code))
    assert first == second == {"token": Token.objects.get(user=user).key}
    assert user_of(TokenAuthentication, f"Token {first['token']}") == user


class UserSerializer(ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("username",)


def test_a_token_of_knox_is_as_knox_answers(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    settings.REST_KNOX = {
        "TOKEN_TTL": timedelta(hours=2),
        "TOKEN_PREFIX": "shop_",
        "USER_SERIALIZER": f"{HERE}.UserSerializer",
    }
    user = holder()
    with use("KnoxIssuer"):
        body = body_of(log_in(get_code, auth_code))
    assert body["token"].startswith("shop_")
    assert body["user"] == {"username": user.username}
    kept = AuthToken.objects.get(user=user)
    assert datetime.fromisoformat(body["expiry"]) == kept.expiry
    assert body["token"] not in kept.digest
    assert user_of(KnoxAuthentication, f"Token {body['token']}") == user


def test_a_token_of_knox_may_have_no_end(
    get_code: Post, auth_code: Post, settings: Any
) -> None:
    settings.REST_KNOX = {"TOKEN_TTL": None}
    with use("KnoxIssuer"):
        assert body_of(log_in(get_code, auth_code))["expiry"] is None


def test_knoxs_limit_refuses(get_code: Post, auth_code: Post, settings: Any) -> None:
    settings.REST_KNOX = {"TOKEN_LIMIT_PER_USER": 1}
    holder()
    with use("KnoxIssuer"):
        assert log_in(get_code, auth_code).status_code == 200
        answer = log_in(get_code, auth_code)
    assert (answer.status_code, body_of(answer)["code"]) == (401, "no_active_account")
    assert AuthToken.objects.count() == 1


class Tells(TokenIssuer):
    """Of a site, which greets those who are new and marks the answer."""

    told: tuple[bool, bool, str] | None = None

    def issue(
        self, user: AbstractBaseUser, *, request: object = None, registered: bool = False
    ) -> dict[str, Any]:
        return {"is_new": registered, "user": user.pk}

    def answer(
        self, response: Response, redeemed: Redeemed[dict[str, Any]], *, request: HttpRequest
    ) -> None:
        assert not connection.in_atomic_block or not connection.savepoint_ids
        response.set_cookie("greeted", "yes")
        response.data = {**response.data, "path": request.path}
        Tells.told = (
            redeemed.registered,
            OTPCode.objects.get().redeemed_at is not None,
            request.path,
        )


@pytest.mark.parametrize("is_new", [True, False])
def test_an_issuer_knows_who_is_new_and_touches_the_answer(
    get_code: Post, auth_code: Post, is_new: bool
) -> None:
    if not is_new:
        holder()
    with override_sms_otp(TOKEN_ISSUER=f"{HERE}.Tells"):
        answer = log_in(get_code, auth_code)
    path = "/auth/sms/auth-code/"
    user = User.objects.get()
    assert body_of(answer) == {"is_new": is_new, "user": user.pk, "path": path}
    assert answer.cookies["greeted"].value == "yes"
    assert Tells.told == (is_new, True, path)


def problems() -> list[str]:
    return [*broken_token_issuer()]


@pytest.mark.parametrize(
    ("name", "lacks", "value"),
    [
        ("DRFTokenIssuer", "INSTALLED_APPS", "rest_framework.authtoken"),
        ("KnoxIssuer", "INSTALLED_APPS", "knox"),
        (
            "SessionIssuer",
            "MIDDLEWARE",
            "django.contrib.sessions.middleware.SessionMiddleware",
        ),
        ("SessionIssuer", "MIDDLEWARE", "django.middleware.csrf.CsrfViewMiddleware"),
        (
            "SessionIssuer",
            "AUTHENTICATION_BACKENDS",
            "django_sms_otp.auth.backends.SMSCodeBackend",
        ),
    ],
)
def test_what_an_issuer_lacks_is_said(settings: Any, name: str, lacks: str, value: str) -> None:
    if lacks == "AUTHENTICATION_BACKENDS":
        settings.AUTHENTICATION_BACKENDS = [value]
    rest = [each for each in getattr(settings, lacks) if each != value]
    with use(name):
        assert problems() == []
        with override_settings(**{lacks: rest}):
            [problem] = problems()
            assert value in problem
            assert lacks in problem
            with pytest.raises(InvalidSettings, match=value):
                get_token_issuer().issue(User(), request=None)
