"""Step-up: who is logged in confirms by a code that it is them, and goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from django_sms_otp.auth.step_up import sms_verified
from django_sms_otp.models import OTPCode
from django_sms_otp.testing import outbox, override_sms_otp
from tests.api.test_api import NOW
from tests.conftest import last_code, wrong
from tests.services.test_numbers import NEW, OLD, id_of, user_with

from .browser import Browser
from .test_login import is_over
from .test_safety import FOREIGN, PLAIN

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

FIRST, CODE, RESEND = "/login/step-up/", "/login/step-up/code/", "/login/step-up/resend/"


@sms_verified(within=timedelta(minutes=5))
def pay(request: HttpRequest) -> HttpResponse:
    return HttpResponse("paid")


urlpatterns = [path("login/", include("django_sms_otp.web.urls")), path("pay/", pay)]


def browser_of(user: User) -> Browser:
    browser = Browser(accept="text/html")
    browser.client.force_login(user)
    return browser


@pytest.mark.parametrize("way", PLAIN)
def test_next_is_an_address_and_no_name_of_a_url(way: str) -> None:
    browser = browser_of(user_with(OLD))
    browser.open(FIRST)
    browser.submit(next=way)
    form = browser.page.forms[CODE]
    browser.submit(CODE, code=last_code())
    assert browser.answer["Location"] == way
    browser.answer = browser.client.post(CODE, {**form, "code": last_code()})
    assert browser.answer["Location"] == way


def test_a_view_that_asks_for_a_proof_leads_here_and_gets_it() -> None:
    browser = browser_of(user_with(OLD))
    page = browser.open("/pay/?a=b")
    assert browser.address == f"{FIRST}?next=/pay/%3Fa%3Db"
    assert "+1********31" in page.text
    assert OLD not in page.html
    page = browser.submit()
    assert browser.address == f"{CODE}?next=%2Fpay%2F%3Fa%3Db"
    assert outbox[-1].to == OLD
    assert "+1********31" in page.text
    assert "0131" not in page.html
    before = browser.client.session.session_key
    browser.submit(CODE, code=last_code())
    assert browser.answer["Location"] == "/pay/?a=b"
    assert browser.client.session.session_key != before
    assert browser.open("/pay/?a=b").text == "paid"
    assert "_sms_otp_step_up" not in browser.client.session


def test_a_proof_grows_old() -> None:
    browser = browser_of(user_with(OLD))
    with time_machine.travel(NOW, tick=False) as clock:
        browser.client.force_login(User.objects.get())
        browser.open("/pay/")
        browser.submit()
        browser.submit(CODE, code=last_code())
        assert browser.open("/pay/").text == "paid"
        clock.shift(timedelta(minutes=6))
        browser.open("/pay/")
    assert browser.address == f"{FIRST}?next=/pay/"


def test_the_person_chooses_among_several_numbers() -> None:
    user = user_with(OLD, NEW)
    browser = browser_of(user)
    page = browser.open(FIRST)
    offered = [each["value"] for each in page.all("button") if each.get("name") == "number"]
    assert offered == [id_of(user, OLD), id_of(user, NEW)]
    browser.submit(number=id_of(user, NEW))
    assert outbox[-1].to == NEW
    assert "Use another number" in browser.page.text
    browser.submit(CODE, code=last_code())
    assert browser.answer["Location"] == "/accounts/profile/"


def test_who_has_one_number_is_offered_no_other() -> None:
    browser = browser_of(user_with(OLD))
    browser.open(FIRST)
    page = browser.submit()
    assert "Use another number" not in page.text
    assert "Check the number above." not in page.text


def test_a_number_of_somebody_else_is_none() -> None:
    other = user_with(NEW)
    browser = browser_of(user_with(OLD))
    browser.open(FIRST)
    for number in (id_of(other, NEW), "x"):
        page = browser.submit(number=number)
        assert browser.answer.status_code == 404
        assert page.problems == "We could not find that."
    assert not outbox


def test_a_code_of_another_account_proves_nothing() -> None:
    thief, victim = browser_of(user_with(NEW)), browser_of(user_with(OLD))
    for browser in (thief, victim):
        browser.open(FIRST)
        browser.submit()
    assert outbox[-1].to == OLD
    assert thief.submit(CODE, code=last_code()).problems.startswith("This code is not valid.")
    assert thief.open("/pay/").html != "paid"


def test_a_login_code_is_no_step_up() -> None:
    user = user_with(OLD)
    stranger = Browser()
    with time_machine.travel(NOW, tick=False) as clock:
        stranger.ask(OLD)
        code = last_code()
        clock.shift(31)
        browser = browser_of(user)
        browser.open(FIRST)
        browser.submit()
        page = browser.submit(CODE, code=code)
    assert page.problems.startswith("This code is not valid.")


def test_a_wrong_code_and_a_resend_keep_next() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser = browser_of(user_with(OLD))
        browser.open(f"{FIRST}?next=/pay/")
        browser.submit()
        page = browser.submit(CODE, code=wrong(last_code()))
        assert page.problems.startswith("This code is not valid.")
        assert page.field("code")["aria-invalid"] == "true"
        page = browser.submit(RESEND)
        assert page.problems.startswith("A code was sent a moment ago.")
        clock.shift(31)
        page = browser.submit(RESEND)
        assert "The code is on its way to you by SMS." in page.text
        assert outbox[0].code == outbox[1].code
        browser.submit(CODE, code=last_code())
    assert browser.answer["Location"] == "/pay/"


@pytest.mark.parametrize("way", FOREIGN)
def test_next_leads_to_no_other_site(way: str) -> None:
    browser = browser_of(user_with(OLD))
    assert browser.open(f"{FIRST}?next={way}").forms[""]["next"] == ""
    browser.submit(next=way)
    assert browser.address == CODE
    browser.submit(CODE, code=last_code(), next=way)
    assert browser.answer["Location"] == "/accounts/profile/"


@pytest.mark.parametrize("address", [FIRST, CODE, RESEND])
def test_who_is_not_logged_in_goes_to_the_login(address: str) -> None:
    client = Client()
    answer = client.get(f"{address}?next=/pay/")
    assert answer["Location"] == f"/login/?next={address}%3Fnext%3D%252Fpay%252F"
    assert client.post(address, {"code": "1"})["Location"] == f"/login/?next={address}"
    with override_settings(LOGIN_URL="/enter/"):
        assert client.get(address)["Location"] == f"/enter/?next={address}"
    assert not outbox


@pytest.mark.parametrize("address", [CODE, RESEND])
def test_without_a_code_there_is_no_code_page(address: str) -> None:
    browser = browser_of(user_with(OLD))
    browser.open(f"{address}?next=/pay/")
    assert browser.address == f"{FIRST}?next=%2Fpay%2F"


def test_a_second_click_goes_on() -> None:
    browser = browser_of(user_with(OLD))
    browser.open(f"{FIRST}?next=/pay/")
    browser.submit()
    form = browser.page.forms[CODE]
    browser.submit(CODE, code=last_code())
    token = browser.client.cookies["csrftoken"].value
    answer = browser.client.post(CODE, {**form, "csrfmiddlewaretoken": token, "code": "1"})
    assert answer["Location"] == "/pay/"


def test_who_has_no_number_is_told_what_to_do(time_machine: Any) -> None:
    time_machine.move_to(NOW)
    browser = browser_of(user_with(password="x"))
    page = browser.open(f"{FIRST}?next=/pay/")
    assert "Your account has no phone number yet. Add one to continue." in page.text
    assert "/login/numbers/add/?next=%2Fpay%2F" in [each["href"] for each in page.all("a")]
    assert not page.forms
    assert browser.client.post(FIRST).status_code == 403
    time_machine.move_to(NOW + timedelta(days=1))
    page = browser.open(FIRST)
    assert "Add one to continue." not in page.text
    assert "Log out, and log in again." in page.text
    assert not page.all("a")


@pytest.mark.parametrize("address", [FIRST, CODE, RESEND])
def test_no_other_site_and_no_form_without_token(address: str) -> None:
    browser = browser_of(user_with(OLD))
    browser.open(FIRST)
    browser.submit()
    outbox.clear()
    assert browser.client.post(address, {"code": "1"}).status_code == 403
    client = Client(headers={"sec-fetch-site": "cross-site", "origin": "https://a.example"})
    client.cookies = browser.client.cookies
    answer = client.post(address, {"code": "1"})
    assert answer.status_code == (302 if address == RESEND else 403)
    assert not outbox
    assert not OTPCode.objects.filter(failed_attempts__gt=0).exists()


@override_sms_otp(MAX_ATTEMPTS=2)
def test_lockout() -> None:
    browser = browser_of(user_with(OLD))
    browser.open(FIRST)
    browser.submit()
    for _ in range(3):
        page = browser.submit(CODE, code=wrong(last_code()))
    assert browser.answer.status_code == 429
    assert page.problems.startswith("Too many wrong codes.")
    assert "no-store" in browser.answer["Cache-Control"]
    for seen in (page, browser.open(CODE)):
        is_over(seen)
