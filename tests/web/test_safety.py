"""What a stranger cannot do with the pages."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.contrib.auth.backends import BaseBackend
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection
from django.test import Client, override_settings

from django_sms_otp.exceptions import Contention, Unavailable
from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.testing import outbox, override_sms_otp
from tests.conftest import PHONE, last_code, wrong
from tests.support.factories import UserFactory

from .browser import Browser, Page

pytestmark = pytest.mark.django_db

FOREIGN = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "javascript:alert(1)",
    "http:///evil.example",
]


PLAIN = ["foo", "?a=1", "#x", "foo?page=2", "sms_otp_web:numbers", "sms_otp_web:login"]
"""Addresses that look like no path, and names of URLs, which are addresses here too."""


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.mark.parametrize("way", FOREIGN)
def test_next_leads_to_no_other_site(browser: Browser, way: str) -> None:
    page = browser.open(f"/login/?next={way}")
    assert page.forms[""]["next"] == ""
    browser.ask(next=way)
    assert browser.address == "/login/code/"
    browser.submit("/login/code/", code=last_code(), next=way)
    assert browser.answer["Location"] == "/accounts/profile/"


@pytest.mark.parametrize("way", PLAIN)
def test_next_is_an_address_and_no_name_of_a_url(browser: Browser, way: str) -> None:
    browser.ask(next=way)
    browser.submit("/login/code/", code=last_code())
    assert browser.is_logged_in
    assert (browser.answer.status_code, browser.answer["Location"]) == (302, way)
    # A second click on the button.
    form = {"next": way, "csrfmiddlewaretoken": browser.client.cookies["csrftoken"].value}
    again = browser.client.post("/login/code/", form)
    assert (again.status_code, again["Location"]) == (302, way)


def test_next_is_kept_all_the_way(browser: Browser) -> None:
    with time_machine.travel("2026-05-01T12:00Z", tick=False) as clock:
        browser.ask(at="/login/?next=/shop/%3Fa%3D1%26b%3D2")
        browser.enter(wrong(last_code()))
        clock.shift(31)
        browser.resend()
        assert browser.page.forms["/login/code/"]["next"] == "/shop/?a=1&b=2"
        browser.enter(last_code())
    assert browser.answer["Location"] == "/shop/?a=1&b=2"


@pytest.mark.parametrize("path", ["", "code/", "resend/"])
def test_no_form_goes_without_its_token(path: str) -> None:
    browser = Browser()
    browser.ask()
    answer = browser.client.post(f"/login/{path}", {"phone_number": "+14155552672"})
    assert answer.status_code == 403
    assert len(outbox) == 1


@override_settings(
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
)
def test_a_site_without_the_middleware_asks_for_the_token_too() -> None:
    answer = Client(enforce_csrf_checks=True).post("/login/", {"phone_number": PHONE})
    assert answer.status_code == 403
    assert not outbox


@pytest.mark.parametrize("path", ["", "code/", "resend/"])
def test_a_page_of_another_site_orders_no_message(path: str, browser: Browser) -> None:
    browser.ask()
    outbox.clear()
    Limit.objects.all().delete()
    HourlyCount.objects.all().delete()
    browser.client.post(
        f"/login/{path}",
        {"phone_number": "12", "code": "1", "csrfmiddlewaretoken": "x"},
        headers={"sec-fetch-site": "cross-site", "origin": "https://advert.example"},
    )
    client = Client(headers={"sec-fetch-site": "cross-site", "origin": "https://a.example"})
    client.cookies = browser.client.cookies
    answer = client.post(f"/login/{path}", {"phone_number": "12", "code": "1"})
    assert answer.status_code == (302 if path == "resend/" else 403)
    assert not outbox
    assert not Limit.objects.exists()
    assert not HourlyCount.objects.exists()


def test_a_planted_session_is_not_logged_in(browser: Browser) -> None:
    browser.ask()
    planted = browser.client.session.session_key
    code = last_code()
    browser.enter(code)
    assert browser.is_logged_in
    assert browser.client.session.session_key != planted
    thief = Client()
    thief.cookies["sessionid"] = str(planted)
    assert "_auth_user_id" not in thief.session


@pytest.mark.parametrize("theirs", ["", PHONE, "+14155552672"])
def test_who_has_planted_a_session_reads_no_number_in_it(browser: Browser, theirs: str) -> None:
    """It may wait for a code of theirs, for the same number even."""
    thief = Browser()
    session = thief.client.session
    session["cart"] = [1]
    session.save()
    key = str(session.session_key)
    thief.client.cookies["sessionid"] = key
    with override_sms_otp(COOLDOWN=[]):
        if theirs:
            thief.ask(theirs)
        key = thief.client.cookies["sessionid"].value
        browser.client.cookies["sessionid"] = key
        browser.ask()
    assert "+1 415-555-2671" in browser.page.text
    assert browser.client.session["cart"] == [1]
    thief.client.cookies["sessionid"] = key
    thief.open("/login/code/")
    assert thief.address == "/login/"
    assert "555-2671" not in thief.page.html
    browser.enter(last_code())
    assert browser.is_logged_in


def test_the_session_forgets_the_code_after_the_login(browser: Browser) -> None:
    browser.ask()
    assert "_sms_otp_pending" in browser.client.session
    browser.enter(last_code())
    assert not {"_sms_otp_pending", "_sms_otp_notice"} & set(browser.client.session.keys())


@override_sms_otp(MAX_ATTEMPTS=2)
def test_strangers_cannot_spend_the_guesses_of_who_asked(browser: Browser) -> None:
    browser.ask()
    code = last_code()
    for _ in range(5):
        Client(REMOTE_ADDR="203.0.113.9").post(
            "/auth/sms/auth-code/", {"phone_number": PHONE, "code": wrong(code)}
        )
    # Only the request_id in the session tells who asked: the address is another one by now.
    browser.client.defaults["REMOTE_ADDR"] = "203.0.113.9"
    browser.enter(code)
    assert browser.is_logged_in


@override_sms_otp(DEVICE_COOKIE="device")
def test_a_device_that_logged_in_is_known_from_then_on(browser: Browser) -> None:
    browser.ask()
    assert "device" not in browser.client.cookies
    browser.enter(last_code())
    assert browser.client.cookies["device"]["httponly"]


class LocksOut(BaseBackend):
    """As django-axes."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        raise PermissionDenied


