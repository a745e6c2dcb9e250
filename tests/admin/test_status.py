"""What the list and the page of a limit say, held against the settings."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from django_sms_otp import testing
from django_sms_otp.controls.quotas import SHARED_CONTROLS
from django_sms_otp.limits.failures import Failures
from django_sms_otp.limits.messages import Send
from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.rates import parse_rates
from django_sms_otp.limits.refusals import Refusal, Refusals
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.limits.staff_rules import StaffRule
from django_sms_otp.models import HourlyCount, Limit

from ..conftest import PHONE
from ..support.guesses import made_by
from .staff import LIMITS, limit, limit_page, page, row_of, staff

OTHER = "+14155552699"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = NOON.timestamp()
FACT = re.compile(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>')
BADGE = re.compile(r"sms-otp-badge-(\w+)")
SUMMARY = re.compile(r'class="field-summary">(.*?)</td>')

BY_ONE = "Messages from the busiest IP address (phone_ip)"
DISABLED = "disabled until the number is verified anew or the lockout is lifted"

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> Iterator[Client]:
    with time_machine.travel(NOON, tick=False), timezone.override(UTC):
        yield staff("view_limit")


def facts(clerk: Client, key: str = PHONE) -> dict[str, str]:
    """Return what the page of a row says."""
    shown = page(clerk, limit_page(row_of(key)))
    return {label: html.unescape(text) for label, text in FACT.findall(shown)}


def badges(clerk: Client) -> list[str]:
    return BADGE.findall(page(clerk, LIMITS))


def summary(clerk: Client) -> str:
    """Return what the list says of its only row."""
    found: list[str] = SUMMARY.findall(page(clerk, LIMITS))
    return found[0]


def sent(*minutes_ago: int, by: str | None = None) -> NumberState:
    """Messages that one network asked for, or each another one."""
    return NumberState(
        sends=tuple(
            Send(NOW - minutes * 60, network=by or f"tag{minutes}") for minutes in minutes_ago
        )
    )


def failures(count: int) -> Failures:
    """As many in a row, the last of them ten seconds ago."""
    return Failures(count, (NOW - 10,))


def uses(times: int, rate: str) -> SharedCounters:
    state = SharedCounters()
    for number in range(times):
        state = state.with_use(parse_rates(rate), NOW - times + number)
    return state


def traffic(sent: int, redeemed: int, minutes_ago: int = 30) -> SharedCounters:
    state, at = SharedCounters(), NOW - minutes_ago * 60
    for _ in range(sent):
        state = state.with_sent(at)
    return state.with_redeemed(NOW, sent_at=at, count=redeemed)


def test_messages_are_held_against_the_quota(clerk: Client) -> None:
    limit(PHONE, sent(90, 40, 5, by="tag"))
    lines = facts(clerk)
    assert lines["Messages (phone)"] == "2 of 5 in 1h, 3 of 10 in 1d"
    assert lines[BY_ONE] == "2 of 3 in 1h, 3 of 5 in 1d"
    assert lines["Next message"] == "at any time"
    assert badges(clerk) == []
    assert summary(clerk) == (
        "phone: 2 of 5 in 1h, 3 of 10 in 1d<br>phone_ip: 2 of 3 in 1h, 3 of 5 in 1d"
    )


def test_messages_of_unknown_networks_are_nobodys(clerk: Client) -> None:
    known, unknown = Send(NOW - 60, network="tag"), Send(NOW - 120)
    limit(PHONE, NumberState(sends=(unknown, unknown, known)))
    assert facts(clerk)[BY_ONE] == "1 of 3 in 1h, 1 of 5 in 1d"
    Limit.objects.update(state=NumberState(sends=(unknown,)).to_json())
    assert BY_ONE not in facts(clerk)


@pytest.mark.parametrize(
    "policy", [{"LIMITS": {"phone": None}}, {"CONTROL_MODES": {"phone": "off"}}]
)
def test_a_number_without_quota_is_not_limited(clerk: Client, policy: dict[str, Any]) -> None:
    limit(PHONE, sent(50, 40, 30, 20, 10))
    with testing.override_sms_otp(COOLDOWN=[], **policy):
        assert facts(clerk)["Messages (phone)"] == "not limited"
        assert badges(clerk) == []


def test_a_used_up_quota_says_when_the_next_message_goes(clerk: Client) -> None:
    limit(PHONE, sent(50, 40, 30, 20, 10))
    assert badges(clerk) == ["used_up"]
    assert facts(clerk)["Next message"] == "March 1, 2026, 12:10 p.m."


def test_a_quota_that_only_records_stops_nobody(clerk: Client) -> None:
    limit(PHONE, sent(50, 40, 30, 20, 10))
    with testing.override_sms_otp(COOLDOWN=[], CONTROL_MODES={"phone": "record"}):
        assert badges(clerk) == []
        assert facts(clerk)["Messages (phone)"] == "5 of 5 in 1h, 5 of 10 in 1d, only recorded"


def test_a_cooldown_says_when_the_next_message_goes(clerk: Client) -> None:
    limit(PHONE, sent(4, 3, 2, 1))
    assert facts(clerk)["Next message"] == "March 1, 2026, 12:04 p.m."


def test_an_address_that_had_its_messages_is_told_with_the_refusal(clerk: Client) -> None:
    refusals = Refusals((Refusal("phone_ip", int(NOW) - 60, int(NOW) + 1200),)).to_json()
    limit(PHONE, sent(40, 35, 20, by="tag"), refusals=refusals)
    assert badges(clerk) == ["used_up"]
    assert summary(clerk) == (
        "phone: 3 of 5 in 1h, 3 of 10 in 1d<br>phone_ip: 3 of 3 in 1h, 3 of 5 in 1d"
        "<br>last refused 11:59 a.m. by phone_ip<br>free again at 12:20 p.m."
    )
    lines = facts(clerk)
    assert (
        lines["Next message"]
        == "at any time; for the busiest IP address March 1, 2026, 12:20 p.m."
    )
    assert lines["Last refused"] == (
        "11:59 a.m., phone_ip: too many messages to this number from one IP address; "
        "free again at 12:20 p.m."
    )


@pytest.mark.parametrize(
    ("control", "minutes_ago", "badge"),
    [
        *((control, 20, ["refused"]) for control in SHARED_CONTROLS),
        ("site", 5, []),
        ("challenge", 20, []),
    ],
)
def test_a_refusal_by_a_shared_limit_shows_until_a_message_goes(
    clerk: Client, control: str, minutes_ago: int, badge: list[str]
) -> None:
    refusals = Refusals((Refusal(control, int(NOW) - 600, int(NOW) + 600),)).to_json()
    limit(PHONE, sent(minutes_ago), refusals=refusals)
    assert badges(clerk) == badge


def test_a_cooldown_is_a_state(clerk: Client) -> None:
    limit(PHONE, NumberState(sends=(Send(NOW - 5, network="tag"),)))
    assert badges(clerk) == ["cooldown"]


def test_failures_of_strangers_lock_strangers_out(clerk: Client) -> None:
    limit(
        PHONE,
        NumberState(
            guesses=made_by(strangers=failures(7), known=failures(2)), known=("a", "b")
        ),
    )
    lines = facts(clerk)
    assert lines["Failed attempts of strangers, in a row"] == (
        "7, locked until March 1, 2026, 12:01 p.m."
    )
    assert lines["Failed attempts of known callers, in a row"] == "2"
    assert lines["Known networks and devices"] == "2"
    # Who asks for a message is no stranger.
    assert lines["Next message"] == "at any time"
    assert badges(clerk) == ["locked"]
    assert summary(clerk) == (
        "phone: 0 of 5 in 1h, 0 of 10 in 1d<br>9 failed attempts"
        "<br>Failed attempts of strangers, in a row: 7, locked until March 1, 2026, 12:01 p.m."
    )


def test_a_number_without_failures_has_one_line_of_them(clerk: Client) -> None:
    limit(PHONE, sent(5))
    lines = facts(clerk)
    assert lines["Wrong codes in a row"] == "0"
    assert not any(label.startswith("Failed attempts") for label in lines)
    limit(OTHER, NumberState(guesses=made_by(known=failures(1)), known=("a",)))
    assert "Wrong codes in a row" not in facts(clerk, OTHER)


def test_failures_of_known_callers_lock_known_callers_out(clerk: Client) -> None:
    limit(PHONE, NumberState(guesses=made_by(known=failures(5)), known=("a",)))
    lines = facts(clerk)
    assert lines["Failed attempts of strangers, in a row"] == "0"
    assert lines["Failed attempts of known callers, in a row"].startswith("5, locked until")
    assert badges(clerk) == ["locked"]


def test_a_disabled_number_says_what_helps(clerk: Client) -> None:
    limit(PHONE, NumberState(guesses=made_by(strangers=failures(90)), known=("a",)))
    lines = facts(clerk)
    assert lines["Failed attempts of strangers, in a row"] == f"90, {DISABLED}"
    assert lines["Failed attempts of known callers, in a row"] == "0"
    assert lines["Next message"] == "to known callers only"
    assert badges(clerk) == ["disabled"]
    assert summary(clerk).endswith("<br>90 failed attempts")


def test_a_lockout_that_is_only_recorded_or_off_stops_nobody(clerk: Client) -> None:
    limit(PHONE, NumberState(guesses=made_by(strangers=failures(95))))
    with testing.override_sms_otp(CONTROL_MODES={"failures": "record"}):
        lines = facts(clerk)
        assert lines["Failed attempts of strangers, in a row"] == (
            f"95, {DISABLED}, only recorded"
        )
        assert lines["Next message"] == "at any time"
        assert badges(clerk) == []
    with testing.override_sms_otp(CONTROL_MODES={"failures": "off"}):
        assert facts(clerk)["Failed attempts of strangers, in a row"] == "95"
        assert badges(clerk) == []


def test_failures_of_an_asker_lock_that_asker_out(clerk: Client) -> None:
    limit(PHONE, NumberState(guesses=made_by(tag=failures(7), other=failures(1))))
    lines = facts(clerk)
    assert lines["Failed attempts of those who asked for a code, in a row"] == (
        "8, locked until March 1, 2026, 12:01 p.m."
    )
    assert lines["Next message"] == "at any time"
    assert badges(clerk) == ["locked"]


def test_strangers_at_their_bound_do_not_disable_the_number(clerk: Client) -> None:
    limit(PHONE, NumberState(guesses=made_by(strangers=failures(80))))
    lines = facts(clerk)
    assert lines["Failed attempts of strangers, in a row"] == (
        "80, locked out until somebody who asked for a code logs in"
    )
    assert lines["Next message"] == "at any time"
    assert badges(clerk) == ["locked"]


def test_one_failure_is_no_plural(clerk: Client) -> None:
    limit(PHONE, NumberState(guesses=made_by(strangers=failures(1)), succeeded_at=NOW - 3600))
    assert summary(clerk).endswith("<br>1 failed attempt")
    assert facts(clerk)["Last redeemed"] == "March 1, 2026, 11 a.m."


def test_uses_are_held_against_the_rates(clerk: Client) -> None:
    limit("ip:203.0.113.7", uses(37, "50/h,37/d"))
    with testing.override_sms_otp(LIMITS={"ip": "50/h,37/d"}):
        assert facts(clerk, "ip:203.0.113.7") == {"Messages": "37 of 50 in 1h, 37 of 37 in 1d"}
        assert badges(clerk) == ["used_up"]
    with testing.override_sms_otp(LIMITS={"ip": "50/h"}):
        assert summary(clerk) == "37 of 50 in 1h"
        assert badges(clerk) == []
    with testing.override_sms_otp(LIMITS={"ip": None}):
        assert summary(clerk) == "not limited"


def test_shared_uses_that_are_only_recorded_stop_nobody(clerk: Client) -> None:
    limit("site", uses(50, "50/h"))
    modes = {"site": "record"}
    with testing.override_sms_otp(LIMITS={"site": "50/h"}, CONTROL_MODES=modes):
        assert summary(clerk) == "50 of 50 in 1h, only recorded"
        assert badges(clerk) == []


def test_rows_say_that_a_cache_counts(clerk: Client) -> None:
    limit("site", uses(50, "50/h"))
    with testing.override_sms_otp(LIMITS={"site": "50/h"}, LIMITS_CACHE="default"):
        assert summary(clerk) == "counted in the cache"
        assert badges(clerk) == []


def test_the_share_redeemed_is_said(clerk: Client) -> None:
    limit("country:JM", traffic(sent=40, redeemed=12))
    lines = facts(clerk, "country:JM")
    assert lines["Unverified numbers, last hour"] == "12 of 40 redeemed (30%)"
    assert summary(clerk).endswith("<br>12 of 40 redeemed (30%)")


def test_an_hour_without_messages_has_no_share(clerk: Client) -> None:
    limit("country:JM", traffic(sent=4, redeemed=1, minutes_ago=300))
    lines = facts(clerk, "country:JM")
    assert lines["Unverified numbers, last hour"] == "no messages"
    assert lines["Unverified numbers, last day"] == "1 of 4 redeemed (25%)"
    assert "redeemed" not in summary(clerk)


def test_a_breaker_says_until_when_it_blocks(clerk: Client) -> None:
    limit("country:JM", replace(traffic(40, 0), blocked_until=NOW + 3600))
    with testing.override_sms_otp(CONVERSION_BREAKER={}):
        assert badges(clerk) == ["blocked"]
        assert summary(clerk).endswith("<br>blocked until March 1, 2026, 1 p.m.")
    modes = {"breaker": "record"}
    with testing.override_sms_otp(CONVERSION_BREAKER={}, CONTROL_MODES=modes):
        assert badges(clerk) == []
        assert facts(clerk, "country:JM")["Conversion breaker"].endswith(", only recorded")
    assert badges(clerk) == []
    assert "Conversion breaker" not in facts(clerk, "country:JM")


def test_a_prefix_is_blocked_by_the_gateways_word_without_a_breaker(clerk: Client) -> None:
    limit("prefix:+1876555", SharedCounters(blocked_until=NOW + 3600))
    assert badges(clerk) == ["blocked"]
    with testing.override_sms_otp(CONTROL_MODES={"breaker": "off"}):
        assert badges(clerk) == []


def test_a_block_that_is_over_is_gone(clerk: Client) -> None:
    limit("country:JM", SharedCounters(blocked_until=NOW - 1))
    with testing.override_sms_otp(CONVERSION_BREAKER={}):
        assert badges(clerk) == []


def test_a_countrys_budget_counts_what_was_redeemed_on_its_busiest_day(clerk: Client) -> None:
    limit("country:JM", traffic(sent=25, redeemed=0, minutes_ago=300))
    assert "Budget of unverified numbers" not in facts(clerk, "country:JM")
    with testing.override_sms_otp(UNVERIFIED_BUDGET={}):
        assert facts(clerk, "country:JM")["Budget of unverified numbers"] == "used up"
        hour = timezone.now().replace(minute=0)
        HourlyCount.objects.create(hour=hour, region="JM", event="redeemed", count=500)
        assert facts(clerk, "country:JM")["Budget of unverified numbers"] == "not used up"


def test_countries_where_nothing_was_redeemed_are_named(clerk: Client) -> None:
    state = SharedCounters().with_region(NOW, "JM", redeemed=False)
    state = state.with_region(NOW, "US", redeemed=True).with_region(NOW, "BB", redeemed=False)
    limit("ip:203.0.113.7", state)
    lines = facts(clerk, "ip:203.0.113.7")
    assert lines["Countries where nothing was redeemed"] == "BB, JM"


def test_a_number_that_staff_have_blocked_is_marked_until_the_end(clerk: Client) -> None:
    rule = StaffRule("blocked", NOW - 60, NOW + 60)
    limit(PHONE, NumberState(rule=rule))
    assert badges(clerk) == ["blocked"]
    assert facts(clerk)["Next message"] == "staff have blocked this number"
    Limit.objects.update(state=NumberState(rule=replace(rule, until=NOW)).to_json())
    assert badges(clerk) == []


def test_a_row_from_the_future_is_judged_by_its_own_time(clerk: Client) -> None:
    # The clock stepped back: the limits go on from the row's last change.
    limit(PHONE, sent(59, 58, 57, 56, 55), updated_at=datetime(2026, 3, 1, 13, tzinfo=UTC))
    assert badges(clerk) == []
