"""Checks of limits: each speaks up on its insecure combination, and is silent elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import checks
from django.test import override_settings
from django.utils import timezone

from django_sms_otp.controls.hooks import Challenge, NumberLookup
from django_sms_otp.models import HourlyCount
from django_sms_otp.testing import override_sms_otp

from ..support.factories import VerifiedPhoneFactory
from .test_checks import LIMITS_IDS


@pytest.fixture(autouse=True)
def gateway() -> Iterator[None]:
    backend = {"BACKEND": "tests.checks.test_checks.RealBackend"}
    with override_settings(SMS_OTP_BACKENDS={"default": backend}):
        yield


def found(*databases: str) -> list[str]:
    """Return the ids of our messages, those of ``--deploy`` included."""
    messages = checks.run_checks(
        tags=[checks.Tags.security, checks.Tags.database],
        include_deployment_checks=True,
        databases=list(databases),
    )
    return [str(each.id) for each in messages if str(each.id).startswith("sms_otp.")]


CAP = {"site": "500/h,5000/d"}
ON = "tests.checks.test_limits."

INSECURE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("E013", {}, {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}),
    ("E013", {}, {"USE_X_FORWARDED_HOST": True}),
    ("E014", {"CONTROL_MODES": {"failures": "record"}}, {}),
    ("E014", {"CONTROL_MODES": {"failures": "off"}}, {}),
    ("E015", {"COOLDOWN": [], "LIMITS": {**CAP, "phone": None}}, {}),
    ("E015", {"COOLDOWN": [], "CONTROL_MODES": {"phone": "record"}}, {}),
    ("E016", {"CHALLENGE": "nowhere.Challenge"}, {}),
    ("E016", {"NUMBER_LOOKUP": f"{ON}GoodChallenge"}, {}),
    ("E016", {"NUMBER_RISK": f"{ON}GoodLookup"}, {}),
    ("E017", {"DEVICE_COOKIE": "sessionid"}, {}),
    ("E017", {"DEVICE_COOKIE": "csrftoken"}, {}),
    ("W006", {"LIMITS": {"site": None}}, {}),
    ("W006", {"CONTROL_MODES": {"site": "record"}}, {}),
    ("W007", {"MAX_CONSECUTIVE_FAILURES": 101}, {}),
    ("W008", {"LIMITS": {**CAP, "ip": None}}, {}),
    ("W008", {"CONTROL_MODES": {"ip": "off"}}, {}),
    ("W009", {"LIMITS": {**CAP, "prefix": "10/h"}}, {}),
    ("W009", {"UNVERIFIED_BUDGET": {}}, {}),
    ("W009", {"CONVERSION_BREAKER": {}}, {}),
    ("W010", {"ALLOW_STAFF": True}, {}),
    ("W011", {"UNKNOWN_NUMBERS": "reject"}, {}),
]

SECURE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("E013", {"TRUSTED_PROXY_COUNT": 1}, {"USE_X_FORWARDED_HOST": True}),
    ("E014", {"CONTROL_MODES": {"failures": "enforce"}}, {}),
    ("E015", {"COOLDOWN": []}, {}),
    ("E015", {"LIMITS": {**CAP, "phone": None}}, {}),
    ("E016", {"CHALLENGE": f"{ON}GoodChallenge", "NUMBER_LOOKUP": f"{ON}GoodLookup"}, {}),
    ("E016", {"NUMBER_RISK": "django_sms_otp.contrib.twilio_lookup.TwilioRisk"}, {}),
    ("E017", {"DEVICE_COOKIE": "sms_otp_device"}, {}),
    ("W006", {}, {}),
    ("W007", {"MAX_CONSECUTIVE_FAILURES": 1000, "CODE_LENGTH": 7}, {}),
    ("W008", {}, {}),
    ("W009", {"UNVERIFIED_BUDGET": {}, "CONTROL_MODES": {"budget": "record"}}, {}),
    ("W010", {}, {}),
    ("W011", {}, {}),
]


class GoodChallenge(Challenge):
    pass


class GoodLookup(NumberLookup):
    pass


@pytest.mark.parametrize(("number", "ours", "django"), INSECURE)
def test_an_insecure_combination_is_named(
    number: str, ours: dict[str, Any], django: dict[str, Any]
) -> None:
    with override_sms_otp(**{"LIMITS": CAP, **ours}), override_settings(**django):
        assert found() == [f"sms_otp.{number}"]


@pytest.mark.parametrize(("number", "ours", "django"), SECURE)
def test_a_secure_combination_is_not(
    number: str, ours: dict[str, Any], django: dict[str, Any]
) -> None:
    with override_sms_otp(**{"LIMITS": CAP, **ours}), override_settings(**django):
        assert found() == []


@pytest.mark.django_db
def test_w012_a_budget_without_its_counts() -> None:
    budget = {"UNVERIFIED_BUDGET": {}, "CONTROL_MODES": {"budget": "record"}, "LIMITS": CAP}
    with override_sms_otp(**budget):
        assert found("default") == []
        VerifiedPhoneFactory.create()
        assert found("default") == ["sms_otp.W012"]
        assert found() == []
        HourlyCount.objects.create(event="redeemed", region="US", hour=timezone.now(), count=1)
        assert found("default") == []


def test_every_id_is_named_here() -> None:
    tested = {f"sms_otp.{number}" for number, *_ in INSECURE} | {"sms_otp.W012"}
    assert tested == LIMITS_IDS
    silent = {f"sms_otp.{number}" for number, *_ in SECURE} | {"sms_otp.W012"}
    assert silent == LIMITS_IDS


def test_the_text_says_what_to_set() -> None:
    with override_sms_otp(LIMITS=CAP, MAX_CONSECUTIVE_FAILURES=1000, CODE_LENGTH=4):
        messages = checks.run_checks(include_deployment_checks=True)
    [text] = [each.msg for each in messages if each.id == "sms_otp.W007"]
    assert re.search(r"is 1000, of 10000 codes: a guess succeeds in one of 10 numbers", text)