@override_settings(
    AUTHENTICATION_BACKENDS=[
        "django.contrib.auth.backends.ModelBackend",
        f"{__name__}.LocksOut",
    ]
)
def test_whom_another_package_locks_out_is_not_logged_in(browser: Browser) -> None:
    browser.ask()
    page = browser.enter(last_code())
    assert browser.answer.status_code == 429
    assert page.problems.startswith("Too many wrong codes.")
    assert not browser.is_logged_in


def test_a_tab_of_another_number_spends_no_guess(browser: Browser) -> None:
    browser.ask("+14155552671")
    first, first_code = browser.page, last_code()
    browser.ask("+14155552672")
    browser.page, second_code = first, last_code()
    page = browser.enter(first_code)
    assert page.problems.startswith("You have asked for another code in the meantime.")
    assert "+1 415-555-2672" in page.text
    assert not browser.is_logged_in
    browser.page = first
    browser.resend()
    assert len(outbox) == 2
    browser.enter(second_code)
    assert browser.is_logged_in


def test_two_tabs_of_one_number(browser: Browser) -> None:
    browser.ask()
    first = browser.page
    browser.ask()
    browser.page = first
    browser.enter(last_code())
    assert browser.is_logged_in


def test_who_is_logged_in_goes_on(browser: Browser) -> None:
    browser.ask()
    browser.enter(last_code())
    for path in ("/login/", "/login/code/", "/login/resend/"):
        answer = browser.client.get(f"{path}?next=/secret/")
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/profile/")
    # A second click on the button.
    second = Client()
    second.cookies = browser.client.cookies
    answer = second.post("/login/code/", {"code": "000000", "next": "/shop/"})
    assert answer["Location"] == "/shop/"


def test_nothing_is_kept_by_caches(browser: Browser) -> None:
    answers = [browser.client.get("/login/")]
    browser.ask()
    answers += [browser.answer, browser.client.get("/login/code/")]
    for answer in answers:
        assert "no-store" in answer["Cache-Control"]


def test_a_look_at_the_page_makes_no_session() -> None:
    browser = Browser()
    browser.open()
    assert "sessionid" not in browser.client.cookies


@pytest.mark.django_db(transaction=True)
def test_the_views_are_not_atomic(browser: Browser) -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        browser.ask()
        browser.enter(last_code())
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert browser.is_logged_in


PAGES = ["", "code/", "step-up/", "numbers/", "numbers/add/"]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", PAGES)
def test_a_session_that_cannot_be_read_is_an_outage(
    method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    client.force_login(UserFactory.create())

    def fail(_store: SessionStore) -> None:
        raise OperationalError("+14155552671")

    monkeypatch.setattr(SessionStore, "load", fail)
    answer = getattr(client, method)(f"/login/{path}")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    page = Page(answer.content.decode())
    text = "The service is not available right now."
    assert page.html.count(f"<title>{text}") == page.html.count(f"<h1>{text}") == 1
    assert "+1415" not in page.html


def test_what_a_page_shows_may_not_be_there_either(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    client.force_login(UserFactory.create())

    def fail(*_args: object) -> None:
        raise OperationalError

    monkeypatch.setattr("django_sms_otp.web.step_up.numbers_of", fail)
    assert client.get("/login/step-up/").status_code == 503
    monkeypatch.setattr("django_sms_otp.web.step_up.numbers_of", lambda _user: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.get("/login/step-up/")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Contention(), "Several requests for this phone number came at the same time."),
        (Unavailable(), "The service is not available right now."),
        (OperationalError("+14155552671"), "The service is not available right now."),
    ],
)
@pytest.mark.parametrize("service", ["request_code", "redeem_code"])
def test_an_error_keeps_the_page(
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
    service: str,
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise error

    if service == "redeem_code":
        browser.ask()
    monkeypatch.setattr(f"django_sms_otp.web.views.{service}", fail)
    page = browser.ask() if service == "request_code" else browser.enter("123456")
    assert browser.answer.status_code == 503
    assert int(browser.answer["Retry-After"]) >= 1
    assert page.problems.startswith(said)
    if service == "request_code":
        assert page.field("phone_number")["value"] == PHONE


def test_a_number_that_was_given_up_is_forgotten(browser: Browser) -> None:
    with time_machine.travel("2026-05-01T12:00Z", tick=False) as clock:
        browser.ask()
        clock.shift(60 * 60 + 9 * 60)
        assert browser.open("/login/").field("phone_number")["value"] == "+1 415-555-2671"
        clock.shift(2 * 60)
        assert browser.open("/login/").field("phone_number")["value"] == ""
        browser.open("/login/code/")
        assert browser.address == "/login/"


def test_what_another_version_left_in_the_session_is_nothing(browser: Browser) -> None:
    browser.ask()
    session = browser.client.session
    session["_sms_otp_pending"] = {"number": PHONE}
    session.save()
    browser.open("/login/code/")
    assert browser.address == "/login/"
    assert OTPCode.objects.count() == 1
