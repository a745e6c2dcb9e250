"""The classes and functions of the examples do what their pages say."""

from __future__ import annotations

import io
import json
import logging
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import router
from django.test import override_settings
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response

from django_sms_otp import backends, testing
from django_sms_otp.backends import SMSMessage
from django_sms_otp.exceptions import (
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    LoginRefused,
    NotDelivered,
)
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.outcomes import CodeRequested, RequestRefused
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.rollup import roll_up
from django_sms_otp.services import redeem_code, request_code
from django_sms_otp.tokens import TokenIssuer, get_token_issuer
from tests.conftest import PHONE, Post, last_code, wrong
from tests.factories import UserFactory, VerifiedPhoneFactory

from . import pages

EXERCISED = {
    "shop.alarms",
    "shop.captcha",
    "shop.counts",
    "shop.drf_tokens",
    "shop.gateway",
    "shop.issuers",
    "shop.logs",
    "shop.lookup",
    "shop.metrics",
    "shop.numbers",
    "shop.receivers",
    "shop.resolvers",
    "shop.routers",
    "shop.support",
    "shop.tokens",
}
"""Modules that a test below uses; test_blocks.py asks."""

GATEWAY = "https://gateway.example/messages"
IP_ADDRESS = "192.0.2.1"

Modules = Callable[[Path], dict[str, Any]]


def gateway(**options: Any) -> backends.BaseSMSBackend:
    entry = {"BACKEND": "shop.gateway.SMSBackend", "OPTIONS": options}
    with override_settings(SMS_OTP_BACKENDS={"default": entry}):
        return backends.get_backend()


def message() -> SMSMessage:
    testing.outbox.clear()
    request_code(parse_phone_number(PHONE))
    return testing.outbox[-1]


