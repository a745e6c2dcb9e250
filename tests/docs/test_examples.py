"""The classes and functions of the examples do what their pages say."""

from __future__ import annotations

import hmac
import io
import json
import logging
import os
import re
import subprocess
import sys
import types
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection, router
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path
from django.utils import timezone
from django.utils.module_loading import import_string
from rest_framework_simplejwt import serializers
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response

from django_sms_otp import backends, testing
from django_sms_otp.auth.tokens import get_token_issuer
from django_sms_otp.backends import SMSMessage, webhook
from django_sms_otp.exceptions import (
    InvalidBackend,
    LoginRefused,
)
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed, RequestRefused
from django_sms_otp.services import redeem_code, request_code
from django_sms_otp.signals import user_registered
from django_sms_otp.stats.rollup import roll_up
from tests.conftest import PHONE, Post, body_of, last_code, wrong
from tests.support.customers.models import PhoneCustomer
from tests.support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory
from tests.support.gateways import twilio_entry, unreachable

from . import pages

EXERCISED = {
    "shop",
    "shop.account",
    "shop.admin_site",
    "shop.apps",
    "shop.bot",
    "shop.captcha",
    "shop.celery",
    "shop.admin",
    "shop.counts",
    "shop.deliveries",
    "shop.forms",
    "shop.gateway",
    "shop.gateways",
    "shop.issuers",
    "shop.login",
    "shop.logs",
    "shop.lookup",
    "shop.metrics",
    "shop.reviewer",
    "shop.payments",
    "shop.numbers",
    "shop.parcels",
    "shop.privacy",
    "shop.profiles",
    "shop.receiver",
    "shop.receivers",
    "shop.resolvers",
    "shop.risk",
    "shop.routers",
    "shop.session_login",
    "shop.support",
    "shop.support_site",
    "shop.tokens",
    "shop.views",
    "shop.webhooks",
}
"""Modules that a test below uses; test_blocks.py asks."""

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


@pytest.fixture
def fake() -> Iterator[testing.FakeGateway]:
    with testing.fake_gateway() as running:
        yield running


@pytest.mark.django_db
def test_gateway_sends(modules: Modules, fake: testing.FakeGateway) -> None:
    """How it fails is told by the contract on its page, which test_blocks.py runs."""
    modules(pages.page("gateways.md"))
    fake.answers(testing.Answer(status=201, body={"id": "m1"}))
    result = gateway(url=fake.url, api_key="secret").send(message())
    assert result.message_id == "m1"
    body = json.loads(fake.requests[0].body)
    assert body["to"] == PHONE
    assert 0 < body["ttl"] <= 600
    assert fake.requests[0].headers["authorization"] == "Bearer secret"


@pytest.mark.django_db
def test_receiver_of_the_webhook(modules: Modules, fake: testing.FakeGateway) -> None:
    is_genuine = modules(pages.page("gateways.md"))["shop.receiver"].is_genuine
    new, old, other = (letter * 32 for letter in "noz")
    webhook.SMSBackend(alias="default", url=fake.url, secret=[new, old]).send(message())
    [request] = fake.requests
    header, body = request.headers["sms-otp-signature"], request.body
    assert is_genuine(header, body, [new])
    assert is_genuine(header, body, [old])
    assert is_genuine(header, body, [other, old])
    assert not is_genuine(header, body, [other])
    assert not is_genuine(header, body, [])
    assert not is_genuine(header, body + b" ", [new])
    assert not is_genuine(header.replace("t=", "t=1"), body, [new])
    for forged in ("", "t=,v1=", "t=1", f"t={10**11},v1={'0' * 64}", "t=\u0661,v1=a"):
        assert not is_genuine(forged, body, [new])
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        assert not is_genuine(header, body, [new])


class CallsBack(backends.BaseSMSBackend):
    """Of the imaginary gateway, with what its webhook needs."""

    gateway = "imaginary"
    receipt_view = "shop.webhooks.GatewayView"
    receipt_secret = "shared"


