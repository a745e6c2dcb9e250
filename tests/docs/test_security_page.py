"""The page "Security model": its tests exist, its tables and figures are those of the code."""

from __future__ import annotations

import ast
import re
from datetime import datetime, timedelta

from django_sms_otp.conf import Settings
from django_sms_otp.conf.validators import CONTROLS
from django_sms_otp.controls import refusals
from django_sms_otp.controls.quotas import EXEMPTING
from django_sms_otp.limits.number import MOST_UNREDEEMED, FailureBudget, NumberState
from django_sms_otp.limits.rates import parse_rates

from . import pages
from .test_security_claims import START

PAGE = pages.page("security.md")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")

DAY = timedelta(days=1)


def test_named_tests_exist() -> None:
    named = TEST.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 50
    for file in {file for file, _ in named}:
        tree = ast.parse((pages.ROOT / file).read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {test for each, test in named if each == file} <= there


def test_every_standard_is_gone_through() -> None:
    lines = re.findall(r"^\*\*(\d+)\. ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert lines == [str(number) for number in range(1, 15)]


def test_every_control_is_in_the_table() -> None:
    table = {row[0].strip("`"): row for row in pages.rows(PAGE, "Every control")}
    assert set(table) == {*CONTROLS, "cooldown"}
    settings = Settings()
    for control, (_, _, default, verified, answer, seen) in table.items():
        rates = settings.LIMITS.get(control, "")
        assert (default == "off") == (rates is None or control in OFF), control
        assert (rates or "") in default
        assert verified == ("pass" if control in EXEMPTING else "refused"), control
        assert ("202" in answer) == (control in EXEMPTING or control == "lookup"), control
        verb = "withheld" if control in EXEMPTING else "refused"
        assert f"`{verb}:{control}`" in seen
        assert ("`limit_tripped`" in seen) == (control in refusals.ALARMING), control


OFF = {"budget", "breaker", "lookup", "challenge"}
"""Controls without a rate that are off by default."""


# The costs


def test_costs_are_those_of_the_limits() -> None:
    table = {row[0]: row[1:] for row in pages.rows(PAGE, "What a flood costs")}
    page = PAGE.read_text(encoding="utf-8")
    [site] = re.findall(r'"LIMITS": {"site": "([^"]+)"}', page)
    settings = Settings()
    an_hour, a_day = (rate.count for rate in parse_rates(site))
    share = 1 - settings.RESERVED_SHARE
    strangers = f"{an_hour * share:.0f} messages an hour, {a_day * share:.0f} a day"
    by_address = {limit: settings.rates(limit)[0].count for limit in ("ip", "ip_48")}
    assert table == table | {
        "for one number": [f"{settings.rates('phone')[1].count} messages a day"] * 2,
        "for many numbers, from one address or /64": [f"{by_address['ip']} messages an hour"]
        * 2,
        "for many numbers, from one /48": [f"{by_address['ip_48']} messages an hour"] * 2,
        "for many numbers, from many addresses": [
            "no bound",
            f"{strangers}; with verified numbers {an_hour} and {a_day}",
        ],
        "that a look-up refuses, from one address": [f"{by_address['ip']} look-ups an hour"]
        * 2,
        "that a look-up refuses, from many addresses": [
            "no bound",
            f"{an_hour} look-ups an hour, {a_day} a day",
        ],
        "with wrong responses to a challenge, from one address": [
            f"{by_address['ip']} questions an hour"
        ]
        * 2,
    }
    assert f"{MOST_UNREDEEMED} messages a number" in table["for numbers that once logged in"][1]


# The odds


class Attacker:
    """Asks from many addresses, and guesses as soon as the limits allow."""

    def __init__(self, *, lifetime: timedelta, known: bool = False) -> None:
        self.settings = Settings()
        self.budget = FailureBudget(
            free=self.settings.MAX_ATTEMPTS,
            rates=self.settings.rates("failures"),
            most=self.settings.MAX_CONSECUTIVE_FAILURES,
        )
        self.lifetime, self.tags = lifetime, ("known",) if known else ()
        self.state = NumberState(known=("known",))
        self.now, self.code_ends, self.left = START, START, 0
        self.guesses, self.messages = list[datetime](), 0

    def attack(self, until: datetime) -> bool:
        """Return whether the number was disabled."""
        while self.now < until:
            lock = self.state.lock(self.budget, self.now, self.tags)
            if lock and lock.until is None:
                return True
            if lock and lock.until:
                self.now = lock.until
            elif self.left and self.code_ends > self.now:
                self.guess()
            else:
                self.ask()
        return False

    def guess(self) -> None:
        self.left -= 1
        self.guesses.append(self.now)
        self.state = self.state.with_failure(self.now, self.tags)

    def ask(self) -> None:
        next_send_at = self.state.next_send_at(self.settings.COOLDOWN)
        quota = self.state.quota_free_at(self.settings.rates("phone"), self.now)
        waits = [at for at in (next_send_at, quota) if at and at > self.now]
        self.now = max([self.now, *waits])
        self.state = self.state.with_send(self.now, memory=DAY)
        self.messages += 1
        self.left, self.code_ends = self.settings.MAX_ATTEMPTS, self.now + self.lifetime


def test_odds_are_those_of_the_limits() -> None:
    settings = Settings()
    assert settings.MAX_ATTEMPTS == 5
    for lifetime in (timedelta(minutes=10), settings.CODE_LIFETIME):
        strangers = Attacker(lifetime=lifetime)
        assert strangers.attack(START + 100 * DAY)
        assert len(strangers.guesses) == 90
        assert strangers.messages >= 80
        assert strangers.now - START >= 8 * DAY

        anybody = Attacker(lifetime=lifetime, known=True)
        assert anybody.attack(START + 100 * DAY)
        assert len(anybody.guesses) == 100

        daily = Attacker(lifetime=lifetime)
        for day in range(1, 31):
            assert not daily.attack(START + day * DAY)
            daily.state = daily.state.after_success(daily.now, ("known",))
        assert len(daily.guesses) < 30 * 20
        assert most_in_a_day(daily.guesses) <= 10 * settings.MAX_ATTEMPTS
    assert "10/d" in str(settings.LIMITS["phone"])


def most_in_a_day(times: list[datetime]) -> int:
    return max(sum(start <= each < start + DAY for each in times) for start in times)
