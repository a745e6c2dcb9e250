"""The same answers whatever a site has set for its own endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test import Client, TestCase

from django_sms_otp import services, testing
from django_sms_otp.exceptions import InsideTransaction
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from tests.conftest import PHONE, Post, body_of, last_code, wrong
from tests.support import sites
from tests.support.factories import UserFactory, VerifiedPhoneFactory

NUMBER = parse_phone_number(PHONE)
ODD = "tests.support.sites.odd_rest"

REST_FRAMEWORKS: dict[str, dict[str, Any]] = {
    "session_login": {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework.authentication.SessionAuthentication"
        ],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    },
    "exception_handler": {"EXCEPTION_HANDLER": f"{ODD}.handle_exception"},
    "header_version": {
        "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
        "ALLOWED_VERSIONS": ["7"],
    },
    "path_version": {"DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.URLPathVersioning"},
    "renderer": {"DEFAULT_RENDERER_CLASSES": [f"{ODD}.ShoutingRenderer"]},
    "parser": {"DEFAULT_PARSER_CLASSES": [f"{ODD}.NoParser"]},
    "negotiation": {"DEFAULT_CONTENT_NEGOTIATION_CLASS": f"{ODD}.NoNegotiation"},
    "throttle": {
        "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
        "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
    },
    "no_anonymous_user": {"UNAUTHENTICATED_USER": None, "UNAUTHENTICATED_TOKEN": None},
    "error_key": {"NON_FIELD_ERRORS_KEY": "problems", "COMPACT_JSON": False},
}


def story(client: Client, prefix: str = "/auth/sms") -> list[tuple[int, str]]:
    """Go through a login with all its mishaps, and return what was answered."""

    def post(path: str, **body: str) -> tuple[int, str]:
        answer = client.post(f"{prefix}/{path}/", body, content_type="application/json")
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status_code, body_of(answer).get("code", "")

    answers = [
        post("get-code"),
        post("get-code", phone_number="hello"),
        post("get-code", phone_number=PHONE),
        post("get-code", phone_number=PHONE),
    ]
    code = last_code()
    guesses = (wrong(code), code, code)
    return answers + [post("auth-code", phone_number=PHONE, code=typed) for typed in guesses]


EXPECTED = [
    (400, "invalid"),
    (400, "invalid_phone_number"),
    (202, ""),
    (429, "cooldown"),
    (401, "invalid_code"),
    (200, ""),
    (401, "invalid_code"),
]


@pytest.mark.django_db
def test_the_story_on_a_plain_site(client: Client) -> None:
    assert story(client) == EXPECTED


@pytest.mark.django_db
@pytest.mark.parametrize("name", REST_FRAMEWORKS)
def test_the_story_under_other_rest_settings(client: Client, settings: Any, name: str) -> None:
    settings.REST_FRAMEWORK = REST_FRAMEWORKS[name]
    assert story(client) == EXPECTED


@pytest.mark.django_db
@pytest.mark.urls("tests.support.sites.versioned_urls")
def test_the_story_with_a_version_in_the_path(client: Client, settings: Any) -> None:
    settings.REST_FRAMEWORK = REST_FRAMEWORKS["path_version"]
    assert story(client, "/v1/sms") == EXPECTED


@pytest.mark.django_db
def test_the_story_for_who_has_a_session_and_no_csrf_token(settings: Any) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.middleware.csrf.CsrfViewMiddleware",
    ]
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory.create())
    assert story(client) == EXPECTED


def test_the_story_on_a_site_that_set_all_of_it_before_the_import() -> None:
    report = sites.visit("strict")
    answers = [
        (report[name]["status"], report[name]["body"].get("code", ""))
        for name in (
            "malformed",
            "get_code",
            "cooldown",
            "wrong_code",
            "auth_code",
            "used_code",
        )
    ]
    assert answers == [EXPECTED[0], *EXPECTED[2:]]
    for name in ("malformed", "get_code", "cooldown", "wrong_code", "auth_code"):
        assert report[name]["headers"]["Cache-Control"] == "no-store"
        assert report[name]["headers"]["Content-Type"] == "application/json"
    assert report["wrong_code"]["body"].keys() == {"detail", "code"}
    assert report["access_holder"]["pk"] == report["users"][0]["pk"]


@pytest.mark.django_db(transaction=True)
def test_the_story_under_atomic_requests(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    assert story(client) == EXPECTED
    row = OTPCode.objects.get()
    assert row.failed_attempts == 1
    assert row.redeemed_at is not None


class TestInsideATestCase(TestCase):
    """What a site's own tests do: each in a transaction that is rolled back."""

    def setUp(self) -> None:
        settings_dict = connections["default"].settings_dict
        self.enterContext(pytest.MonkeyPatch.context()).setitem(
            settings_dict, "ATOMIC_REQUESTS", True
        )

    def test_the_connection_is_usable_after_each_refusal(self) -> None:
        body = {"phone_number": PHONE, "code": "123456"}
        for path in ("auth-code", "get-code", "get-code", "auth-code"):
            self.client.post(f"/auth/sms/{path}/", body, content_type="application/json")
            assert not connections["default"].needs_rollback
            User.objects.count()
        assert OTPCode.objects.get().failed_attempts == 1

    def test_the_connection_is_usable_after_a_refused_account(self) -> None:
        VerifiedPhoneFactory.create(phone_number=PHONE, user=UserFactory.create(is_staff=True))
        body = {"phone_number": PHONE}
        self.client.post("/auth/sms/get-code/", body, content_type="application/json")
        body["code"] = last_code()
        answer = self.client.post("/auth/sms/auth-code/", body, content_type="application/json")
        assert answer.status_code == 401
        assert OTPCode.objects.get().redeemed_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_code_cannot_be_requested_inside_a_transaction() -> None:
    with pytest.raises(InsideTransaction), transaction.atomic():
        services.request_code(NUMBER)
    assert not OTPCode.objects.exists()
    assert not Limit.objects.exists()
    assert testing.outbox == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_right", [True, False])
def test_a_code_cannot_be_redeemed_inside_a_transaction(is_right: bool) -> None:
    services.request_code(NUMBER)
    code = last_code()
    with pytest.raises(InsideTransaction), transaction.atomic():
        services.redeem_code(code if is_right else wrong(code), phone_number=NUMBER)
    row = OTPCode.objects.get()
    assert (row.redeemed_at, row.failed_attempts) == (None, 0)
    assert not User.objects.exists()


def test_the_browsable_api_is_there_only_where_the_site_has_it(
    client: Client, get_code: Post, settings: Any
) -> None:
    html = {"Accept": "text/html"}
    page = client.get("/auth/sms/get-code/", headers=html)
    assert page.headers["Content-Type"].startswith("text/html")
    settings.REST_FRAMEWORK = {
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]
    }
    answer = client.get("/auth/sms/get-code/", headers=html)
    assert answer.headers["Content-Type"] == "application/json"