@pytest.mark.django_db
def test_webhook_of_another_gateway(
    modules: Modules,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    modules(pages.page("receipts.md"))
    code = OTPCodeFactory.create(phone_number=PHONE, delivery_state="unknown")
    event = {"id": "m1", "reference": f"{code.pk}/1", "state": "lost", "reason": "off"}
    entry = {"BACKEND": f"{__name__}.CallsBack"}

    def post(signature: str, **changes: str) -> int:
        body = json.dumps(event | changes)
        signed = hmac.new(b"shared", body.encode(), "sha256").hexdigest()
        headers = {"X-Signature": signature or signed}
        path = "/auth/sms/webhooks/imaginary/default/"
        answer = client.post(path, body, content_type="application/json", headers=headers)
        return answer.status_code

    with override_settings(SMS_OTP_BACKENDS={"default": entry}):
        with monkeypatch.context() as patch:
            patch.setattr(CallsBack, "receipt_secret", None)
            assert post("") == 403
        assert [post("forged"), post("ü")] == [403, 403]
        assert post("", state="billed") == 204
        assert OTPCode.objects.get().delivery_state == "unknown"
        with caplog.at_level(logging.WARNING, logger="shop.deliveries"):
            assert post("") == 204
    row = OTPCode.objects.get()
    assert (row.delivery_state, row.delivery_error, row.message_id) == (
        "undelivered",
        "off",
        "m1",
    )
    assert "default lost a message to +1********71." in caplog.text
    assert post("") == 404


def test_router_puts_this_app_into_another_database(modules: Modules, settings: Any) -> None:
    modules(pages.page("operations.md"))
    settings.DATABASE_ROUTERS = ["shop.routers.CodesRouter"]
    for choose in (router.db_for_read, router.db_for_write):
        assert [choose(model) for model in (Group, OTPCode)] == ["default", "codes"]


def test_gateway_refuses_options(modules: Modules) -> None:
    modules(pages.page("gateways.md"))
    with pytest.raises(InvalidBackend, match="option 'api_key' is missing"):
        gateway()
    with pytest.raises(InvalidBackend, match="Did you mean 'api_key'"):
        gateway(apikey="secret")


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
def test_a_new_users_phone_is_filled(modules: Modules) -> None:
    modules(pages.page("users.md"))
    customer = PhoneCustomer.objects.create(phone="")
    user_registered.send(
        OTPCode, user=customer, phone_number=parse_phone_number(PHONE), purpose="login"
    )
    customer.refresh_from_db()
    assert customer.phone == PHONE


@pytest.fixture(params=[False, True], ids=["", "atomic"])
def numbers(
    request: pytest.FixtureRequest,
    transactional_db: None,
    modules: Modules,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> Callable[..., int]:
    """Return a way to post to the views of the page, which are the urls of the site."""
    found = modules(pages.page("users.md"))["shop.numbers"]
    urls = types.ModuleType("documented_urls")
    vars(urls)["urlpatterns"] = [path("send/", found.send), path("change/", found.change)]
    settings.ROOT_URLCONF = urls
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)

    def post(user: Any, where: str, **fields: str) -> int:
        client = Client()
        client.force_login(user)
        return client.post(f"/{where}/", fields).status_code

    return post


def test_changing_a_number(numbers: Callable[..., int]) -> None:
    old = VerifiedPhoneFactory.create(phone_number="+14155552672")
    user = old.user
    assert numbers(user, "send", phone_number=PHONE) == 202
    code = last_code()
    assert numbers(user, "change", phone_number=PHONE, code=wrong(code)) == 400
    assert VerifiedPhone.objects.get() == old
    replaces = str(old.pk)
    assert numbers(user, "change", phone_number=PHONE, code=code, replaces=replaces) == 204
    assert [*user.verified_phones.values_list("phone_number", "is_primary")] == [(PHONE, True)]
    # Each number logs in whom it now belongs to: the old one is a new customer's.
    assert logged_in(PHONE) == user
    assert logged_in("+14155552672") != user


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_number", [False, True])
def test_a_reviewer_has_an_account_with_contents(modules: Modules, has_number: bool) -> None:
    page = pages.page("operations.md")
    found = modules(page)["shop.reviewer"]
    policy: dict[str, Any] = {"SMS_OTP": {}}
    exec(next(each.text for each in pages.blocks(page) if "TEST_NUM" in each.text), policy)
    [(number, entry)] = policy["SMS_OTP"]["TEST_NUMBERS"].items()
    user = VerifiedPhoneFactory.create().user if has_number else UserFactory.create()
    found.give_test_number(user, number)
    assert user.verified_phones.filter(is_primary=True).count() == 1
    with (
        time_machine.travel(datetime(2027, 2, 1, tzinfo=UTC)),
        testing.override_sms_otp(**policy["SMS_OTP"]),
    ):
        phone_number = parse_phone_number(number)
        request_code(phone_number)
        answer: Any = redeem_code(entry["code"], phone_number=phone_number)
    assert answer.user == user
    assert testing.outbox == []


@pytest.mark.django_db(transaction=True)
def test_a_fresh_proof(modules: Modules, client: Client) -> None:
    found = modules(pages.page("users.md"))["shop.account"]
    urls = types.ModuleType("urls")
    vars(urls)["urlpatterns"] = [
        path("export/", found.export),
        path("close/", found.CloseView.as_view()),
        path("pay/", found.PayView.as_view()),
        path("auth/sms/", include("django_sms_otp.urls")),
    ]
    client.force_login(VerifiedPhoneFactory.create(phone_number=PHONE).user)
    with override_settings(ROOT_URLCONF=urls):
        for name in ("export", "close", "pay"):
            refused = client.post(f"/{name}/")
            assert refused.status_code == 403
            assert body_of(refused)["code"] == "sms_verification_required"
        client.post("/auth/sms/step-up/get-code/")
        client.post("/auth/sms/step-up/auth-code/", {"code": last_code()})
        for name in ("export", "close", "pay"):
            assert client.post(f"/{name}/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_confirming_a_payment(modules: Modules) -> None:
    found = modules(pages.page("users.md"))["shop.payments"]
    paid: list[str] = []
    payment = types.SimpleNamespace(
        amount="50.00 EUR", payee="ACME", pay=lambda: paid.append("ACME")
    )
    payment.user = UserFactory.create()
    another = types.SimpleNamespace(**vars(payment) | {"payee": "Mallory"})
    phone_number = parse_phone_number(PHONE)
    blocks = pages.blocks(pages.page("settings.md"))
    documented: dict[str, Any] = {}
    exec(next(each.text for each in blocks if '"PURPOSES"' in each.text), documented)
    with override_settings(SMS_OTP=documented["SMS_OTP"]):
        assert isinstance(found.ask(phone_number, payment), CodeRequested)
        assert testing.outbox[-1].body == f"{last_code()} pays 50.00 EUR to ACME"
        assert not found.confirm(phone_number, another, last_code())
        assert found.confirm(phone_number, payment, last_code())
        assert not found.confirm(phone_number, payment, last_code())
    assert paid == ["ACME"]


def logged_in(text: str) -> Any:
    phone_number = parse_phone_number(text)
    assert isinstance(request_code(phone_number), CodeRequested)
    redeemed: object = redeem_code(last_code(), phone_number=phone_number)
    assert isinstance(redeemed, Redeemed)
    return redeemed.user


@pytest.mark.django_db(transaction=True)
def test_where_each_guess_names_its_request(
    modules: Modules, get_code: Post, rf: RequestFactory
) -> None:
    """The examples are those of a site with REQUIRE_REQUEST_ID, too."""
    users, tokens = modules(pages.page("users.md")), modules(pages.page("tokens.md"))
    backends = ["django_sms_otp.auth.backends.SMSCodeBackend"]
    blocks = pages.blocks(pages.page("settings.md"))
    documented: dict[str, Any] = {}
    exec(next(each.text for each in blocks if '"PURPOSES"' in each.text), documented)
    payment = types.SimpleNamespace(amount="5 EUR", payee="ACME", pay=lambda: None)
    payment.user = UserFactory.create()
    required = {**documented["SMS_OTP"], "REQUIRE_REQUEST_ID": True, "COOLDOWN": []}
    with override_settings(AUTHENTICATION_BACKENDS=backends, SMS_OTP=required):
        asked = users["shop.payments"].ask(parse_phone_number(PHONE), payment)
        given = (parse_phone_number(PHONE), payment, last_code(), asked.request_id)
        assert users["shop.payments"].confirm(*given)
        request_id = get_code().json()["request_id"]
        user_of = tokens["shop.forms"].user_of
        assert user_of(rf.get("/"), PHONE, last_code()) is None
        assert user_of(rf.get("/"), PHONE, last_code(), request_id).is_active


def test_changing_a_number_where_each_guess_names_its_request(
    numbers: Callable[..., int],
) -> None:
    user = UserFactory.create()
    client = Client()
    client.force_login(user)
    with testing.override_sms_otp(REQUIRE_REQUEST_ID=True):
        request_id = client.post("/send/", {"phone_number": PHONE}).json()["request_id"]
        fields = {"phone_number": PHONE, "code": last_code(), "request_id": request_id}
        assert numbers(user, "change", **fields) == 204
    assert [*user.verified_phones.values_list("phone_number", flat=True)] == [PHONE]


@testing.override_sms_otp(NUMBER_TAKEN="refuse")
def test_changing_to_a_number_of_somebody_else(numbers: Callable[..., int]) -> None:
    theirs = VerifiedPhoneFactory.create(phone_number=PHONE)
    mine = VerifiedPhoneFactory.create(phone_number="+14155552672")
    numbers(mine.user, "send", phone_number=PHONE)
    assert numbers(mine.user, "change", phone_number=PHONE, code=last_code()) == 400
    assert {*VerifiedPhone.objects.values_list("pk", "user")} == {
        (theirs.pk, theirs.user.pk),
        (mine.pk, mine.user.pk),
    }


def test_proving_a_number_again_is_the_way_back_after_a_lockout(
    numbers: Callable[..., int],
) -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    with testing.override_sms_otp(COOLDOWN=[], MAX_CONSECUTIVE_FAILURES=1):
        numbers(user, "send", phone_number=PHONE)
        numbers(user, "change", phone_number=PHONE, code=wrong(last_code()))
        assert isinstance(request_code(parse_phone_number(PHONE)), RequestRefused)
        numbers(user, "send", phone_number=PHONE)
        assert numbers(user, "change", phone_number=PHONE, code=last_code()) == 204
        assert isinstance(request_code(parse_phone_number(PHONE)), CodeRequested)


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


@pytest.mark.parametrize("has_second_factor", [True, False])
def test_risk(
    modules: Modules, get_code: Post, auth_code: Post, *, has_second_factor: bool
) -> None:
    modules(pages.page("settings.md"))
    user = UserFactory.create(is_staff=True)
    VerifiedPhoneFactory.create(phone_number=PHONE, user=user)
    if has_second_factor:
        cache.set(f"second-factor:{user.pk}", True, 600)
    with testing.override_sms_otp(NUMBER_RISK="shop.risk.Risks", ALLOW_STAFF=True):
        get_code()
        answer = auth_code(phone_number=PHONE, code=last_code())
    assert answer.status_code == (200 if has_second_factor else 403)


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
        ("US", "messages", 1),
        ("US", "refused:cooldown", 1),
        ("US", "requested", 1),
        ("US", "sent", 1),
    ]


@pytest.mark.django_db
def test_login_without_http(modules: Modules) -> None:
    login = modules(pages.page("python.md"))["shop.login"]
    assert login.send_code("555", IP_ADDRESS) == "invalid_phone_number"
    request_id = login.send_code(PHONE, IP_ADDRESS)
    assert login.send_code(PHONE, IP_ADDRESS) == "cooldown"
    assert login.log_in(request_id, wrong(last_code()), IP_ADDRESS) is None
    user = login.log_in(request_id, last_code(), IP_ADDRESS)
    assert VerifiedPhone.objects.get().user == user


@pytest.mark.django_db
def test_bot(modules: Modules) -> None:
    send_code = async_to_sync(modules(pages.page("python.md"))["shop.bot"].send_code)
    assert send_code("555").startswith("This is not a phone number.")
    assert send_code(PHONE) == ""
    assert last_code()
    assert send_code(PHONE).startswith("A code was sent a moment ago.")


@pytest.mark.django_db
def test_view_of_a_site(modules: Modules) -> None:
    confirm = modules(pages.page("python.md"))["shop.views"].confirm
    outcome = request_code(parse_phone_number(PHONE))
    assert isinstance(outcome, CodeRequested)

    def answer(code: str) -> Any:
        return confirm(RequestFactory().post("/", {"code": code, "request_id": request_id}))

    request_id = str(outcome.request_id)
    with testing.override_sms_otp(DEVICE_COOKIE="device"):
        refused = answer(wrong(last_code()))
        assert (refused.status_code, refused.content.decode()) == (
            400,
            "This code is not valid. Check it, or ask for a new one.",
        )
        welcome = answer(last_code())
    assert welcome.content.decode().startswith("Hello ")
    assert welcome.cookies["device"].value


@pytest.mark.django_db
def test_text_about_a_parcel(modules: Modules, settings: Any) -> None:
    parcels = modules(pages.page("delivery.md"))["shop.parcels"]
    assert parcels.tell(PHONE, "Your parcel is here.") == ""
    [message] = testing.outbox
    assert (message.body, message.code) == ("Your parcel is here.", None)
    settings.SMS_OTP_BACKENDS = {"default": twilio_entry(unreachable())}
    assert parcels.tell(PHONE, "Your parcel is here.") is None


def test_gateways(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    gateways = modules(pages.page("failover.md"))["shop.gateways"]
    subjects: list[str] = []
    monkeypatch.setattr(
        gateways, "mail_admins", lambda subject, _text: subjects.append(subject)
    )
    gateways.circuit_opened.send(Limit, alias="virginia", until=timezone.now())
    gateways.circuit_closed.send(Limit, alias="virginia")
    assert subjects == ["SMS gateway virginia fails", "SMS gateway virginia works again"]


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


@pytest.mark.django_db(transaction=True)
def test_who_has_logged_in_by_password_adds_a_first_number(
    modules: Modules, settings: Any
) -> None:
    serializer = modules(pages.page("tokens.md"))["shop.tokens"].ShopTokenSerializer
    jwt = "rest_framework_simplejwt.authentication.JWTAuthentication"
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [jwt]}
    token = serializer.get_token(UserFactory.create()).access_token
    client = Client(headers={"Authorization": f"Bearer {token}"})
    body = {"phone_number": PHONE}
    assert client.post("/auth/sms/numbers/", body).status_code == 202
    body["code"] = last_code()
    assert client.post("/auth/sms/numbers/verify/", body).status_code == 201


@pytest.mark.django_db
def test_issuer(modules: Modules) -> None:
    modules(pages.page("tokens.md"))
    user = UserFactory.create()
    with testing.override_sms_otp(TOKEN_ISSUER="shop.issuers.ShopIssuer"):
        answer = get_token_issuer().issue(user)
        assert answer["user"] == {"id": user.pk, "new": False}
        assert {"access", "refresh"} < set(answer)
        user.username = "closed_1"
        with pytest.raises(LoginRefused):
            get_token_issuer().issue(user)


@pytest.mark.django_db
def test_issuer_touches_the_answer(
    modules: Modules, get_code: Post, auth_code: Post, client: Client
) -> None:
    modules(pages.page("tokens.md"))
    get_code()
    with testing.override_sms_otp(TOKEN_ISSUER="shop.issuers.ShopIssuer"):
        user = auth_code(phone_number=PHONE, code=last_code()).json()["user"]
    assert user["new"]
    assert client.cookies["greet"].value == str(user["id"])


@pytest.mark.django_db
def test_every_issuer_returns_what_the_table_says(client: Client) -> None:
    page = pages.page("tokens.md")
    table = [row for row in pages.rows(page, "Tokens") if "Issuer" in row[0]]
    assert len(table) == 5
    for number, (name, returns, *_) in enumerate(table):
        path = f"django_sms_otp.auth.tokens.{re.findall('[A-Z][A-Za-z]+Issuer', name)[0]}"
        body = {"phone_number": f"+1415555267{number}"}
        with testing.override_sms_otp(TOKEN_ISSUER=path):
            client.post("/auth/sms/get-code/", body)
            answer = client.post("/auth/sms/auth-code/", {**body, "code": last_code()})
        keys = re.findall(r"\{(.+?)\}", returns)[0]
        assert {*answer.json()} == {*re.findall(r'"(\w+)"', keys)}


@pytest.mark.django_db
def test_session_login(modules: Modules, client: Client, get_code: Post) -> None:
    page = pages.page("tokens.md")
    enter_code = modules(page)["shop.session_login"].enter_code
    urls = types.ModuleType("urls")
    vars(urls)["urlpatterns"] = [path("enter/", enter_code)]
    request_id = get_code().json()["request_id"]
    code = last_code()
    with override_settings(ROOT_URLCONF=urls):
        for typed, is_in in ((wrong(code), False), (code, True)):
            answer = client.post("/enter/", {"code": typed, "request_id": request_id})
            assert answer.status_code == 302
            assert (SESSION_KEY in client.session) is is_in


@pytest.mark.django_db
def test_authenticate(modules: Modules, get_code: Post, rf: RequestFactory) -> None:
    user_of = modules(pages.page("tokens.md"))["shop.forms"].user_of
    get_code()
    backends = ["django_sms_otp.auth.backends.SMSCodeBackend"]
    assert backends[0] in pages.page("tokens.md").read_text()
    with override_settings(AUTHENTICATION_BACKENDS=backends):
        assert user_of(rf.get("/"), PHONE, wrong(last_code())) is None
        assert user_of(rf.get("/"), PHONE, last_code()).is_active


@pytest.mark.django_db
def test_receiver(modules: Modules, caplog: pytest.LogCaptureFixture) -> None:
    modules(pages.page("python.md"))
    with caplog.at_level(logging.INFO, logger="shop.logins"):
        redeem_code(message().code or "", phone_number=parse_phone_number(PHONE))
    [record] = [each for each in caplog.records if each.name == "shop.logins"]
    assert record.getMessage().endswith("by SMS with +1********71.")
    assert PHONE not in caplog.text


ORIGIN = "https://app.example.com"


@pytest.mark.django_db
def test_a_page_of_another_origin_reads_how_long_to_wait(settings: Any) -> None:
    pytest.importorskip("corsheaders")
    before = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]
    with override_settings(MIDDLEWARE=before, **values_of("api.md", "settings.py")):
        for status in (202, 429):
            answer = Client().post(
                "/auth/sms/get-code/",
                {"phone_number": PHONE},
                headers={"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
            )
            assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert exposed == "Retry-After, WWW-Authenticate"
    assert int(answer.headers["Retry-After"]) == answer.json()["retry_after"]


@pytest.mark.django_db
def test_who_comes_back_stays_logged_in_until_they_log_out(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    values = values_of("tokens.md", "settings.py", INSTALLED_APPS=[])
    # simplejwt reads its settings once, when a process starts.
    lifetime = values["SIMPLE_JWT"]["REFRESH_TOKEN_LIFETIME"]
    for name, value in values["SIMPLE_JWT"].items():
        monkeypatch.setattr(vars(serializers)["api_settings"], name, value)
    monkeypatch.setattr(RefreshToken, "lifetime", lifetime)
    settings.ROOT_URLCONF = types.ModuleType("documented_urls")
    vars(settings.ROOT_URLCONF).update(values_of("tokens.md", "urls.py", whole=True))
    first = get_token_issuer().issue(UserFactory.create())["refresh"]
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        second = post_token("refresh", first).json()["refresh"]
        assert post_token("refresh", first).status_code == 401
    with time_machine.travel(timezone.now() + timedelta(days=58)):
        third = post_token("refresh", second).json()["refresh"]
        assert post_token("logout", third).status_code == 200
        assert post_token("refresh", third).status_code == 401


def post_token(action: str, token: str) -> Any:
    return Client().post(f"/auth/{action}/", {"refresh": token})


def values_of(name: str, title: str, whole: bool = False, **values: Any) -> dict[str, Any]:
    """Execute the first block of a page for a file; return its settings, or all names."""
    block = next(each for each in pages.blocks(pages.page(name)) if each.title == title)
    exec(compile(block.text, str(block), "exec"), values)
    return values if whole else {key: each for key, each in values.items() if key.isupper()}


@pytest.mark.django_db(transaction=True)
def test_the_admin_asks_for_a_code(modules: Modules, client: Client) -> None:
    found = modules(pages.page("pages.md"))
    kind = import_string(found["shop.apps"].ShopAdminConfig.default_site)
    assert kind.site_header == "Ada's shop"
    urls = types.ModuleType("urls")
    vars(urls)["urlpatterns"] = [
        path("admin/", kind(name="admin").urls),
        path("support/", found["shop.support_site"].SupportSite(name="support").urls),
        path("login/", include("django_sms_otp.web.urls")),
    ]
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    user.is_staff = True
    user.save()
    policy = testing.override_sms_otp(GUARD_STAFF_NUMBERS=True, ALLOW_STAFF=True)
    with override_settings(ROOT_URLCONF=urls), policy:
        client.post("/login/", {"phone_number": PHONE})
        tab = client.get("/login/code/").context["pending"].tab
        client.post("/login/code/", {"code": last_code(), "tab": tab})
        assert client.get("/support/").status_code == 200
        assert client.get("/admin/").status_code == 302
        client = Client()
        client.force_login(user)
        assert client.get("/admin/login/")["Location"] == "/login/step-up/?next=/admin/"


def test_a_user_leads_to_their_story(db: None, modules: Modules, admin_client: Client) -> None:
    page = modules(pages.page("support.md"))["shop.admin"]
    phone = VerifiedPhoneFactory.create(phone_number=PHONE)
    user_admin = page.CustomerAdmin(type(phone.user), admin.site)
    url = re.findall(r'href="(.+?)"', user_admin.sms_login(phone.user))[0]
    assert f"Story of {PHONE}" in admin_client.get(url, follow=True).content.decode()


def test_a_user_who_goes_leaves_nothing(transactional_db: None, modules: Modules) -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    OTPCodeFactory.create(phone_number=PHONE)
    modules(pages.page("support.md"))["shop.privacy"].forget(user)
    left = [model.objects.count() for model in (type(user), VerifiedPhone, OTPCode, Limit)]
    assert left == [0, 0, 0, 0]


def test_a_site_starts_with_the_admin_that_asks_for_a_code(tmp_path: Path) -> None:
    """In a process of its own: the apps are not loaded yet when it names their classes."""
    (tmp_path / "shop").mkdir()
    for block in pages.blocks(pages.page("pages.md")):
        if block.title in {"shop/admin_site.py", "shop/apps.py"}:
            (tmp_path / block.title).write_text(block.text)
    settings = [
        "from tests.settings import *",
        "INSTALLED_APPS.remove('django.contrib.admin')",
        *(
            block.text
            for block in pages.blocks(pages.page("pages.md"))
            if block.title == "settings.py" and "INSTALLED_APPS" in block.text
        ),
    ]
    (tmp_path / "shop_settings.py").write_text("\n".join(settings))
    code = (
        "import django; django.setup()\n"
        "from django.contrib import admin\n"
        "from django.core.checks import run_checks\n"
        "print(admin.site.site_header, [each.id for each in run_checks()])"
    )
    started = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=False,
        cwd=pages.ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "shop_settings",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(pages.ROOT)]),
        },
        text=True,
        timeout=60,
    )
    assert started.stdout.startswith("Ada's shop ["), started.stderr
    assert "sms_otp.E" not in started.stdout
