"""Number, code, session: the whole login without JavaScript, and what each refusal says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model, user_logged_in, user_login_failed
from django.test import Client, override_settings

from django_sms_otp.controls.hooks import Challenge, NumberRisk, NumberUse, Risk, SendAttempt
from django_sms_otp.models import OTPCode, VerifiedPhone
from django_sms_otp.testing import outbox, override_sms_otp
from tests.api.test_api import NOW
from tests.conftest import PHONE, last_code, wrong

from .browser import Browser, Page

pytestmark = pytest.mark.django_db

three_channels = override_sms_otp(
    CHANNELS={"sms": "default", "whatsapp": "default", "voice": "default"}
)


class OnlyThePassword(Challenge):
    def passes(self, attempt: SendAttempt) -> bool:
        return attempt.response == "I am human"


class Swapped(NumberRisk):
    def assess(self, use: NumberUse) -> Risk:
        return Risk.ASK_FOR_MORE


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    signals: list[Any] = []

    def receive(sender: Any, signal: Any, **kwargs: Any) -> None:
        signals.append((signal, kwargs.get("credentials")))

    for signal in (user_logged_in, user_login_failed):
        signal.connect(receive)
    yield signals
    for signal in (user_logged_in, user_login_failed):
        signal.disconnect(receive)


# The way -------------------------------------------------------------------------------------


def test_number_code_session(browser: Browser, heard: list[Any]) -> None:
    page = browser.ask("(415) 555-2671", region="US")
    assert browser.address == "/login/code/"
    assert "+1 415-555-2671" in page.text
    assert outbox[-1].to == PHONE
    browser.enter(last_code())
    assert browser.answer.status_code == 302
    assert browser.answer["Location"] == django_settings.LOGIN_REDIRECT_URL
    assert browser.is_logged_in
    phone = VerifiedPhone.objects.get()
    assert browser.client.session["_auth_user_id"] == str(phone.user_id)
    assert [signal for signal, _ in heard] == [user_logged_in]


@pytest.mark.parametrize(
    ("typed", "region", "wanted"),
    [
        ("+49 1512 3456789", "US", "+4915123456789"),  # A code that was typed wins.
        ("0049 1512 3456789", "DE", "+4915123456789"),
        ("01512 3456789", "DE", "+4915123456789"),
        ("tel:+4915123456789", "", "+4915123456789"),
        ("\u202a+49 (0) 1512-3456789\u202c", "", "+4915123456789"),
        ("\uff10\uff11\uff15\uff11\uff12 3456789", "DE", "+4915123456789"),
    ],
)
def test_any_way_of_writing_a_number(
    browser: Browser, typed: str, region: str, wanted: str
) -> None:
    browser.ask(typed, region=region)
    assert outbox[-1].to == wanted


def test_a_code_may_be_typed_with_spaces(browser: Browser) -> None:
    browser.ask()
    code = last_code()
    browser.enter(f" {code[:3]} {code[3:]} ")
    assert browser.is_logged_in


@override_sms_otp(ORIGIN="example.com")
def test_a_whole_message_may_be_pasted(browser: Browser) -> None:
    """Its last line, which is for WebOTP, holds the code once more."""
    browser.ask()
    text = outbox[-1].body
    assert text.count(last_code()) == 2
    browser.enter(text)
    assert browser.is_logged_in


def test_a_message_with_two_codes_is_a_wrong_guess(browser: Browser) -> None:
    browser.ask()
    page = browser.enter(f"{wrong(last_code())} {last_code()}")
    assert page.problems.startswith("This code is not valid.")


def test_nothing_is_in_an_address(browser: Browser) -> None:
    seen = []
    browser.ask(at="/login/?next=/shop/")
    seen.append(browser.address)
    code, request_id = last_code(), str(OTPCode.objects.get().pk)
    browser.resend()
    seen.append(browser.address)
    assert seen == ["/login/code/?next=%2Fshop%2F"] * 2
    assert code not in browser.page.html
    assert request_id not in browser.page.html


def test_a_wrong_code_keeps_the_page(browser: Browser, heard: list[Any]) -> None:
    browser.ask()
    page = browser.enter(wrong(last_code()))
    assert browser.answer.status_code == 200
    assert page.problems == "This code is not valid. Check it, or ask for a new one."
    field = page.field("code")
    assert field["aria-invalid"] == "true"
    assert field["aria-describedby"].split() == [
        "sms-otp-problems",
        "id_code_lead",
        "id_code_hint",
    ]
    assert "autofocus" in field
    assert "value" not in field
    assert page.html.count("<title>Error: ") == 1
    [(signal, credentials)] = heard
    assert signal is user_login_failed
    assert set(credentials.values()) == {"********************", "+1********71"}
    browser.enter(last_code())
    assert browser.is_logged_in


def test_nothing_is_no_guess(browser: Browser) -> None:
    browser.ask()
    assert browser.enter("  ").problems == "Enter the code."
    assert browser.submit("/login/code/", code="").problems == "Enter the code."


def test_without_a_code_there_is_no_code_page(browser: Browser) -> None:
    browser.open("/login/code/?next=/shop/")
    assert browser.address == "/login/?next=%2Fshop%2F"
    browser.open("/login/resend/")
    assert browser.address == "/login/"


# Once more -----------------------------------------------------------------------------------


def test_a_resend_too_early_says_the_wait(
    browser: Browser, clock: time_machine.Traveller
) -> None:
    page = browser.ask()
    assert "You can ask again in 30 seconds." in page.text
    [wait] = [each["data-wait"] for each in page.all("p") if "data-wait" in each]
    assert wait == "30"
    clock.shift(10)
    page = browser.resend()
    assert page.problems == "A code was sent a moment ago. You can ask again in 20 seconds."
    assert len(outbox) == 1
    assert not browser.open("/login/code/").problems


def test_a_resend_sends_the_code_again(browser: Browser, clock: time_machine.Traveller) -> None:
    browser.ask()
    clock.shift(31)
    page = browser.resend()
    assert "The code is on its way to you by SMS." in page.text
    assert not page.problems
    assert outbox[0].code == outbox[1].code
    browser.enter(last_code())
    assert browser.is_logged_in


@three_channels
@pytest.mark.parametrize("channel", ["sms", "whatsapp", "voice"])
def test_other_channels(browser: Browser, clock: time_machine.Traveller, channel: str) -> None:
    page = browser.ask()
    offered = [each["value"] for each in page.all("button") if each.get("name") == "channel"]
    assert offered == ["sms", "whatsapp", "voice"]
    clock.shift(31)
    browser.resend(channel=channel)
    assert outbox[-1].channel == channel


def test_a_channel_that_the_site_has_not(
    browser: Browser, clock: time_machine.Traveller
) -> None:
    browser.ask()
    clock.shift(31)
    browser.resend(channel="voice")
    assert len(outbox) == 1


def test_another_number(browser: Browser) -> None:
    browser.ask()
    page = browser.open("/login/")
    assert page.field("phone_number")["value"] == "+1 415-555-2671"
    browser.submit(phone_number="+14155552672")
    assert outbox[-1].to == "+14155552672"
    browser.enter(last_code())
    assert browser.is_logged_in


def test_the_same_number_again_leads_to_the_code_that_is_on_its_way(browser: Browser) -> None:
    browser.ask()
    page = browser.ask()
    assert browser.address == "/login/code/"
    assert page.problems.startswith("A code was sent a moment ago.")
    browser.enter(last_code())
    assert browser.is_logged_in


def test_an_expired_code(browser: Browser, clock: time_machine.Traveller) -> None:
    browser.ask()
    clock.shift(timedelta(minutes=11))
    expired = "This code has expired. Ask for a new one."
    assert browser.enter(last_code()).problems == expired
    assert browser.open("/login/code/").problems == expired
    browser.resend()
    browser.enter(last_code())
    assert browser.is_logged_in


# Over ----------------------------------------------------------------------------------------


@override_sms_otp(MAX_ATTEMPTS=1)
@pytest.mark.parametrize("why", ["expired", "spent"])
def test_a_code_that_is_over_makes_way_for_a_new_one(
    browser: Browser, clock: time_machine.Traveller, why: str
) -> None:
    with_field = browser.ask()
    if why == "expired":
        clock.shift(timedelta(minutes=11))
        page, said = browser.open("/login/code/"), "This code has expired. Ask for a new one."
    else:
        clock.shift(10)
        browser.enter(wrong(last_code()))
        page = browser.enter(wrong(last_code()))
        said = "Too many wrong codes. You can ask again in 30 seconds."
    # A reload, and a page that was opened before.
    for seen in (page, browser.open("/login/code/"), stale(browser, with_field)):
        assert seen.problems == said
        is_over(seen)
    clock.shift(31)
    page = browser.resend()
    assert "The code is on its way to you by SMS." in page.text
    assert outbox[-1].code != outbox[0].code
    assert page.field("code")
    browser.enter(last_code())
    assert browser.is_logged_in


def stale(browser: Browser, with_field: Page) -> Page:
    """Post nothing from a page that was opened while the code could be entered."""
    browser.page = with_field
    return browser.enter("")


def is_over(page: Page, *, then: str = "Send a new code by SMS") -> None:
    """Assert that a page offers a new code, and nothing else before it."""
    assert "code" not in [each.get("name") for each in page.all("input")]
    assert "The code is valid for" not in page.text
    assert "Ask for a new code" in page.text
    first = page.all("button")[0]
    assert (first["name"], first.get("class")) == ("channel", None)
    assert page.html.index(then) < page.html.index("<details")


@three_channels
def test_of_a_code_that_is_over_one_channel_is_the_main_one(
    browser: Browser, clock: time_machine.Traveller
) -> None:
    classes = [each.get("class") for each in browser.ask().all("button")]
    assert classes == [None, *["sms-otp-other"] * 3]
    clock.shift(timedelta(minutes=11))
    page = browser.open("/login/code/")
    assert [each.get("class") for each in page.all("button")] == [None, *["sms-otp-other"] * 2]
    assert "Call me and read out a new code" in page.text


@override_sms_otp(LIMITS={"failures": "2/m"})
def test_a_wait_does_not_end_a_code(browser: Browser, clock: time_machine.Traveller) -> None:
    browser.ask()
    for _ in range(3):
        page = browser.enter(wrong(last_code()))
    assert page.problems == "Too many wrong codes. You can ask again in 60 seconds."
    assert page.field("code")["aria-invalid"] == "true"
    clock.shift(61)
    browser.enter(last_code())
    assert browser.is_logged_in


# Refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter your phone number."),
        ("12", "This is not a phone number."),
        ("+449012345678", "This kind of phone number cannot receive our SMS."),
        ("+881612345678", "We do not send SMS to phone numbers of this country"),
    ],
)
def test_a_number_that_gets_no_code(browser: Browser, typed: str, said: str) -> None:
    page = browser.ask(typed)
    assert (browser.address, browser.answer.status_code) == ("/login/", 200)
    assert page.problems.startswith(said)
    field = page.field("phone_number")
    assert field["value"] == typed
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "sms-otp-problems")
    assert "autofocus" in field
    assert not outbox


def test_cooldown(browser: Browser) -> None:
    browser.ask()
    other = Browser()
    page = other.ask()
    assert (other.address, other.answer.status_code) == ("/login/", 429)
    assert 1 <= int(other.answer["Retry-After"]) <= 30
    assert "You can ask again in" in page.problems
    assert page.field("phone_number")["value"] == PHONE


@override_sms_otp(LIMITS={"phone": "1/h"})
def test_quota(browser: Browser, clock: time_machine.Traveller) -> None:
    browser.ask()
    clock.shift(timedelta(minutes=5))
    page = browser.resend()
    assert page.problems == "Too many codes were asked for. You can ask again in 55 minutes."


@override_sms_otp(MAX_ATTEMPTS=2)
def test_lockout(browser: Browser, clock: time_machine.Traveller) -> None:
    with_field = browser.ask()
    for _ in range(3):
        page = browser.enter(wrong(last_code()))
    assert browser.answer.status_code == 429
    assert page.problems == "Too many wrong codes. You can ask again in 30 seconds."
    assert [each["data-wait"] for each in page.all("p") if "data-wait" in each] == ["30"]
    browser.page = with_field
    browser.enter(last_code())
    assert not browser.is_logged_in


@override_sms_otp(MAX_ATTEMPTS=2)
def test_a_code_that_comes_again_for_another_asker_is_over_all_the_same(
    browser: Browser, clock: time_machine.Traveller
) -> None:
    browser.ask()
    clock.shift(timedelta(minutes=1))
    other = Client(REMOTE_ADDR="203.0.113.9")
    assert other.post("/auth/sms/get-code/", {"phone_number": PHONE}).status_code == 202
    for _ in range(3):
        browser.enter(wrong(last_code()))
    clock.shift(timedelta(minutes=5))
    page = browser.resend()
    assert len({message.code for message in outbox}) == 1
    assert not [each for each in page.all("input") if each.get("name") == "code"]


@override_settings(
    SMS_OTP_BACKENDS={"default": {"BACKEND": "tests.support.broken.SilentBackend"}}
)
def test_delivery_failed(browser: Browser) -> None:
    page = browser.ask()
    assert browser.answer.status_code == 503
    assert page.problems.startswith("The SMS could not be sent. You can ask again in")
    [box] = [each for each in page.all("div") if each.get("id") == "sms-otp-problems"]
    assert "autofocus" in box


@override_settings(
    SMS_OTP_BACKENDS={"default": {"BACKEND": "tests.support.broken.TimedOutBackend"}}
)
def test_a_message_that_may_have_arrived(browser: Browser) -> None:
    page = browser.ask()
    assert browser.address == "/login/code/"
    assert page.problems.startswith("The SMS could not be sent. You can ask again in")


@override_sms_otp(ALLOWED_REGIONS=["DE", "AT"])
def test_region_not_supported(browser: Browser) -> None:
    assert browser.ask().problems.startswith("We do not send SMS to phone numbers of this")


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_unknown_number(browser: Browser) -> None:
    page = browser.ask()
    assert page.problems == "There is no account with this phone number."
    assert page.field("phone_number")["aria-invalid"] == "true"


@override_sms_otp(NUMBER_RISK=f"{__name__}.Swapped")
def test_reverification_needed(browser: Browser) -> None:
    user = get_user_model().objects.create_user("ada")
    VerifiedPhone.objects.create(user=user, phone_number=PHONE, verified_at=NOW)
    browser.ask()
    assert browser.enter(last_code()).problems.startswith("Please log in in another way")
    assert not browser.is_logged_in


def test_no_active_account(browser: Browser) -> None:
    user = get_user_model().objects.create_user("ada", is_active=False)
    VerifiedPhone.objects.create(user=user, phone_number=PHONE, verified_at=NOW)
    browser.ask()
    said = "This account cannot be logged in to by SMS."
    assert browser.enter(last_code()).problems == said


@override_sms_otp(CHALLENGE=f"{__name__}.OnlyThePassword")
@pytest.mark.parametrize("field", ["challenge", "cf-turnstile-response"])
def test_challenge(browser: Browser, field: str) -> None:
    page = browser.ask()
    assert browser.answer.status_code == 403
    assert page.problems == "Please prove that you are human, and try again."
    browser.ask(**{field: "I am human"})
    assert browser.address == "/login/code/"


@override_sms_otp(UNKNOWN_NUMBERS="ignore")
def test_a_number_without_an_account_gets_the_same_pages(browser: Browser) -> None:
    page = browser.ask()
    assert browser.address == "/login/code/"
    assert not page.problems
    assert not outbox
