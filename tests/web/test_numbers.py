"""The numbers of an account: list, add, make the main one, remove."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine as clocks
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings

from django_sms_otp.exceptions import Contention
from django_sms_otp.testing import outbox, override_sms_otp
from tests.api.test_api import NOW
from tests.conftest import last_code, wrong
from tests.services.test_numbers import NEW, OLD, THIRD, id_of, texts_of, user_with
from tests.support.factories import UserFactory

from .browser import Browser
from .test_login import is_over
from .test_step_up import browser_of

pytestmark = pytest.mark.django_db

LIST, ADD = "/login/numbers/", "/login/numbers/add/"
CODE, RESEND = "/login/numbers/code/", "/login/numbers/resend/"


def primary(user: User, number: str) -> str:
    return f"{LIST}{id_of(user, number)}/make-primary/"


def removal(user: User, number: str) -> str:
    return f"{LIST}{id_of(user, number)}/remove/"


def add(browser: Browser, number: str = NEW) -> None:
    browser.open(f"{ADD}?next=/shop/")
    browser.submit(phone_number=number)


def test_the_list_shows_ones_own_numbers_alone() -> None:
    user = user_with(OLD, NEW)
    user_with(THIRD)
    browser = browser_of(user)
    page = browser.open(f"{LIST}?next=/shop/")
    assert "+1 415-555-0131 Main number" in " ".join(page.text.split())
    assert "+1 415-555-0132" in page.text
    assert "0133" not in page.html
    assert list(page.forms) == [primary(user, NEW)]
    links = [each["href"] for each in page.all("a")]
    assert f"{removal(user, OLD)}?next=%2Fshop%2F" in links
    assert links[-1] == "/shop/"
    assert "no-store" in browser.answer["Cache-Control"]
    assert Client().post(LIST).status_code == 302
    assert browser.client.post(LIST).status_code == 403


def test_who_has_none_adds_one() -> None:
    user = user_with(password="x")
    browser = browser_of(user)
    page = browser.open(LIST)
    assert "Your account has no phone number yet." in page.text
    add(browser)
    assert browser.address == f"{CODE}?next=%2Fshop%2F"
    assert outbox[-1].to == NEW
    assert "+1 415-555-0132" in browser.page.text
    page = browser.submit(CODE, code=last_code())
    assert browser.address == f"{LIST}?next=%2Fshop%2F"
    assert "The phone number was added." in page.text
    assert "The phone number was added." not in browser.open(LIST).text
    assert texts_of(user) == [NEW]
    assert "_sms_otp_link" not in browser.client.session


def test_a_wrong_code_and_a_resend() -> None:
    user = user_with(OLD)
    with clocks.travel(NOW, tick=False) as clock:
        browser = browser_of(user)
        add(browser)
        page = browser.submit(CODE, code=wrong(last_code()))
        assert page.problems.startswith("This code is not valid.")
        clock.shift(31)
        browser.submit(RESEND)
        assert [each.to for each in outbox] == [NEW, NEW]
        browser.submit(CODE, code=last_code())
    assert texts_of(user) == [OLD, NEW]


def test_a_number_that_gets_no_code() -> None:
    browser = browser_of(user_with(OLD))
    add(browser, "12")
    assert browser.page.problems.startswith("This is not a phone number.")
    assert browser.page.field("phone_number")["value"] == "12"
    assert not [each for each in browser.page.all("input") if each["name"] == "remember"]


@override_sms_otp(NUMBER_TAKEN="refuse")
def test_a_number_of_another_account_stays_there() -> None:
    other, user = user_with(NEW), user_with(OLD)
    browser = browser_of(user)
    add(browser)
    page = browser.submit(CODE, code=last_code())
    assert browser.address == f"{LIST}?next=%2Fshop%2F"
    assert page.problems == "This phone number belongs to another account."
    assert (texts_of(user), texts_of(other)) == ([OLD], [NEW])


def test_a_step_up_code_adds_no_number() -> None:
    user = user_with(OLD)
    browser = browser_of(user)
    add(browser)
    browser.open("/login/step-up/code/")
    assert browser.address == "/login/step-up/"


def test_another_main_number() -> None:
    user = user_with(OLD, NEW)
    browser = browser_of(user)
    address = primary(user, NEW)
    browser.open(LIST)
    page = browser.submit(address)
    assert browser.address == LIST
    assert "Your main phone number was changed." in page.text
    assert texts_of(user) == [NEW, OLD]
    browser.open(address)
    assert browser.address == LIST


def test_a_number_is_removed_after_a_question() -> None:
    user = user_with(OLD, NEW)
    browser = browser_of(user)
    address = removal(user, NEW)
    page = browser.open(f"{address}?next=/shop/")
    assert "+1 415-555-0132" in page.text
    assert texts_of(user) == [OLD, NEW]
    page = browser.submit()
    assert browser.address == f"{LIST}?next=%2Fshop%2F"
    assert "The phone number was removed." in page.text
    assert texts_of(user) == [OLD]
    # A second click.
    assert browser.client.get(address)["Location"] == LIST


def test_the_last_way_in_stays() -> None:
    user = user_with(OLD)
    browser = browser_of(user)
    browser.open(removal(user, OLD))
    page = browser.submit()
    assert browser.answer.status_code == 409
    assert page.problems == (
        "Your account needs this number. Add another number before you remove it."
    )
    # Another try would be refused, too.
    assert not page.forms
    assert ADD in [each["href"] for each in page.all("a")]
    assert texts_of(user) == [OLD]


def test_a_removal_that_failed_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    user = user_with(OLD, NEW)
    browser = browser_of(user)
    browser.open(removal(user, NEW))

    def busy(*args: Any) -> None:
        raise Contention

    with monkeypatch.context() as patch:
        patch.setattr("django_sms_otp.web.numbers.unlink_number", busy)
        page = browser.submit()
    assert page.problems.endswith("Please try again.")
    browser.submit()
    assert texts_of(user) == [OLD]


@override_sms_otp(MAX_ATTEMPTS=1)
def test_a_code_that_is_over_makes_way_for_a_new_one() -> None:
    browser = browser_of(user_with(OLD))
    add(browser)
    for _ in range(2):
        page = browser.submit(CODE, code=wrong(last_code()))
    for seen in (page, browser.open(CODE)):
        assert seen.problems.startswith("Too many wrong codes.")
        is_over(seen)


def test_nobody_changes_the_numbers_of_somebody_else() -> None:
    other, user = user_with(OLD, NEW), user_with(THIRD)
    browser = browser_of(user)
    browser.client.handler.enforce_csrf_checks = False
    for address in (primary(other, NEW), removal(other, NEW), f"{LIST}x/remove/"):
        for method in (browser.client.get, browser.client.post):
            assert method(address)["Location"] == LIST
    assert texts_of(other) == [OLD, NEW]


@pytest.mark.parametrize("what", ["add", "code", "resend", "primary", "removal"])
@pytest.mark.parametrize("rule", ["old", "by sms"])
def test_a_change_needs_a_fresh_proof(what: str, rule: str, time_machine: Any) -> None:
    user = user_with(OLD, NEW)
    time_machine.move_to(NOW)
    browser = browser_of(user)
    add(browser, THIRD)
    code, count = last_code(), len(outbox)
    browser.client.handler.enforce_csrf_checks = False
    address = {
        "add": ADD,
        "code": CODE,
        "resend": RESEND,
        "primary": primary(user, NEW),
        "removal": removal(user, NEW),
    }[what]
    if rule == "old":
        time_machine.move_to(NOW + timedelta(minutes=11))
    form = {"phone_number": THIRD, "code": code, "next": "/shop/"}
    with override_sms_otp(NUMBERS_NEED_PROOF_BY="login" if rule == "old" else "sms"):
        answer = browser.client.post(address, form)
    back = f"{address}%3Fnext%3D%252Fshop%252F"
    assert answer["Location"] == f"/login/step-up/?next={back}"
    assert texts_of(user) == [OLD, NEW]
    assert len(outbox) == count


def test_the_way_to_a_change_by_a_step_up(time_machine: Any) -> None:
    time_machine.move_to(NOW)
    user = user_with(OLD)
    browser = browser_of(user)
    time_machine.move_to(NOW + timedelta(hours=1))
    browser.open(LIST)
    browser.open(ADD)
    assert browser.address == f"/login/step-up/?next={ADD}"
    browser.submit()
    page = browser.submit("/login/step-up/code/", code=last_code())
    assert browser.address == ADD
    assert "Add a phone number" in page.text


@override_sms_otp(NUMBERS_NEED_PROOF_WITHIN=None)
def test_a_site_may_ask_for_no_proof(time_machine: Any) -> None:
    time_machine.move_to(NOW)
    browser = browser_of(user_with(OLD))
    time_machine.move_to(NOW + timedelta(days=1))
    browser.open(ADD)
    assert browser.address == ADD


@pytest.mark.parametrize(
    "what", ["", "add/", "code/", "resend/", "1/remove/", "1/make-primary/"]
)
def test_who_is_not_logged_in_goes_to_the_login(what: str) -> None:
    for method in (Client().get, Client().post):
        assert method(LIST + what)["Location"] == f"/login/?next={LIST}{what}"
        with override_settings(LOGIN_URL="/enter/"):
            assert method(LIST + what)["Location"] == f"/enter/?next={LIST}{what}"


@pytest.mark.parametrize("what", ["add", "code", "resend", "primary", "removal"])
def test_no_page_of_another_site_changes_anything(what: str) -> None:
    user = user_with(OLD, NEW)
    browser = browser_of(user)
    add(browser, THIRD)
    code = last_code()
    outbox.clear()
    address = {
        "add": ADD,
        "code": CODE,
        "resend": RESEND,
        "primary": primary(user, NEW),
        "removal": removal(user, NEW),
    }[what]
    form = {**browser.page.forms[CODE], "phone_number": THIRD, "code": code}
    form.pop("csrfmiddlewaretoken")
    assert browser.client.post(address, form).status_code == 403
    client = Client(headers={"sec-fetch-site": "cross-site", "origin": "https://a.example"})
    client.cookies = browser.client.cookies
    assert client.post(address, form).status_code in {302, 403}
    assert texts_of(user) == [OLD, NEW]
    assert not outbox


def test_a_hidden_user_has_no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    client.force_login(UserFactory.create())
    monkeypatch.setattr("django_sms_otp.web.account.is_shown", lambda user: False)
    assert client.get(LIST)["Location"] == f"/login/?next={LIST}"


@pytest.mark.django_db(transaction=True)
def test_the_views_are_not_atomic() -> None:
    user = user_with(OLD)
    browser = browser_of(user)
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        add(browser)
        browser.submit(CODE, code=last_code())
        browser.submit(primary(user, NEW))
        browser.open(removal(user, OLD))
        browser.submit()
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert texts_of(user) == [NEW]
