"""What the script adds: paste, WebOTP, the countdown, and one message for two clicks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from django_sms_otp.testing import outbox, override_sms_otp
from tests.conftest import PHONE, wrong

from .conftest import NewPerson
from .person import Person
from .scenes import standing_still

PASTE = """(field, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text", text);
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  return field.dispatchEvent(event);
}"""
"""As the browser does it: what is not prevented, it pastes itself."""

CAPTCHA = """(event) => {
  if (window.isSolved) return;
  event.preventDefault();
  setTimeout(() => { window.isSolved = true; event.target.requestSubmit(); }, 50);
}"""

WEB_OTP = """
window.OTPCredential = class {};
window.asked = [];
navigator.credentials.get = (options) => {
  window.asked.push(options);
  return new Promise((resolve, reject) => {
    window.arrive = (code) => resolve({ code });
    options.signal.addEventListener("abort", () => { window.isAborted = true; reject(); });
  });
};
"""
"""A phone that reads the message to the page."""


@pytest.mark.parametrize("text", ["{code}", "Your code is {code}. It is valid for 10 minutes."])
def test_a_pasted_message_logs_in(person: Person, text: str) -> None:
    person.ask()
    field = person.page.locator("#id_code")
    with person.page.expect_navigation():
        field.evaluate(PASTE, text.format(code=person.code))
    assert person.path == "/"


@override_sms_otp(ORIGIN="localhost")
@pytest.mark.parametrize("is_event", [True, False])
def test_a_message_with_its_last_line_logs_in(person: Person, is_event: bool) -> None:
    """The line holds the code once more. Some keyboards put it in without a paste event."""
    person.ask()
    text = outbox[-1].body
    assert text.count(person.code) == 2
    field = person.page.locator("#id_code")
    with person.page.expect_navigation():
        if is_event:
            field.evaluate(PASTE, text)
        else:
            field.focus()
            person.page.keyboard.insert_text(text)
    assert person.path == "/"


@pytest.mark.parametrize("text", ["no digits", "123456 or 654321", "1234567"])
def test_what_holds_no_single_code_is_pasted_as_it_is(person: Person, text: str) -> None:
    person.ask()
    assert person.page.locator("#id_code").evaluate(PASTE, text), "the browser may paste"
    assert person.path == "/login/code/"


def test_the_phone_reads_the_code_to_the_page(person: Person) -> None:
    person.context.add_init_script(WEB_OTP)
    person.ask()
    [asked] = person.page.evaluate("asked.map((each) => each.otp)")
    assert asked == {"transport": ["sms"]}
    with person.page.expect_navigation():
        person.page.evaluate("(code) => arrive(code)", person.code)
    assert person.path == "/"


def test_who_types_is_not_interrupted_by_the_phone(person: Person) -> None:
    person.context.add_init_script(WEB_OTP)
    person.ask()
    person.page.locator("#id_code").evaluate(
        "field => field.form.addEventListener('submit', (event) => event.preventDefault())"
    )
    person.page.locator("#id_code").press_sequentially(person.code)
    assert person.page.evaluate("isAborted")


def test_a_browser_without_web_otp_misses_nothing(new_person: NewPerson) -> None:
    person = new_person()
    person.context.add_init_script("delete window.OTPCredential")
    person.ask()
    person.enter(person.code)
    assert person.path == "/"


def test_a_code_that_is_corrected_is_not_sent_early(person: Person) -> None:
    person.ask()
    field = person.page.locator("#id_code")
    field.press_sequentially("12345")
    field.press("Backspace")
    field.press_sequentially("9")
    assert person.path == "/login/code/"
    assert field.input_value() == "12349"


@pytest.mark.parametrize("zero", ["\u0660", "\uff10"], ids=["Arabic", "fullwidth"])
def test_digits_of_any_script_complete_a_code(person: Person, zero: str) -> None:
    person.ask()
    person.enter("".join(chr(ord(zero) + int(each)) for each in person.code))
    assert person.path == "/"


def test_two_clicks_send_one_message(person: Person) -> None:
    person.open()
    person.page.locator("#id_phone_number").fill(PHONE)
    held = hold(person, "**/login/")
    box = person.page.get_by_role("button", name="Send the code").bounding_box()
    assert box
    with person.page.expect_navigation():
        for _ in range(2):
            person.page.mouse.click(box["x"] + 9, box["y"] + 9, delay=50)
        let_go(person, held)
    assert len(outbox) == 1


def test_two_keys_are_one_guess(person: Person) -> None:
    person.ask()
    held = hold(person, "**/login/code/")
    with person.page.expect_navigation():
        person.page.keyboard.type(wrong(person.code))
        person.page.keyboard.press("Enter")
        let_go(person, held)
    assert person.problems.startswith("This code is not valid.")


@pytest.mark.parametrize("target", ["document.querySelector('.sms-otp form')", "document"])
def test_a_script_of_the_site_may_hold_a_form_back(person: Person, target: str) -> None:
    """As that of a CAPTCHA does it."""
    person.open()
    person.page.locator("#id_phone_number").fill(PHONE)
    person.page.evaluate(f"{target}.addEventListener('submit', {CAPTCHA})")
    person.send()
    assert person.path == "/login/code/"


def test_who_has_stopped_the_page_sends_the_form_again(person: Person) -> None:
    person.page.clock.install()
    person.open()
    person.page.locator("#id_phone_number").fill(PHONE)
    held = hold(person, "**/login/")
    button = person.page.get_by_role("button", name="Send the code")
    button.click(no_wait_after=True)
    while not held:
        person.page.wait_for_timeout(20)
    held.pop().fulfill(status=204)  # The page stays.
    busy = person.page.locator("form[aria-busy]")
    person.page.clock.fast_forward(8_000)
    expect(busy).to_have_count(1)
    person.page.clock.fast_forward(2_000)
    expect(busy).to_have_count(0)
    with person.page.expect_navigation():
        button.click(no_wait_after=True)
        let_go(person, held)
    assert len(outbox) == 1


def test_back_to_a_form_that_was_sent(person: Person) -> None:
    person.ask()
    person.page.go_back()
    person.page.locator("#id_phone_number").fill("+14155552672")
    person.send()
    assert outbox[-1].to == "+14155552672"


@override_sms_otp(CHANNELS={"sms": "default", "voice": "default"})
def test_the_countdown(person: Person) -> None:
    with standing_still(person) as scene:
        person.ask()
        wait = person.page.locator("[data-clock]")
        buttons = person.page.locator("[data-resend] button")
        expect(wait).to_have_text("0:30")
        expect(buttons.nth(0)).to_be_disabled()
        expect(buttons.nth(1)).to_be_disabled()
        scene.wait(seconds=21)
        expect(wait).to_have_text("0:09")
        scene.wait(seconds=9)
        expect(wait).to_be_hidden()
        expect(person.page.get_by_role("status")).to_have_text("You can ask again now.")
        expect(buttons.nth(1)).to_be_enabled()
        person.resend()
        assert len(outbox) == 2
        assert outbox[0].code == outbox[1].code


@override_sms_otp(COOLDOWN=[timedelta(minutes=90)])
def test_hours_are_told_in_words(person: Person) -> None:
    with standing_still(person) as scene:
        person.ask()
        words, clock = (person.page.locator(f"[data-{each}]") for each in ("words", "clock"))
        expect(words).to_have_text("You can ask again in about 2 hours.")
        expect(clock).to_be_hidden()
        scene.wait(minutes=31)
        expect(words).to_be_hidden()
        expect(clock).to_have_text("59:00")


def hold(person: Person, address: str) -> list[Any]:
    """Keep what is posted from the server: a second click comes before its answer."""
    held: list[Any] = []
    person.page.route(
        address,
        lambda route: (
            held.append(route) if route.request.method == "POST" else route.continue_()
        ),
    )
    return held


def let_go(person: Person, held: list[Any]) -> None:
    """Hand on what was posted, which is one form."""
    while not held:
        person.page.wait_for_timeout(20)
    assert len(held) == 1
    held[0].continue_()
