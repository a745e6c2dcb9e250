"""What may be done on a person's story, by whom, and what is kept of it."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.test import Client, override_settings
from django.utils import timezone

from django_sms_otp import services, testing
from django_sms_otp.admin.story import actions
from django_sms_otp.admin.story.actions import ACTIONS
from django_sms_otp.backends import BaseSMSBackend, SendResult, SMSMessage
from django_sms_otp.controls.hooks import NumberLookup, SendAttempt, Verdict
from django_sms_otp.exceptions import (
    Contention,
    DeliveryBlocked,
    DeliveryError,
    DeliveryUnknown,
    NotDelivered,
)
from django_sms_otp.limits.failures import Failures
from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, last_code
from ..support.factories import OTPCodeFactory, VerifiedPhoneFactory
from ..support.guesses import made_by
from .staff import limit, row_of, staff
from .story import FIND, ask, hidden, read

VIEWS = ("view_otpcode", "view_limit")
PERMISSIONS = {action.permission for action in ACTIONS.values()}

pytestmark = pytest.mark.django_db


def address(end: str = "") -> str:
    return f"{FIND}limit/{row_of(PHONE).pk}/{end}"


def act(clerk: Client, name: str, **fields: str) -> str:
    """Press a button. Return the page that comes."""
    url = address(f"{name}/")
    sent = hidden(clerk.get(url).content.decode())
    answer: Any = clerk.post(url, {**sent, **fields}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def kept() -> list[str]:
    return [each.change_message for each in LogEntry.objects.order_by("pk")]


def in_trouble() -> None:
    """A number about which every action can do something."""
    at = timezone.now() - timedelta(minutes=1)  # The cooldown is over.
    code = OTPCodeFactory.create(phone_number=PHONE, created_at=at)
    now = timezone.now().timestamp()
    state = NumberState(guesses=made_by(somebody=Failures(5, (now,))))
    send = [code.created_at.timestamp(), code.short_id, "", ""]
    rule = ["allowed", 0.0, None]
    Limit.objects.update(state={**state.to_json(), "sends": [send], "rule": rule}, is_kept=True)
    VerifiedPhoneFactory.create(phone_number=PHONE)


@pytest.mark.parametrize("name", [*ACTIONS])
def test_each_action_needs_its_permission_and_leaves_a_trace(name: str) -> None:
    in_trouble()
    if name == "allow":
        services.lift_rule(PHONE)
    permission = ACTIONS[name].permission
    others = staff(*VIEWS, *(PERMISSIONS - {permission}), name="other")
    url = address(f"{name}/")
    assert url not in read(others, address()).shown
    assert others.post(url).status_code == 403
    assert others.get(url).status_code == 403
    clerk = staff(*VIEWS, permission)
    assert url in read(clerk, address()).shown
    assert "messagelist" in act(clerk, name, channel="sms", hours="24")
    assert kept() == [ACTIONS[name].log_text]
    # Fewer digits may be the microseconds of a time.
    assert PHONE[-7:] not in repr(LogEntry.objects.values())


def test_an_action_needs_the_permission_to_see_the_story() -> None:
    in_trouble()
    assert staff("unlock_limit").post(address("unlock/")).status_code == 403


@pytest.mark.parametrize("name", ["invalidate", "block", "allow", "erase"])
def test_what_cannot_be_undone_is_asked_first(name: str) -> None:
    in_trouble()
    services.lift_rule(PHONE)
    clerk = staff(*VIEWS, *PERMISSIONS)
    url = address(f"{name}/")
    assert f'<a class="sms-otp-quiet" href="{url}">' in read(clerk, address()).shown
    asked = clerk.get(url).content.decode()
    assert str(ACTIONS[name].help) in asked
    assert "+1********71" in asked
    assert PHONE not in asked
    assert kept() == []
    assert OTPCode.objects.get().superseded_at is None


def test_one_button_stands_out_and_what_asks_first_stands_aside(get_code: Post) -> None:
    get_code()
    clerk = staff(*VIEWS, *PERMISSIONS)
    shown = read(clerk, address()).shown
    at_once, _details, more = shown.partition("<details>")
    assert 'class="default" value="Send the code again"' in at_once
    assert 'class="sms-otp-quiet" value="Restore the message quota"' in at_once
    asks_first = [name for name in ACTIONS if f'/{name}/">' in more.partition("</details>")[0]]
    assert asks_first == ["invalidate", "allow", "block", "erase"]
    assert more.count('<li class="sms-otp-dangerous">') == 2
    # Where nothing else is offered, it is open.
    others = staff(*VIEWS, "block_number", name="other")
    assert "<details open>" in read(others, address()).shown


@pytest.mark.parametrize("number", [1, 2])
def test_a_site_with_one_channel_offers_no_choice(get_code: Post, number: int) -> None:
    channels = dict.fromkeys(("sms", "voice")[:number], "default")
    with override_sms_otp(COOLDOWN=[], CHANNELS=channels):
        get_code()
        clerk = staff(*VIEWS, "send_otpcode")
        shown = read(clerk, address()).shown
        assert ("Channel" in shown) is ("<select" in shown) is (number == 2)
        sent = {
            **hidden(shown, address("send/")),
            **({"channel": "voice"} if number == 2 else {}),
        }
        answer: Any = clerk.post(address("send/"), sent, follow=True)
    assert "The code is on its way." in answer.content.decode()
    assert testing.outbox[-1].channel == [*channels][-1]


def test_a_decision_holds_for_a_day_unless_staff_choose_another_time() -> None:
    limit(PHONE)
    asked = staff(*VIEWS, "block_number").get(address("block/")).content.decode()
    assert '<option value="24" selected>for a day</option>' in asked


@override_sms_otp(COOLDOWN=[], CHANNELS={"sms": "default", "voice": "default"})
def test_a_code_is_sent_by_a_call(get_code: Post, auth_code: Post) -> None:
    get_code()
    shown = act(staff(*VIEWS, "send_otpcode"), "send", channel="voice")
    assert "The code is on its way." in shown
    assert testing.outbox[-1].channel == "voice"
    assert last_code() not in shown
    assert LogEntry.objects.get().object_id == str(OTPCode.objects.get().pk)
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200


def test_what_a_limit_refuses_is_said_in_words(get_code: Post) -> None:
    get_code()
    shown = act(staff(*VIEWS, "send_otpcode"), "send", channel="sms")
    assert "Not sent. A code was sent a moment ago." in shown
    assert kept() == []


class Failing(BaseSMSBackend):
    error: DeliveryError

    def send(self, message: SMSMessage) -> SendResult:
        raise self.error


@pytest.mark.parametrize(
    ("error", "text", "log"),
    [
        (DeliveryBlocked("Fraud.", error_code="30450"), "Not sent. ", []),
        (NotDelivered("Down."), "Not sent. The SMS could not be sent.", []),
        (
            DeliveryUnknown("Silence."),
            "The gateway gave no answer: nobody knows whether it left.",
            ["Sent the code again."],
        ),
    ],
)
@override_sms_otp(COOLDOWN=[])
def test_what_did_not_leave_is_no_success(
    get_code: Post, error: DeliveryError, text: str, log: list[str]
) -> None:
    get_code()
    Failing.error = error
    with override_settings(SMS_OTP_BACKENDS={"default": {"BACKEND": f"{__name__}.Failing"}}):
        shown = act(staff(*VIEWS, "send_otpcode"), "send", channel="sms")
    assert '<li class="warning">' + text in shown
    assert 'class="success"' not in shown
    assert kept() == log


@override_sms_otp(COOLDOWN=[])
def test_a_message_that_is_withheld_is_no_success(get_code: Post) -> None:
    get_code()
    limit("prefix:+1415555", SharedCounters(blocked_until=time.time() + 99))
    with override_sms_otp(CONVERSION_BREAKER={}):
        shown = act(staff(*VIEWS, "send_otpcode"), "send", channel="sms")
    assert '<li class="warning">Not sent. Why: too few codes' in shown
    assert kept() == []


class Silent(NumberLookup):
    def look_up(self, attempt: SendAttempt) -> Verdict:
        raise OSError("no answer")


DEAD_CACHE = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "dead": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:9/1",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    },
}


@pytest.mark.parametrize(
    "fault", [{"NUMBER_LOOKUP": f"{__name__}.Silent"}, {"LIMITS_CACHE": "dead"}]
)
@override_settings(CACHES=DEAD_CACHE)
def test_what_a_control_cannot_tell_is_no_error_of_the_page(
    get_code: Post, fault: dict[str, str]
) -> None:
    with override_sms_otp(COOLDOWN=[]):
        get_code()
    with override_sms_otp(COOLDOWN=[], LIMITS={"site": "9/h"}, **fault):
        shown = act(staff(*VIEWS, "send_otpcode"), "send", channel="sms")
    assert "The service is not available right now." in shown
    assert kept() == []
    assert len(testing.outbox) == 1


def test_a_number_is_blocked_for_a_day_and_let_go(get_code: Post) -> None:
    get_code()
    clerk = staff(*VIEWS, "block_number")
    shown = act(clerk, "block", hours="24")
    assert "Staff have blocked this number until" in shown
    rule = NumberState.from_json(row_of(PHONE).state).rule
    assert rule is not None
    assert rule.until is not None
    assert rule.until - rule.since == pytest.approx(86400, abs=60)
    assert get_code().status_code == 429
    told = read(clerk, address())
    assert told.events[-1] == "A request was refused: staff have blocked this number"
    assert "Staff have blocked" not in act(clerk, "lift-rule")


def test_a_number_that_was_erased_has_no_page_any_more() -> None:
    OTPCodeFactory.create(phone_number=PHONE)
    shown = act(staff(*VIEWS, "erase_number"), "erase")
    assert "Everything that was kept about the number is erased." in shown
    assert "Why did this person get no code?" in shown
    assert not OTPCode.objects.exists()


def test_what_is_kept_is_downloaded_by_who_may_see_numbers(get_code: Post) -> None:
    get_code()
    url = address("export/")
    assert staff(*VIEWS, *PERMISSIONS, name="other").post(url).status_code == 403
    clerk = staff(*VIEWS, "view_whole_phone_number")
    answer = clerk.post(url, hidden(read(clerk, address()).shown, url))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="phone-number.json"'
    data = json.loads(answer.content)
    assert data["phone_number"] == PHONE
    assert len(data["codes"]) == 1
    assert kept() == ["Exported what is kept about the number."]
    assert clerk.get(url).status_code == 302


def test_what_changed_nothing_is_not_kept() -> None:
    limit(PHONE)
    assert "There was nothing to do." in act(staff(*VIEWS, "unlock_limit"), "unlock")
    assert kept() == []


def test_a_number_in_use_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    in_trouble()

    def unlock(*_: object, **__: object) -> bool:
        raise Contention("busy")

    monkeypatch.setattr(actions, "unlock_number", unlock)
    shown = act(staff(*VIEWS, "unlock_limit"), "unlock")
    assert "This number is in use right now. Please try again." in shown


@pytest.mark.parametrize("name", ["other", "unlock"])
def test_only_known_actions_and_choices_are_taken(name: str) -> None:
    limit(PHONE)
    clerk = staff(*VIEWS, *PERMISSIONS)
    if name == "other":
        assert clerk.post(address("other/")).status_code == 404
    answer = clerk.post(address("block/"), {"hours": "999999"})
    assert answer.status_code == 200
    assert "rule" not in row_of(PHONE).state


@pytest.mark.parametrize("name", [*ACTIONS])
def test_actions_commit_by_themselves_under_atomic_requests(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_trouble()
    if name == "allow":
        services.lift_rule(PHONE)
    clerk = staff(*VIEWS, *PERMISSIONS)
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    act(clerk, name, channel="sms", hours="")
    assert kept() == [ACTIONS[name].log_text]


def test_what_is_offered_fits_the_state(get_code: Post) -> None:
    get_code()
    clerk = staff(*VIEWS, *PERMISSIONS)
    shown = ask(clerk, str(OTPCode.objects.get().pk)).shown
    offered = {name for name in ACTIONS if f'/{name}/"' in shown}
    assert offered == {"send", "give-back", "invalidate", "allow", "block", "erase"}
    OTPCode.objects.update(expires_at=OTPCode.objects.get().created_at + timedelta(seconds=0))
    shown = read(clerk, address()).shown
    assert "/send/" not in shown
    assert "/invalidate/" not in shown