@pytest.mark.django_db
def test_gateway_sends(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    modules(pages.page("backends.md"))
    sent: list[urllib.request.Request] = []

    def urlopen(request: urllib.request.Request, timeout: float) -> io.BytesIO:
        sent.append(request)
        return io.BytesIO(b'{"id": "m1"}')

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    result = gateway(url=GATEWAY, api_key="secret").send(message())
    assert result.message_id == "m1"
    assert isinstance(sent[0].data, bytes)
    body = json.loads(sent[0].data)
    assert body["to"] == PHONE
    assert 0 < body["ttl"] <= 600
    assert sent[0].headers["Authorization"] == "Bearer secret"


def http_error(status: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError(GATEWAY, status, "", Message(), io.BytesIO())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (http_error(422), DeliveryRefused),
        (http_error(403), NotDelivered),
        (http_error(502), DeliveryUnknown),
        (urllib.error.URLError(ConnectionRefusedError()), NotDelivered),
        (urllib.error.URLError(socket.gaierror()), NotDelivered),
        (urllib.error.URLError(ConnectionResetError()), DeliveryUnknown),
        (TimeoutError(), DeliveryUnknown),
    ],
    ids=repr,
)
def test_gateway_fails(
    error: OSError,
    expected: type[DeliveryError],
    modules: Modules,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    modules(pages.page("backends.md"))

    def urlopen(request: urllib.request.Request, timeout: float) -> None:
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with pytest.raises(expected):
        gateway(url=GATEWAY).send(message())
    if isinstance(error, urllib.error.HTTPError):
        error.close()


def test_router_puts_this_app_into_another_database(modules: Modules, settings: Any) -> None:
    modules(pages.page("operations.md"))
    settings.DATABASE_ROUTERS = ["shop.routers.CodesRouter"]
    for choose in (router.db_for_read, router.db_for_write):
        assert [choose(model) for model in (Group, OTPCode)] == ["default", "codes"]


def test_gateway_refuses_options(modules: Modules) -> None:
    modules(pages.page("backends.md"))
    with pytest.raises(InvalidBackend, match="https://"):
        gateway(url="http://gateway.example")
    with pytest.raises(InvalidBackend, match="Did you mean 'api_key'"):
        gateway(url=GATEWAY, apikey="secret")


@pytest.mark.django_db
def test_resolver(modules: Modules) -> None:
    modules(pages.page("users.md"))
    with testing.override_sms_otp(USER_RESOLVER="shop.resolvers.CustomerResolver", COOLDOWN=[]):
        first: object = redeem_code(
            message().code or "", phone_number=parse_phone_number(PHONE)
        )
        user = getattr(first, "user", None)
        assert user is not None
        assert user.first_name == "Customer"
        user.groups.add(Group.objects.create(name="suspended"))
        second: object = redeem_code(
            message().code or "", phone_number=parse_phone_number(PHONE)
        )
        assert getattr(second, "reason", "") == "no_active_account"


@pytest.mark.django_db
def test_linking_a_number(modules: Modules) -> None:
    numbers = modules(pages.page("users.md"))["shop.numbers"]
    user = UserFactory.create()
    numbers.send(PHONE, IP_ADDRESS)
    code = last_code()
    assert not numbers.link(user, PHONE, wrong(code), IP_ADDRESS)
    assert numbers.link(user, PHONE, code, IP_ADDRESS)
    assert VerifiedPhone.objects.get().user == user


@pytest.mark.django_db
def test_linking_a_number_again(modules: Modules) -> None:
    """The way back after a lockout; and no way to another's account."""
    numbers = modules(pages.page("users.md"))["shop.numbers"]
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    with testing.override_sms_otp(COOLDOWN=[], MAX_CONSECUTIVE_FAILURES=1):
        numbers.send(PHONE, IP_ADDRESS)
        numbers.link(user, PHONE, wrong(last_code()), IP_ADDRESS)
        assert isinstance(request_code(parse_phone_number(PHONE)), RequestRefused)
        numbers.send(PHONE, IP_ADDRESS)
        assert numbers.link(user, PHONE, last_code(), IP_ADDRESS)
        assert isinstance(request_code(parse_phone_number(PHONE)), CodeRequested)
        numbers.send(PHONE, IP_ADDRESS)
        assert not numbers.link(UserFactory.create(), PHONE, last_code(), IP_ADDRESS)
    assert VerifiedPhone.objects.get().user == user


@pytest.mark.django_db
def test_unlocking_a_number(modules: Modules) -> None:
    unlock = modules(pages.page("security.md"))["shop.support"].unlock
    phone_number = parse_phone_number(PHONE)
    with testing.override_sms_otp(COOLDOWN=[], MAX_CONSECUTIVE_FAILURES=1):
        redeem_code(wrong(message().code or ""), phone_number=phone_number)
        assert isinstance(request_code(phone_number), RequestRefused)
        assert unlock(PHONE)
        assert isinstance(request_code(phone_number), CodeRequested)
        assert not unlock(PHONE)


@pytest.mark.parametrize("success", [True, False])
def test_challenge(
    modules: Modules, monkeypatch: pytest.MonkeyPatch, success: bool, get_code: Post
) -> None:
    modules(pages.page("settings.md"))
    asked: list[bytes] = []

    def urlopen(url: str, data: bytes, timeout: float) -> io.BytesIO:
        assert url.startswith("https://challenges.cloudflare.com/")
        asked.append(data)
        return io.BytesIO(json.dumps({"success": success}).encode())

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with testing.override_sms_otp(CHALLENGE="shop.captcha.Turnstile"):
        assert get_code().status_code == 403
        assert not asked
        answer = get_code(phone_number=PHONE, challenge="x.y")
        assert answer.status_code == (202 if success else 403)
    assert asked == [b"secret=secret&response=x.y"]
    if not success:
        assert answer.json()["code"] == "challenge_required"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"line_type_intelligence": None, "sms_pumping_risk": None}, (202, 1)),
        ({"sms_pumping_risk": {"sms_pumping_risk_score": 10}}, (202, 1)),
        ({"sms_pumping_risk": {"sms_pumping_risk_score": None}}, (202, 1)),
        ({"sms_pumping_risk": {"sms_pumping_risk_score": 90}}, (202, 0)),
        ({"sms_pumping_risk": {"number_blocked": True}}, (202, 0)),
        ({"line_type_intelligence": {"type": "mobile"}}, (202, 1)),
        ({"line_type_intelligence": {"type": "landline"}}, (400, 0)),
    ],
    ids=str,
)
def test_lookup(
    modules: Modules,
    monkeypatch: pytest.MonkeyPatch,
    found: dict[str, Any],
    expected: tuple[int, int],
    get_code: Post,
) -> None:
    """Twilio is played below its SDK, which reads the answer."""
    modules(pages.page("settings.md"))
    asked: list[str] = []

    def request(self: object, method: str, url: str, **options: Any) -> Response:
        asked.append(url)
        assert options["params"]["Fields"] == "line_type_intelligence,sms_pumping_risk"
        return Response(200, json.dumps(found))

    monkeypatch.setattr(TwilioHttpClient, "request", request)
    with testing.override_sms_otp(NUMBER_LOOKUP="shop.lookup.TwilioLookup"):
        answer = get_code()
    assert (answer.status_code, len(testing.outbox)) == expected
    assert asked == [f"https://lookups.twilio.com/v2/PhoneNumbers/{PHONE}"]


