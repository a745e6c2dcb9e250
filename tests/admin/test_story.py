"""The page of a person's story: how it is found, who may see it, and what it costs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_sms_otp.limits.journal import Journal, WrongGuess
from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.refusals import Refusal, Refusals
from django_sms_otp.models import Limit, OTPCode

from ..conftest import PHONE, Post, body_of, last_code
from ..support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory
from .staff import limit, page, row_of, staff
from .story import FIND, ask, read

MASKED = "+1********71"
WHOLE = "view_whole_phone_number"
VIEWS = ("view_otpcode", "view_limit")

pytestmark = pytest.mark.django_db


def address(row: Any, kind: str) -> str:
    return f"{FIND}{kind}/{row.pk}/"


@pytest.mark.parametrize(
    "written", ["+1 415-555-2671", "14155552671", "\u20684155552671\u2069"]
)
def test_a_number_is_found_however_it_is_written(written: str, settings: Any) -> None:
    settings.SMS_OTP = {**settings.SMS_OTP, "DEFAULT_REGION": "US"}
    limit(PHONE)
    told = ask(staff(*VIEWS, WHOLE), written)
    assert f"<h1>Story of {PHONE}</h1>" in told.shown
    assert "2671" not in told.url


@pytest.mark.parametrize("who", ["ada", "ada@example.com", "ADA@example.com", "pk"])
def test_a_user_is_found_by_name_mail_and_id(who: str) -> None:
    user = UserFactory.create(username="ada", email="ada@example.com")
    VerifiedPhoneFactory.create(user=user, phone_number=PHONE)
    who = str(user.pk) if who == "pk" else who
    assert f"<h1>Story of {MASKED}</h1>" in ask(staff(*VIEWS, "view_user"), who).shown
    assert "There is no such request." in ask(staff(*VIEWS, name="other"), who).shown


def test_users_of_one_mail_are_listed() -> None:
    for name in ("ada", "bob"):
        UserFactory.create(username=name, email="both@example.com")
    shown = ask(staff(*VIEWS, "view_user"), "both@example.com").shown
    assert len(re.findall(rf'<li><a href="{FIND}user/\d+/">(?:ada|bob)</a></li>', shown)) == 2


def test_a_user_without_a_number_is_said_to_have_none() -> None:
    UserFactory.create(username="ada")
    assert "This user has no phone number." in ask(staff(*VIEWS, "view_user"), "ada").shown


def test_a_request_is_found_by_its_id_or_the_part_in_the_log(get_code: Post) -> None:
    clerk, request_id = staff(*VIEWS), body_of(get_code())["request_id"]
    for who in (request_id, request_id[:8], request_id[:8].upper()):
        assert f"<h1>Story of {MASKED}</h1>" in ask(clerk, who).shown
    assert "There is no such request." in ask(clerk, "abcdef01").shown


@pytest.mark.parametrize("kind", ["limit", "code", "phone"])
def test_each_row_of_a_number_leads_to_its_story(kind: str) -> None:
    code = OTPCodeFactory.create(phone_number=PHONE)
    rows = {
        "limit": row_of(PHONE),
        "code": code,
        "phone": VerifiedPhoneFactory.create(phone_number=PHONE),
    }
    clerk = staff(*VIEWS, "view_verifiedphone")
    lists = {"limit": "limit", "code": "otpcode", "phone": "verifiedphone"}
    for url in ("", f"{rows[kind].pk}/change/"):
        shown = page(clerk, f"/admin/django_sms_otp/{lists[kind]}/{url}")
        assert f'href="{address(rows[kind], kind)}"' in shown
    assert f"<h1>Story of {MASKED}</h1>" in read(clerk, address(rows[kind], kind)).shown


def test_who_may_not_see_numbers_completes_none_by_trying() -> None:
    """Not even that of a user who is named by it."""
    limit(PHONE)
    user = UserFactory.create(username=PHONE)
    VerifiedPhoneFactory.create(user=user, phone_number=PHONE)
    clerk = staff(*VIEWS, "view_user")
    for who in (PHONE, PHONE[1:], "+14155552672"):
        told = ask(clerk, who)
        assert "Only staff who may see whole phone numbers can search for them." in told.shown
        assert told.url == ""
    assert PHONE[1:] not in read(clerk, address(user, "user")).shown


def test_a_long_id_of_a_user_is_no_number_to_those_who_may_not_see_numbers() -> None:
    """Nor does a name of digits, which may be a number, find its user."""
    clerk, other = staff(*VIEWS, "view_user"), staff(*VIEWS, name="other")
    user = UserFactory.create(pk=1234567, username="7654321")
    VerifiedPhoneFactory.create(user=user, phone_number=PHONE)
    refusal = "Only staff who may see whole phone numbers can search for them."
    assert f"<h1>Story of {MASKED}</h1>" in ask(clerk, "1234567").shown
    for who in ("7654321", "9" * 15):
        assert refusal in ask(clerk, who).shown
    assert refusal in ask(other, "1234567").shown


@pytest.mark.parametrize("permissions", [("view_otpcode",), ("view_limit",), (WHOLE,)])
def test_a_story_needs_both_permissions(permissions: tuple[str, ...]) -> None:
    row, clerk = limit(PHONE), staff(*permissions)
    assert clerk.get(FIND).status_code == 403
    assert clerk.post(FIND, {"who": PHONE}).status_code == 403
    assert clerk.get(address(row, "limit")).status_code == 403
    assert "sms-otp-who" not in clerk.get("/admin/django_sms_otp/").content.decode()


def test_the_index_of_the_app_offers_the_search() -> None:
    assert f'action="{FIND}"' in page(staff(*VIEWS), "/admin/django_sms_otp/")


@pytest.mark.parametrize("url", ["limit/1/", "limit/x/", "code/x/", "user/9/", "other/1/"])
def test_there_is_no_story_of_what_is_not_there(url: str) -> None:
    limit("site")
    assert staff(*VIEWS, "view_user").get(f"{FIND}{url}").status_code == 404


def test_a_row_that_many_numbers_share_has_no_story() -> None:
    assert staff(*VIEWS).get(address(limit("site"), "limit")).status_code == 404


def long_history(count: int) -> None:
    now = timezone.now()
    journal = Journal()
    for number in range(count):
        at = now - timedelta(minutes=number)
        code = OTPCodeFactory.create(phone_number=PHONE, created_at=at)
        journal = journal.with_one(WrongGuess.of(at, code.short_id, "strangers"))
    refusals = Refusals()
    for number in range(count):
        refusals = refusals.with_one(Refusal("phone", number * 9, number)) or refusals
    state = replace(NumberState(), journal=journal).to_json()
    Limit.objects.update(state=state, refusals=refusals.to_json())


def test_a_long_history_costs_no_more_statements() -> None:
    clerk = staff(*VIEWS)
    long_history(1)
    url = address(row_of(PHONE), "limit")
    read(clerk, url)
    with CaptureQueriesContext(connection) as short:
        read(clerk, url)
    long_history(120)
    with CaptureQueriesContext(connection) as long:
        told = read(clerk, url)
    assert len(long) == len(short)
    assert len(short) <= 14
    assert "Older events are left out." in told.shown
    assert 100 <= len(told.events) <= 200


def test_the_story_holds_no_code(get_code: Post, auth_code: Post) -> None:
    get_code()
    code = OTPCode.objects.get()
    auth_code(phone_number=PHONE, code="000000")
    told = ask(staff(*VIEWS, WHOLE), str(code.pk))
    assert last_code() not in told.shown.replace(PHONE, "")
    assert code.seed not in told.shown


def test_the_next_caller_is_asked_for_on_the_page_itself() -> None:
    limit(PHONE)
    shown = ask(staff(*VIEWS, WHOLE), PHONE).shown
    assert f'action="{FIND}"' in shown
    assert 'aria-describedby="sms-otp-who-help"' not in shown


def test_times_are_written_in_one_way() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    limit(PHONE)
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=at, last_used_at=at)
    with timezone.override(UTC):
        shown = ask(staff(*VIEWS, WHOLE), PHONE).shown
    for label in ("Verified on", "Last used"):
        assert f'<th scope="row">{label}</th><td>March 1, 2026, noon</td>' in shown


def test_the_events_stand_in_order(get_code: Post, auth_code: Post) -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=5), tick=False) as clock:
        get_code()
        for step in (
            lambda: auth_code(phone_number=PHONE, code="000000"),
            get_code,
            lambda: auth_code(phone_number=PHONE, code=last_code()),
        ):
            clock.shift(2)
            step()
    told = ask(staff(*VIEWS, WHOLE), PHONE)
    assert [event.split(" ", 1)[0] + " " + event.split(" ")[1] for event in told.events] == [
        *("Asked for", "SMS through", "A wrong", "A request"),
        *("The right", "The number"),
    ]
    user = User.objects.exclude(username="clerk").get()
    assert f"It logs in to the account of {user.pk}." in told.events[-2]


def test_a_code_that_was_sent_again_keeps_the_fate_of_its_first_message(
    get_code: Post, settings: Any
) -> None:
    settings.SMS_OTP = {**settings.SMS_OTP, "COOLDOWN": []}
    get_code()
    OTPCode.objects.update(delivery_state="undelivered", delivery_error="30003")
    get_code()
    told = ask(staff(*VIEWS, WHOLE), PHONE)
    messages = [event for event in told.events if event.startswith("SMS through")]
    assert "it did not arrive. The gateway “default” gave the error 30003" in messages[0]
    assert "No receipt has come." in messages[1]


def test_a_gateways_code_that_was_right_is_no_wrong_guess() -> None:
    now = timezone.now()
    journal = Journal()
    for code in ("one", "two", "one"):
        journal = journal.with_one(WrongGuess.of(now, code, "id:one"))
    left = journal.without_guess("one")
    assert [each.code for each in left.events()] == ["one", "two"]
    assert {getattr(each, "whose", "") for each in left.events()} == {"askers"}


def test_styles_and_scripts_stand_in_files(get_code: Post) -> None:
    get_code()
    shown = ask(staff(*VIEWS, WHOLE), PHONE).shown
    assert "style=" not in shown
    assert "<style" not in shown
    assert re.findall(r"<script(?![^>]*src=)", shown) == []
    levels = [int(level) for level in re.findall(r"<h(\d)", shown.partition("<main")[2])]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_nobody_else_gets_in() -> None:
    assert Client().get(FIND).status_code == 302
