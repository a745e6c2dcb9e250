"""JSON Web Tokens in cookies: who can read them, use them, renew them and end them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from http.cookies import Morsel
from typing import Any

import pytest
import time_machine
from django.contrib.auth import user_logged_in, user_logged_out
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt import serializers
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from django_sms_otp.auth.issuers import cookies
from django_sms_otp.auth.tokens import (
    CookieJWTAuthentication,
    CookieJWTIssuer,
    get_token_issuer,
)
from django_sms_otp.checks.site import broken_token_issuer
from django_sms_otp.exceptions import InvalidSettings
from django_sms_otp.models import OTPCode
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, body_of, last_code, wrong

HERE = "tests.auth.test_cookies"
ISSUER = "django_sms_otp.auth.tokens.CookieJWTIssuer"
ACCESS, REFRESH, CSRF = "__Host-access", "__Host-refresh", "csrftoken"


class AccountView(APIView):
    authentication_classes = (CookieJWTAuthentication, JWTAuthentication)
    permission_classes: tuple[type[BasePermission], ...] = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        claims: Any = request.auth or {}
        return Response({"user": request.user.pk, "amr": claims.get("amr")})

    post = get


class OpenView(AccountView):
    permission_classes = (AllowAny,)


urlpatterns = [
    path("auth/sms/", include("django_sms_otp.urls")),
    path("account/", AccountView.as_view()),
    path("open/", OpenView.as_view()),
]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(HERE)]


class ShopCookies(CookieJWTIssuer):
    """Of a site that is developed without TLS, and that says more."""

    secure = False
    access_cookie = "shop_access"
    samesite = "Strict"

    def issue(self, user: AbstractBaseUser, **options: Any) -> dict[str, Any]:
        return {**super().issue(user, **options), "user": user.pk}


@pytest.fixture(autouse=True)
def issuer() -> Iterator[None]:
    with override_sms_otp(TOKEN_ISSUER=ISSUER):
        yield


@pytest.fixture
def browser() -> Client:
    """Return a browser that has the cookies of a login."""
    client = Client(enforce_csrf_checks=True)
    assert log_in(client).status_code == 200
    return client


def log_in(client: Client) -> Any:
    client.post("/auth/sms/get-code/", {"phone_number": PHONE})
    return client.post("/auth/sms/auth-code/", {"phone_number": PHONE, "code": last_code()})


def post(client: Client, url: str, **headers: str) -> Any:
    """Post as a page of the site does: with the CSRF token."""
    headers.setdefault("X-CSRFToken", client.cookies[CSRF].value)
    return client.post(url, headers=headers)


def attributes(cookie: Morsel[str]) -> dict[str, Any]:
    return {name: value for name, value in cookie.items() if value not in {"", None}}


def test_no_script_reads_the_tokens(browser: Client) -> None:
    answer = log_in(Client())
    assert body_of(answer) == {"registered": False}
    for name, lifetime in ((ACCESS, 5 * 60), (REFRESH, 24 * 3600)):
        found = attributes(answer.cookies[name])
        del found["expires"]
        assert found == {
            "path": "/",
            "max-age": lifetime,
            "secure": True,
            "httponly": True,
            "samesite": "Lax",
        }
    for name in (ACCESS, REFRESH):
        assert answer.cookies[name].value.encode() not in answer.content
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_is_new_is_told() -> None:
    assert body_of(log_in(Client())) == {"registered": True}


def test_a_refused_login_sets_nothing() -> None:
    client = Client()
    client.post("/auth/sms/get-code/", {"phone_number": PHONE})
    body = {"phone_number": PHONE, "code": wrong(last_code())}
    assert not client.post("/auth/sms/auth-code/", body).cookies


def test_the_cookie_is_the_login(browser: Client) -> None:
    user = User.objects.get()
    assert browser.get("/account/").json() == {"user": user.pk, "amr": ["sms", "otp"]}
    assert Client().get("/account/").status_code == 401


def test_a_change_needs_the_csrf_token(browser: Client) -> None:
    assert browser.post("/account/").status_code == 403
    assert post(browser, "/account/", **{"X-CSRFToken": "x" * 32}).status_code == 403
    assert post(browser, "/account/").status_code == 200
    foreign = post(browser, "/account/", Origin="https://evil.example")
    assert foreign.status_code == 403


def test_a_login_changes_the_csrf_token(browser: Client) -> None:
    before = browser.cookies[CSRF].value
    log_in(browser)
    assert browser.cookies[CSRF].value != before
    assert post(browser, "/account/").status_code == 200


def test_a_header_goes_to_the_other_classes(browser: Client) -> None:
    access = browser.cookies[ACCESS].value
    headers = {"Authorization": f"Bearer {access}"}
    # No CSRF token is asked for: no browser sends this header by itself.
    assert browser.post("/account/", headers=headers).status_code == 200
    headers = {"Authorization": "Bearer stale"}
    assert browser.get("/account/", headers=headers).status_code == 401


@pytest.mark.parametrize("change", ["expired", "forged", "inactive", "gone", "refresh"])
def test_a_cookie_that_is_good_no_more_is_nobodys(browser: Client, change: str) -> None:
    later = timezone.now() + timedelta(minutes=6 if change == "expired" else 0)
    if change == "forged":
        browser.cookies[ACCESS] = browser.cookies[ACCESS].value[:-4] + "AAAA"
    if change == "refresh":
        browser.cookies[ACCESS] = browser.cookies[REFRESH].value
    if change == "inactive":
        User.objects.update(is_active=False)
    if change == "gone":
        OTPCode.objects.all().delete()
        User.objects.all().delete()
    with time_machine.travel(later):
        assert browser.get("/account/").status_code == 401
        assert browser.post("/open/").status_code == 200


def test_a_refresh_renews_the_access_token(browser: Client) -> None:
    refresh = browser.cookies[REFRESH].value
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert browser.get("/account/").status_code == 401
        answer = post(browser, "/auth/sms/refresh/")
        assert (answer.status_code, answer.content) == (204, b"")
        assert browser.get("/account/").json()["amr"] == ["sms", "otp"]
    assert browser.cookies[REFRESH].value == refresh
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_refresh_may_rotate(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # The serializer keeps the settings that it was imported with.
    for name in ("ROTATE_REFRESH_TOKENS", "BLACKLIST_AFTER_ROTATION"):
        monkeypatch.setattr(f"{serializers.__name__}.api_settings.{name}", True)
    old = browser.cookies[REFRESH].value
    assert post(browser, "/auth/sms/refresh/").status_code == 204
    new = browser.cookies[REFRESH].value
    assert new != old
    browser.cookies[REFRESH] = old
    answer = post(browser, "/auth/sms/refresh/")
    assert (answer.status_code, body_of(answer)["code"]) == (401, "not_authenticated")
    # Another tab may have the new ones: this answer must not delete them.
    assert not answer.cookies
    browser.cookies[REFRESH] = new
    assert post(browser, "/auth/sms/refresh/").status_code == 204


@pytest.mark.parametrize("change", ["none", "forged", "access", "expired", "inactive", "gone"])
def test_a_refresh_is_refused(browser: Client, change: str) -> None:
    later = timezone.now() + timedelta(days=2 if change == "expired" else 0)
    if change == "none":
        del browser.cookies[REFRESH]
    if change == "forged":
        browser.cookies[REFRESH] = browser.cookies[REFRESH].value[:-4] + "AAAA"
    if change == "access":
        browser.cookies[REFRESH] = browser.cookies[ACCESS].value
    if change == "inactive":
        User.objects.update(is_active=False)
    if change == "gone":
        OTPCode.objects.all().delete()
        User.objects.all().delete()
    with time_machine.travel(later):
        answer = post(browser, "/auth/sms/refresh/")
    assert (answer.status_code, body_of(answer)["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"]


def test_the_endpoints_of_a_user_take_the_cookie(browser: Client, settings: Any) -> None:
    ours = "django_sms_otp.auth.tokens.CookieJWTAuthentication"
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [ours]}
    assert len(browser.get("/auth/sms/numbers/").json()["numbers"]) == 1
    refused = browser.post("/auth/sms/numbers/", {"phone_number": "+14155552672"})
    assert (refused.status_code, body_of(refused)["code"]) == (403, "csrf_failed")
    headers = {"X-CSRFToken": browser.cookies[CSRF].value}
    body = {"phone_number": "+14155552672"}
    assert browser.post("/auth/sms/numbers/", body, headers=headers).status_code == 202


def test_a_hidden_user_has_no_login(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """simplejwt finds whom the default manager of the site hides."""
    monkeypatch.setattr(cookies, "is_shown", lambda user: False)
    assert browser.get("/account/").status_code == 401
    assert post(browser, "/auth/sms/refresh/").status_code == 401


def test_the_endpoints_of_a_user_need_the_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.create())
    answer = browser.post("/auth/sms/numbers/", {"phone_number": PHONE})
    assert (answer.status_code, body_of(answer)["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize("url", ["/auth/sms/refresh/", "/auth/sms/logout/"])
def test_both_endpoints_need_the_csrf_token(browser: Client, url: str) -> None:
    assert body_of(browser.post(url))["code"] == "csrf_failed"
    foreign = post(browser, url, Origin="https://evil.example")
    assert (foreign.status_code, body_of(foreign)["code"]) == (403, "cross_site")
    sibling = post(browser, url, **{"Sec-Fetch-Site": "same-site", "Origin": "https://b.test"})
    assert body_of(sibling)["code"] == "csrf_failed"
    assert browser.get("/account/").status_code == 200


def test_a_logout_ends_it(browser: Client) -> None:
    gone: list[AbstractBaseUser] = []

    def receive(user: AbstractBaseUser, **_kwargs: Any) -> None:
        gone.append(user)

    refresh = browser.cookies[REFRESH].value
    user_logged_out.connect(receive)
    try:
        answer = post(browser, "/auth/sms/logout/")
    finally:
        user_logged_out.disconnect(receive)
    assert (answer.status_code, answer.content) == (204, b"")
    for name in (ACCESS, REFRESH):
        found = attributes(answer.cookies[name])
        assert (answer.cookies[name].value, found["max-age"]) == ("", 0)
        # A browser deletes no cookie with this prefix for an answer that lacks these.
        assert (found["path"], found["secure"]) == ("/", True)
    assert gone == [User.objects.get()]
    assert BlacklistedToken.objects.count() == 1
    browser.cookies[REFRESH] = refresh
    assert post(browser, "/auth/sms/refresh/").status_code == 401


def test_a_logout_of_nobody_is_one_too(browser: Client) -> None:
    for value in ("", "forged"):
        browser.cookies[REFRESH] = value
        assert post(browser, "/auth/sms/logout/").status_code == 204


def test_the_token_of_an_inactive_user_ends_too(browser: Client) -> None:
    User.objects.update(is_active=False)
    assert post(browser, "/auth/sms/logout/").status_code == 204
    assert BlacklistedToken.objects.count() == 1


def test_a_site_changes_the_cookies_in_a_subclass() -> None:
    with override_sms_otp(TOKEN_ISSUER=f"{HERE}.ShopCookies"):
        client = Client()
        answer = log_in(client)
        assert body_of(answer) == {"registered": True, "user": User.objects.get().pk}
        assert {"shop_access", "refresh"} <= {*answer.cookies}
        found = attributes(answer.cookies["shop_access"])
        assert found["samesite"] == "Strict"
        assert "secure" not in found
        assert client.get("/account/").status_code == 200


def test_the_login_is_told_once() -> None:
    heard: list[Any] = []

    def receive(**kwargs: Any) -> None:
        heard.append(kwargs["user"])

    user_logged_in.connect(receive)
    try:
        log_in(Client())
    finally:
        user_logged_in.disconnect(receive)
    assert heard == [User.objects.get()]


def test_what_it_lacks_is_said(settings: Any) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "Csrf" not in each]
    [problem] = broken_token_issuer()
    assert "CsrfViewMiddleware" in problem


def test_sliding_tokens_are_refused_with_what_to_do(settings: Any) -> None:
    settings.SIMPLE_JWT = {
        "AUTH_TOKEN_CLASSES": ("rest_framework_simplejwt.tokens.SlidingToken",)
    }
    with pytest.raises(InvalidSettings, match="SessionIssuer"):
        get_token_issuer().issue(User.objects.create())


@override_sms_otp(TOKEN_ISSUER="django_sms_otp.auth.tokens.SimpleJWTIssuer")
def test_the_authentication_class_asks_for_the_issuer() -> None:
    with pytest.raises(InvalidSettings, match="TOKEN_ISSUER"):
        Client().get("/account/")
