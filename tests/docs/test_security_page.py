"""The page "Security model": its tests exist, its tables and figures are those of the code."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from django_sms_otp.conf import Settings
from django_sms_otp.conf.choices import CONTROLS
from django_sms_otp.controls import refusals
from django_sms_otp.controls.quotas import EXEMPTING
from django_sms_otp.limits.failures import Claimant, FailureBudget, id_group
from django_sms_otp.limits.messages import MOST_UNREDEEMED, Send
from django_sms_otp.limits.number import NumberState
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
    assert list(table)[-2:] == ["challenge", "lookup"], "a failed challenge costs no look-up"
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
    """Has codes sent from ever new addresses, and guesses as soon as the limits allow.

    :param ways: the groups that guess: ``strangers``, ``id``, ``askers`` and ``known``.
    """

    def __init__(self, *ways: str, lifetime: timedelta) -> None:
        self.settings = Settings()
        self.budget = FailureBudget(
            free=self.settings.MAX_ATTEMPTS,
            rates=self.settings.rates("failures"),
            most=self.settings.MAX_CONSECUTIVE_FAILURES,
        )
        self.ways, self.lifetime = ways, lifetime
        self.state = NumberState(known=("known",))
        self.now, self.code, self.code_began = START, "", START - 2 * DAY
        self.guesses, self.messages = list[datetime](), 0
        self.at_codes = Counter[str]()

    def attack(self, until: datetime) -> bool:
        """Return whether the number was disabled for all of these groups."""
        while self.now < until:
            claimants = [self.claimant(way) for way in self.ways]
            if self.state.guesses.consecutive >= max(map(self.most_of, self.ways)):
                return True
            waits = [self.wait_over(each) for each in claimants]
            ready = [
                each for each, over in zip(claimants, waits, strict=True) if over == self.now
            ]
            if ready:
                self.guess(ready[0])
            elif self.next_message_at() <= self.now:
                self.ask()
            else:
                coming = [over for over in waits if over and over < self.code_ends]
                self.now = min([*coming, self.next_message_at()])
        return False

    def most_of(self, way: str) -> int:
        if way == "strangers":
            return self.state.claimant(()).most(self.budget)
        return self.state.asker(("known",) if way == "known" else ()).most(self.budget)

    @property
    def code_ends(self) -> datetime:
        return self.code_began + self.lifetime

    def claimant(self, way: str) -> Claimant:
        tags = {"askers": f"address {self.messages}", "known": "known"}.get(way)
        code = self.code if self.now < self.code_ends else ""
        return self.state.claimant((tags,) if tags else (), code, brings_id=way == "id")

    def _allowance(self, claimant: Claimant) -> int:
        at_code = self.settings.MAX_ATTEMPTS
        return self.state.guesses.allowance(claimant, self.budget, at_code=at_code)

    def wait_over(self, claimant: Claimant) -> datetime | None:
        """Return when this group may guess at the code; ``None`` for never."""
        groups = (claimant.group, claimant.shares_with)
        made = self.state.guesses.at_code(self.code, *groups)
        is_spent = made >= self._allowance(claimant)
        if self.now >= self.code_ends or is_spent:
            return None
        lock = self.state.lock(self.budget, self.now, claimant)
        return lock.until if lock else self.now

    def guess(self, claimant: Claimant) -> None:
        self.guesses.append(self.now)
        self.at_codes[self.code] += 1
        guesses = self.state.guesses.with_one(
            claimant.group, self.code, self.now, self.code_ends
        )
        self.state = replace(self.state, guesses=guesses)

    def next_message_at(self) -> datetime:
        next_send_at = self.state.next_send_at(self.settings.COOLDOWN)
        quota = self.state.quota_free_at(self.settings.rates("phone"), self.now)
        return max([self.now, *(at for at in (next_send_at, quota) if at)])

    def ask(self) -> None:
        self.messages += 1
        made = self.state.guesses.at_code(self.code, id_group(self.code))
        asker = self.state.asker(("a new address",), self.code)
        is_spent = made >= self._allowance(asker)
        is_worth_sending = (self.code_ends - self.now) * 3 >= self.lifetime
        if is_spent or not is_worth_sending:
            self.code, self.code_began = f"code {self.messages}", self.now
        send = Send(self.now.timestamp(), self.code, f"address {self.messages}")
        self.state = self.state.with_send(send, memory=DAY)


ANYBODY = ("askers", "id", "strangers")


def test_odds_are_those_of_the_limits() -> None:
    settings = Settings()
    assert settings.MAX_ATTEMPTS == 5
    assert "10/d" in str(settings.LIMITS["phone"])
    for lifetime in (timedelta(minutes=10), settings.CODE_LIFETIME):
        strangers = Attacker("strangers", lifetime=lifetime)
        assert strangers.attack(START + 100 * DAY)
        assert len(strangers.guesses) == 80
        assert strangers.messages >= 150
        assert strangers.now - START >= 15 * DAY

        anybody = Attacker(*ANYBODY, lifetime=lifetime)
        assert anybody.attack(START + 100 * DAY)
        assert len(anybody.guesses) == 90
        assert anybody.messages >= 25
        assert anybody.now - START >= 2 * DAY
        assert most_at_a_code(anybody) <= 3 * settings.MAX_ATTEMPTS

        known = Attacker("known", *ANYBODY, lifetime=lifetime)
        assert known.attack(START + 100 * DAY)
        assert len(known.guesses) == 100
        assert most_at_a_code(known) <= 4 * settings.MAX_ATTEMPTS

        daily = attack_beside_logins(Attacker(*ANYBODY, lifetime=lifetime), every=DAY)
        assert len(daily.guesses) < 10 * 60
        hourly = attack_beside_logins(Attacker(*ANYBODY, lifetime=lifetime), every=DAY / 24)
        assert most_in_a_day(hourly.guesses) <= 10 * 3 * settings.MAX_ATTEMPTS


def attack_beside_logins(attacker: Attacker, *, every: timedelta) -> Attacker:
    """Attack for ten days, while the number's holder logs in and so clears the count."""
    for number in range(1, 10 * DAY // every + 1):
        login = START + number * every
        assert not attacker.attack(login)
        attacker.now = max(attacker.now, login)
        attacker.state = attacker.state.after_success(attacker.now, ("known",))
    return attacker


def most_in_a_day(times: list[datetime]) -> int:
    return max(sum(start <= each < start + DAY for each in times) for start in times)


def most_at_a_code(attacker: Attacker) -> int:
    return max(attacker.at_codes.values())
