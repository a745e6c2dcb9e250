"""A number has several codes at once: whose is sent again, and of which the page speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_sms_otp import services, testing
from django_sms_otp.models import DeliveryState, OTPCode
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code
from .staff import staff
from .story import Told, ask, hidden, press

RIGHTS = ("view_otpcode", "view_limit", "view_whole_phone_number", "send_otpcode")

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_wait")]


@pytest.fixture
def no_wait() -> Iterator[None]:
    with override_sms_otp(COOLDOWN=[]):
        yield


@pytest.fixture
def clerk() -> Client:
    return staff(*RIGHTS)


def offered(told: Told) -> list[str]:
    """Return the codes that the page lets staff choose from."""
    found = re.search(r'<select name="code".*?</select>', told.shown, re.DOTALL)
    return re.findall(r'<option value="([^"]*)"', found[0]) if found else []


def chosen(told: Told) -> list[str]:
    return re.findall(r'<option value="([\w-]+)" selected', told.shown)


def ask_to_link() -> OTPCode:
    """Somebody who is logged in asks for a code to the person's number."""
    other = User.objects.create_user("other")
    services.request_link_code(other, services.read_phone_number(PHONE))
    return OTPCode.objects.get(purpose="verify_phone")


@override_sms_otp(REQUIRE_REQUEST_ID=True)
def test_the_code_of_the_request_is_sent_and_not_a_newer_one(
    clerk: Client, get_code: Post, auth_code: Post
) -> None:
    mine, newer = (body_of(get_code())["request_id"] for _ in range(2))
    assert mine != newer
    told = ask(clerk, mine)
    assert offered(told) == [newer, mine]
    assert chosen(told) == [mine]
    press(clerk, told, "send", channel="sms", code=chosen(told)[0])
    assert auth_code(request_id=mine, code=last_code()).status_code == 200


def test_the_request_stays_named_after_a_button(clerk: Client, get_code: Post) -> None:
    mine = body_of(get_code())["request_id"]
    told = ask(clerk, mine)
    [url] = re.findall(r'action="([^"]*/send/)"', told.shown)
    sent = {**hidden(told.shown, url), "channel": "sms"}
    assert sent["code"] == mine
    answer = clerk.post(url, sent, follow=True)
    assert mine in answer.redirect_chain[-1][0]


def test_a_code_of_a_logged_in_stranger_is_not_sent_by_default(
    clerk: Client, get_code: Post
) -> None:
    login = body_of(get_code())["request_id"]
    link = ask_to_link()
    told = ask(clerk, PHONE)
    assert offered(told) == ["", str(link.pk), login]
    assert chosen(told) == []
    assert "to verify the number" in told.shown
    [url] = re.findall(r'action="([^"]*/send/)"', told.shown)
    before = len(testing.outbox)
    answer = clerk.post(url, {**hidden(told.shown, url), "channel": "sms", "code": ""})
    assert answer.status_code == 200
    assert len(testing.outbox) == before
    press(clerk, told, "send", channel="sms", code=login)
    assert OTPCode.objects.get(pk=login).send_count == 2
    assert OTPCode.objects.get(pk=link.pk).send_count == 1


def test_the_only_code_is_chosen_if_it_logs_in(clerk: Client, get_code: Post) -> None:
    get_code()
    assert offered(ask(clerk, PHONE)) == []
    OTPCode.objects.all().delete()
    link = ask_to_link()
    assert offered(ask(clerk, PHONE)) == ["", str(link.pk)]
    assert offered(ask(clerk, str(link.pk))) == []


def test_a_redeemed_code_of_another_purpose_hides_no_live_one(
    clerk: Client, get_code: Post
) -> None:
    login = body_of(get_code())["request_id"]
    OTPCode.objects.update(delivery_state=DeliveryState.FAILED, delivery_error="30003")
    link = ask_to_link()
    OTPCode.objects.filter(pk=link.pk).update(redeemed_at=link.created_at)
    told = ask(clerk, PHONE)
    assert told.answer.startswith("Code to log in: The last message did not leave")
    right = "Code to verify the number: At"
    assert right in told.also
    assert ask(clerk, str(link.pk)).answer.startswith(right)
    press(clerk, told, "send", channel="sms")
    assert OTPCode.objects.get(pk=login).send_count == 2


def test_an_old_code_of_another_purpose_is_no_news(clerk: Client, get_code: Post) -> None:
    get_code()
    code = OTPCode.objects.get()
    link = ask_to_link()
    for hours, is_told in ((0.5, True), (2, False)):
        at = link.created_at - timedelta(hours=hours)
        OTPCode.objects.filter(pk=code.pk).update(created_at=at, expires_at=at)
        told = ask(clerk, PHONE)
        assert ("Code to log in: The newest code expired" in told.also) is is_told
        assert told.answer.startswith("Code to verify") is is_told


@override_sms_otp(REQUIRE_REQUEST_ID=True)
def test_the_page_speaks_of_the_request_that_it_was_found_by(
    clerk: Client, get_code: Post
) -> None:
    mine = body_of(get_code())["request_id"]
    OTPCode.objects.update(delivery_state=DeliveryState.FAILED, delivery_error="30003")
    get_code()
    assert ask(clerk, mine).answer.startswith("The last message did not leave")
    assert "gateway took the last message" in ask(clerk, PHONE).answer


def test_only_codes_of_the_number_are_sent(clerk: Client, get_code: Post) -> None:
    get_code()
    other = body_of(get_code(phone_number="+14155552672"))["request_id"]
    told = ask(clerk, PHONE)
    [url] = re.findall(r'action="([^"]*/send/)"', told.shown)
    sent = {**hidden(told.shown, url), "channel": "sms", "code": other}
    page = clerk.post(url, sent, follow=True).content.decode()
    assert "There was nothing to do." in page
    assert OTPCode.objects.get(pk=other).send_count == 1
