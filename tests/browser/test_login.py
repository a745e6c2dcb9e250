"""The login, from the number to the session, as different people go through it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import expect

from django_sms_otp.models import VerifiedPhone
from django_sms_otp.testing import outbox, override_sms_otp
from tests.conftest import PHONE, wrong

from .conftest import NewPerson
from .person import Person

PHONE_SCREEN = {
    "viewport": {"width": 375, "height": 667},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def is_logged_in(person: Person) -> bool:
    person.open("/")
    found: int = person.page.get_by_text("Logged in: somebody.").count()
    return found == 1


def test_by_keyboard_alone(person: Person) -> None:
    person.open()
    keyboard = person.page.keyboard
    seen = []
    for _ in range(4):
        keyboard.press("Tab")
        seen.append(person.focused)
    assert seen[:3] == ["id_region", "id_phone_number", "id_remember"]
    for _ in range(3):
        keyboard.press("Shift+Tab")
    keyboard.type("Germ")
    keyboard.press("Tab")
    keyboard.type("01512 3456789")
    keyboard.press("Enter")
    person.page.wait_for_url("**/login/code/")
    assert outbox[-1].to == "+4915123456789"
    assert person.focused == "id_code"
    keyboard.type(wrong(person.code))
    person.page.wait_for_selector("#sms-otp-problems")
    assert person.focused == "id_code"
    keyboard.type(person.code)
    person.page.wait_for_url(f"{person.site}/")
    assert is_logged_in(person)


def test_help_and_other_number_by_keyboard(person: Person) -> None:
    person.ask()
    keyboard = person.page.keyboard
    for _ in range(2):
        keyboard.press("Tab")
    keyboard.press("Enter")
    expect(person.page.get_by_text("Wait a minute or two")).to_be_visible()
    # The button that sends again sleeps: the next stop is the link.
    keyboard.press("Tab")
    keyboard.press("Enter")
    person.page.wait_for_url("**/login/")
    assert person.page.locator("#id_phone_number").input_value() == "+1 415-555-2671"


def test_without_javascript(new_person: NewPerson) -> None:
    person = new_person(java_script_enabled=False)
    person.ask(at="/login/?next=/pay/")
    page = person.page
    # The script alone keeps this promise, and alone lets buttons sleep.
    assert not page.get_by_text("You go on automatically").is_visible()
    person.resend()
    assert "You can ask again in" in person.problems
    page.locator("#id_code").fill(wrong(person.code))
    person.send()
    assert person.problems.startswith("This code is not valid.")
    page.locator("#id_code").fill(person.code)
    person.send()
    assert person.path == "/pay/"
    assert is_logged_in(person)


def test_on_a_phone(new_person: NewPerson) -> None:
    person = new_person(**PHONE_SCREEN)
    person.open()
    page = person.page
    page.locator("#id_phone_number").tap()
    page.keyboard.type(PHONE)
    page.locator("label", has_text="Remember").tap()
    page.get_by_role("button", name="Send the code").tap()
    page.wait_for_url("**/login/code/")
    # A person sees the field and the button above the keyboard of the phone, which takes half.
    assert page.evaluate("scrollY") == 0
    assert page.locator("#id_code").evaluate("e => e.getBoundingClientRect().bottom") < 667 / 2
    person.enter(person.code)
    assert is_logged_in(person)


def test_from_right_to_left(new_person: NewPerson) -> None:
    person = new_person(locale="ar")
    person.ask("+966501234567")
    page = person.page
    assert page.locator("html").get_attribute("dir") == "rtl"
    # What is written from left to right in every language.
    for name in ("#id_code", "bdi"):
        assert page.locator(name).first.evaluate("e => getComputedStyle(e).direction") == "ltr"
    card, field = (
        page.locator(name).bounding_box() for name in (".sms-otp-card", ".sms-otp-link")
    )
    assert card
    assert field
    # Links begin at the right edge of the card.
    assert card["x"] + card["width"] - (field["x"] + field["width"]) < 50
    person.enter(person.code)
    assert is_logged_in(person)


def test_an_expired_code(person: Person) -> None:
    with time_machine.travel("2026-05-01T12:00Z") as clock:
        person.ask()
        old = person.code
        clock.shift(timedelta(minutes=11))
        person.enter(old)
        assert person.problems == "This code has expired. Ask for a new one."
        expect(person.page.locator("#id_code")).to_have_count(0)
        person.send()
        expect(person.page.get_by_text("The code is on its way to you by SMS.")).to_be_visible()
        assert person.code != old
        person.enter(person.code)
    assert VerifiedPhone.objects.get().phone_number == PHONE


@override_sms_otp(MAX_ATTEMPTS=2)
def test_lockout(person: Person) -> None:
    person.ask()
    for _ in range(3):
        person.guess()
    for _ in range(2):
        assert person.problems.startswith("Too many wrong codes.")
        assert person.focused == "sms-otp-problems"
        expect(person.page.locator("#id_code")).to_have_count(0)
        expect(person.page.locator("button")).to_have_text("Send a new code by SMS")
        person.open("/login/code/")
    assert not is_logged_in(person)


@override_sms_otp(CHANNELS={"sms": "default", "voice": "default"})
def test_another_channel(person: Person) -> None:
    with time_machine.travel("2026-05-01T12:00Z") as clock:
        person.page.clock.install()
        person.ask()
        call = person.page.get_by_role("button", name="Call me and read out the code")
        expect(call).to_be_disabled()
        clock.shift(timedelta(seconds=31))
        person.page.clock.fast_forward(31_000)
        call.click()
        expect(person.page.get_by_text("We are calling you now")).to_be_visible()
        assert outbox[-1].channel == "voice"
        person.enter(person.code)
    assert VerifiedPhone.objects.exists()


def test_the_number_is_remembered_if_asked(person: Person) -> None:
    person.open()
    person.page.get_by_label("Remember my number on this device").check()
    person.page.get_by_label("Phone number").fill(PHONE)
    person.send()
    person.enter(person.code)
    person.context.clear_cookies(name="sessionid")
    person.open()
    assert person.page.get_by_label("Phone number").input_value() == "+1 415-555-2671"
    assert person.page.get_by_label("Country").input_value() == "US"
    assert person.page.get_by_label("Remember my number on this device").is_checked()


@pytest.mark.parametrize(
    ("next_page", "wanted"), [("/pay/", "/pay/"), ("//evil.example/", "/"), ("", "/")]
)
def test_next_leads_to_a_page_of_the_site(person: Person, next_page: str, wanted: str) -> None:
    person.ask(at=f"/login/?next={next_page}")
    person.guess()
    person.enter(person.code)
    assert person.path == wanted
