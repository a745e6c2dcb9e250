"""What staff may do to limits, and what is kept of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from django_sms_otp import services
from django_sms_otp.admin import limits
from django_sms_otp.exceptions import Contention
from django_sms_otp.limits.failures import Failures, Guesses
from django_sms_otp.limits.messages import Send
from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.rates import parse_rates
from django_sms_otp.limits.refusals import Refusals
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import Limit

from ..conftest import PHONE, Post, last_code, wrong
from ..support.guesses import made_by
from .staff import LIMITS, limit, limit_page, page, row_of, staff

FAILED = NumberState(
    guesses=made_by(strangers=Failures(95, (0,))), known=("tag",), sends=(Send(0, "", "tag"),)
)
USED = SharedCounters(blocked_until=2e9).with_sent(1e9).with_use(parse_rates("5/h"), 1e9)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> Client:
    return staff("view_limit", "unlock_limit")


def act(client: Client, action: str, *keys: str, **fields: str) -> str:
    ticked = {"_selected_action": [str(row_of(key).pk) for key in keys]}
    answer: Any = client.post(LIMITS, {"action": action, **ticked, **fields}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def numbers_state() -> NumberState:
    return NumberState.from_json(row_of(PHONE).state)


def test_a_number_that_was_unlocked_can_be_redeemed_again(
    clerk: Client, get_code: Post, auth_code: Post
) -> None:
    limit(PHONE, NumberState(guesses=made_by(strangers=Failures(100, (0,)))), is_kept=True)
    assert get_code().status_code == 429
    assert "The lockout of 1 phone number was lifted." in act(clerk, "unlock", PHONE)
    assert get_code().status_code == 202
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


def test_unlocking_forgets_the_failures_and_nothing_else(clerk: Client) -> None:
    limit(PHONE, FAILED, is_kept=True)
    limit("+14155552672", FAILED, is_kept=True)
    act(clerk, "unlock", PHONE)
    row = row_of(PHONE)
    assert numbers_state() == FAILED.unlocked()
    assert not row.is_kept
    assert row_of("+14155552672").is_kept


def test_what_a_shared_row_counted_is_forgotten(clerk: Client) -> None:
    before = limit("country:JM", USED)
    assert "The counts of 1 limit were reset." in act(clerk, "forget", "country:JM")
    row = Limit.objects.get()
    assert row.state == {}
    assert row.uses == 0
    assert row.version == before.version + 1


def test_a_country_that_was_blocked_is_sent_to_again(
    clerk: Client, get_code: Post, settings: Any
) -> None:
    settings.SMS_OTP = {"LIMITS": {"country": "4/h"}, "COOLDOWN": []}
    for number in range(4):
        get_code(phone_number=f"+1415555267{number}")
    assert get_code(phone_number="+14155552679").status_code == 429
    act(clerk, "forget", "country:US")
    assert get_code(phone_number="+14155552679").status_code == 202


def test_a_number_gets_its_messages_back_and_keeps_its_failures(
    clerk: Client, get_code: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="django_sms_otp")
    get_code()
    assert get_code().status_code == 429
    Limit.objects.filter(kind="number").update(is_kept=True)
    state = replace(numbers_state(), guesses=FAILED.guesses)
    Limit.objects.filter(kind="number").update(state=state.to_json())
    assert "The message quota of 1 phone number was restored." in act(clerk, "give_back", PHONE)
    assert numbers_state() == state.without_sends()
    refusal = Refusals.from_json(row_of(PHONE).refusals).last
    assert refusal is not None
    assert refusal.control == "cooldown"
    assert refusal.until is not None
    assert refusal.until <= timezone.now().timestamp()
    assert [each.change_message for each in LogEntry.objects.all()] == [
        "Restored the message quota."
    ]
    assert "limit +1********71: Restored the message quota." in caplog.text
    act(clerk, "unlock", PHONE)
    assert get_code().status_code == 202


def test_each_action_leaves_rows_of_the_other_kind_alone(clerk: Client) -> None:
    limit(PHONE, FAILED, is_kept=True)
    limit("site", USED)
    shown = act(clerk, "unlock", "site")
    assert "Only phone numbers have lockouts that can be lifted." in shown
    assert "were lifted" not in shown
    shown = act(clerk, "give_back", "site")
    assert "Only phone numbers have a message quota" in shown
    shown = act(clerk, "forget", PHONE)
    assert "The counts of phone numbers and circuits are not reset" in shown
    assert "limit were reset" not in shown
    assert numbers_state() == FAILED
    assert SharedCounters.from_json(row_of("site").state, uses=row_of("site").uses) == USED


def test_only_what_is_ticked_is_acted_on(clerk: Client) -> None:
    limit(PHONE, FAILED, is_kept=True)
    limit("+14155552672", FAILED, is_kept=True)
    assert 'class="action-counter"' not in page(clerk, LIMITS)
    act(clerk, "unlock", PHONE)
    assert row_of("+14155552672").is_kept


@pytest.mark.parametrize("action", ["unlock", "give_back", "forget"])
def test_actions_need_their_permission(action: str) -> None:
    limit(PHONE, FAILED, is_kept=True)
    limit("site", USED)
    client = staff("view_limit", "change_limit", "view_whole_phone_number")
    assert f'value="{action}"' not in page(client, LIMITS)
    act(client, action, PHONE, "site")
    assert numbers_state() == FAILED
    assert SharedCounters.from_json(row_of("site").state, uses=row_of("site").uses) == USED
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("action", ["unlock", "forget"])
def test_actions_are_offered_to_those_who_may(action: str, clerk: Client) -> None:
    limit(PHONE)
    assert f'value="{action}"' in page(clerk, LIMITS)


def test_who_did_it_is_kept_without_the_number(
    clerk: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="django_sms_otp")
    limit(PHONE, FAILED, is_kept=True)
    limit("country:JM", USED)
    act(clerk, "unlock", PHONE)
    act(clerk, "forget", "country:JM")
    user = User.objects.get()
    records = [each for each in caplog.records if each.name == "django_sms_otp"]
    assert PHONE[1:] not in repr([vars(each) for each in records])
    assert [each.getMessage() for each in records] == [
        f"User {user.pk}, limit +1********71: Lifted the lockout.",
        f"User {user.pk}, limit country:JM: Reset the counts.",
    ]
    entries = list(LogEntry.objects.order_by("pk").values())
    assert [each["object_repr"] for each in entries] == ["+1********71", "country:JM"]
    assert {(each["user_id"], each["action_flag"]) for each in entries} == {(user.pk, CHANGE)}
    assert PHONE[1:] not in repr(entries)


def test_the_history_of_a_row_says_who_did_what(clerk: Client) -> None:
    limit(PHONE, FAILED, is_kept=True)
    act(clerk, "unlock", PHONE)
    shown = page(clerk, limit_page(row_of(PHONE), "history"))
    assert "clerk" in shown
    assert "Lifted the lockout." in shown


def test_what_changed_nothing_is_not_kept(clerk: Client) -> None:
    limit(PHONE, NumberState(known=("tag",)))
    limit("site")
    act(clerk, "unlock", PHONE)
    act(clerk, "forget", "site")
    assert not LogEntry.objects.exists()


def test_a_row_in_use_is_named_and_the_others_are_changed(
    clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(PHONE, FAILED, is_kept=True)
    limit("+14155552672", FAILED, is_kept=True)

    def unlock(number: str, *, by: str) -> bool:
        if number == PHONE:
            raise Contention("busy")
        return services.unlock_number(number, by=by)

    monkeypatch.setattr(limits, "unlock_number", unlock)
    shown = act(clerk, "unlock", PHONE, "+14155552672")
    assert "+1********71 is in use right now. Please try again." in shown
    assert "The lockout of 1 phone number was lifted." in shown


@pytest.mark.parametrize(("action", "key"), [("unlock", PHONE), ("forget", "site")])
def test_actions_commit_by_themselves_under_atomic_requests(
    action: str, key: str, clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(key, FAILED if action == "unlock" else USED, is_kept=True)
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    act(clerk, action, key)
    assert not Limit.objects.get().is_kept


def test_a_numbers_row_is_never_forgotten() -> None:
    limit(PHONE, FAILED, is_kept=True)
    with pytest.raises(ValueError, match="unlock_number"):
        services.forget_limit(PHONE)
    assert Limit.objects.get().is_kept


def test_wrong_guesses_count_anew_after_unlocking(
    clerk: Client, get_code: Post, auth_code: Post
) -> None:
    get_code()
    for _ in range(5):
        auth_code(phone_number=PHONE, code=wrong(last_code()))
    act(clerk, "unlock", PHONE)
    assert numbers_state().guesses == replace(Guesses(), codes=numbers_state().guesses.codes)