@pytest.mark.django_db
def test_counts_of_a_day(modules: Modules) -> None:
    counts = modules(pages.page("operations.md"))["shop.counts"]
    with testing.override_sms_otp(LIMITS={"site": "1/h"}):
        for _ in range(2):
            request_code(parse_phone_number(PHONE))
        request_code(parse_phone_number("+14155552672"))
    roll_up()
    assert counts.last_day() == [
        ("", "refused:site", 1),
        ("US", "refused:cooldown", 1),
        ("US", "sent", 1),
    ]


@pytest.mark.django_db
def test_alarms(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    alarms = modules(pages.page("operations.md"))["shop.alarms"]
    mails: list[tuple[str, str]] = []
    monkeypatch.setattr(alarms, "mail_admins", lambda *mail: mails.append(mail))
    with testing.override_sms_otp(LIMITS={"site": "1/h"}):
        request_code(parse_phone_number(PHONE))
        request_code(parse_phone_number("+14155552672"))
    for until in (None, timezone.now()):
        alarms.breaker_tripped.send(
            Limit, key="country:JM", conversion=0.1, blocked_until=until
        )
    assert mails[0] == ("SMS limit site of the site", "Mode: enforce.")
    assert mails[1] == ("SMS breaker country:JM", "10% redeemed. Until: not blocked.")
    assert len(mails) == 3


@pytest.mark.django_db
def test_token_serializer(modules: Modules) -> None:
    modules(pages.page("tokens.md"))
    user = UserFactory.create()
    path = "shop.tokens.ShopTokenSerializer"
    with override_settings(SIMPLE_JWT={"TOKEN_OBTAIN_SERIALIZER": path}):
        claims = AccessToken(get_token_issuer().issue(user)["access"])
    assert claims["name"] == user.username
    assert claims["amr"] == ["sms", "otp"]
    assert isinstance(claims["auth_time"], int)


@pytest.mark.django_db
def test_issuer(modules: Modules) -> None:
    modules(pages.page("tokens.md"))
    user = UserFactory.create()
    with testing.override_sms_otp(TOKEN_ISSUER="shop.issuers.ShopIssuer"):
        answer = get_token_issuer().issue(user)
        assert answer["user"] == {"id": user.pk}
        assert {"access", "refresh"} < set(answer)
        user.username = "closed_1"
        with pytest.raises(LoginRefused):
            get_token_issuer().issue(user)


def test_token_of_rest_framework(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app ``authtoken`` is not installed here, so its table is played."""
    modules(pages.page("tokens.md"))
    import sys

    class Token:
        key = "k"

    class Tokens:
        @staticmethod
        def get_or_create(user: object) -> tuple[type[Token], bool]:
            return Token, True

    monkeypatch.setattr(sys.modules["shop.drf_tokens"].Token, "objects", Tokens, raising=False)
    with testing.override_sms_otp(TOKEN_ISSUER="shop.drf_tokens.DRFTokenIssuer"):
        issuer = get_token_issuer()
        assert isinstance(issuer, TokenIssuer)
        assert issuer.issue(UserFactory.build()) == {"token": "k"}


@pytest.mark.django_db
def test_receiver(modules: Modules, caplog: pytest.LogCaptureFixture) -> None:
    modules(pages.page("operations.md"))
    with caplog.at_level(logging.INFO, logger="shop.logins"):
        redeem_code(message().code or "", phone_number=parse_phone_number(PHONE))
    [record] = [each for each in caplog.records if each.name == "shop.logins"]
    assert record.getMessage().endswith("by SMS with +1********71.")
    assert PHONE not in caplog.text
