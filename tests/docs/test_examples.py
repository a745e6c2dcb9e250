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
from django.test import override_settings
from rest_framework_simplejwt.tokens import AccessToken

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
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.services import redeem_code, request_code
from django_sms_otp.tokens import TokenIssuer, get_token_issuer
from tests.conftest import PHONE
from tests.factories import UserFactory

from . import pages

EXERCISED = {
    "shop.drf_tokens",
    "shop.gateway",
    "shop.issuers",
    "shop.numbers",
    "shop.receivers",
    "shop.resolvers",
    "shop.tokens",
}
"""Modules that a test below uses; test_blocks.py asks."""

GATEWAY = "https://gateway.example/messages"

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
    numbers.send(PHONE)
    code = testing.outbox[-1].code or ""
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    assert not numbers.link(user, PHONE, wrong)
    assert numbers.link(user, PHONE, code)
    assert VerifiedPhone.objects.get().user == user


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
    receivers = modules(pages.page("operations.md"))["shop.receivers"]
    with caplog.at_level(logging.INFO, logger="shop.logins"):
        redeem_code(message().code or "", phone_number=parse_phone_number(PHONE))
    receivers.code_redeemed.disconnect(receivers.log_login)
    [record] = [each for each in caplog.records if each.name == "shop.logins"]
    assert record.getMessage().endswith("by SMS with +1********71.")
    assert PHONE not in caplog.text
