"""Attacks on accounts and their numbers that take one request at a time, and what holds each.

``docs/attacks.md`` lists them by the docstrings of the tests.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.test import Client, RequestFactory, override_settings
from django.utils.decorators import method_decorator
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import AccessToken

from django_sms_otp import services
from django_sms_otp.auth.step_up import is_verified, sms_verified
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed, RedemptionRefused
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import body_of, last_code, wrong
from ..support.factories import UserFactory, VerifiedPhoneFactory
from ..web.browser import Browser

pytestmark = pytest.mark.django_db(transaction=True)

API = "/auth/sms/"
MINE, NEW, VICTIMS = "+14155552671", "+14155552672", "+14155552673"


def owner_of(number: str, **fields: Any) -> User:
    user: User = UserFactory.create(**fields)
    VerifiedPhoneFactory.create(user=user, phone_number=number)
    return user


def session_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def session_with(browser: Browser) -> Client:
    """Return a client that has the cookies of a browser, and asks for no CSRF token."""
    client = Client()
    client.cookies = browser.client.cookies
    return client


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(f"{API}{path}", body, content_type="application/json")


def code_of(answer: Any) -> str:
    """Return the stable word of a refusal."""
    return str(body_of(answer)["code"])


def ids_of(user: User) -> list[int]:
    return [*user.verified_phones.order_by("pk").values_list("pk", flat=True)]


def holder_of(number: str) -> User | None:
    found = VerifiedPhone.objects.filter(phone_number=number).first()
    return found.user if found else None


def code_sent_to(number: str) -> str:
    message = next(each for each in reversed(outbox) if each.to == number and each.code)
    assert message.code
    return message.code


def test_a_code_for_another_payment() -> None:
    """A code for one payment is redeemed for another amount or payee.

    Held: the context is a part of the derivation of the code.
    """
    purposes = {"pay": {"MESSAGE": "{code} pays {amount} to {payee}"}}
    number = parse_phone_number(MINE)
    shown = {"amount": "5.00 EUR", "payee": "ACME"}
    with override_sms_otp(PURPOSES=purposes):
        services.request_code(number, purpose="pay", context=shown)
        for forged in (shown | {"amount": "5000.00 EUR"}, shown | {"payee": "Mallory"}, None):
            refused: object = services.redeem_code(
                last_code(), phone_number=number, purpose="pay", context=forged
            )
            assert isinstance(refused, RedemptionRefused)
        right: object = services.redeem_code(
            last_code(), phone_number=number, purpose="pay", context=shown
        )
        assert isinstance(right, Redeemed)


def test_a_payee_whose_name_forges_the_message() -> None:
    """A payee calls himself so that the message shows another amount or site.

    Held: a context has no line break and no mark that reorders text.
    """
    purposes = {"pay": {"MESSAGE": "{code} pays {amount} to {payee}"}}
    for name in ("ACME\n@bank.example #111111", "ACME \u202e00,05", "ACME\u2028Hello"):
        with override_sms_otp(PURPOSES=purposes), pytest.raises(ValueError, match="line break"):
            services.request_code(
                parse_phone_number(MINE),
                purpose="pay",
                context={"amount": "5.00 EUR", "payee": name},
            )
    assert not outbox


def test_a_code_of_one_purpose_at_the_door_of_another() -> None:
    """A code that was phished under one pretext is used at another endpoint.

    Held: the purpose is a part of the derivation, and the texts of the messages differ.
    """
    owner = owner_of(MINE)
    client = session_of(owner)
    with override_sms_otp(COOLDOWN=[]):
        post(Client(), "get-code/", phone_number=MINE)
        login = code_sent_to(MINE)
        post(client, "numbers/", phone_number=MINE)
        proof = code_sent_to(MINE)
        post(client, "step-up/get-code/")
        step_up = code_sent_to(MINE)
    with override_sms_otp(MAX_ATTEMPTS=20):  # No wait may answer for the code.
        refused = [
            post(client, "numbers/verify/", phone_number=MINE, code=login),
            post(client, "numbers/verify/", phone_number=MINE, code=step_up),
            post(Client(), "auth-code/", phone_number=MINE, code=proof),
            post(Client(), "auth-code/", phone_number=MINE, code=step_up),
            post(client, "step-up/auth-code/", code=login),
            post(client, "step-up/auth-code/", code=proof),
        ]
    assert {code_of(each) for each in refused} == {"invalid_code"}
    texts = [message.body.replace(message.code or "", "") for message in outbox]
    assert len(set(texts)) == 3


def test_somebody_elses_number_by_its_id() -> None:
    """Ids of numbers are tried one after the other: to remove, to prefer, to send codes to.

    Held: only the caller's own are looked at, and any other id is answered like one that does
    not exist.
    """
    victim, thief = owner_of(VICTIMS), owner_of(MINE)
    client, [theirs] = session_of(thief), ids_of(victim)
    answers = {
        (answer.status_code, answer.content)
        for number in (theirs, 10**9, "x")
        for answer in (
            client.delete(f"{API}numbers/{number}/?force=true"),
            post(client, f"numbers/{number}/make-primary/"),
            post(client, "step-up/get-code/", number=str(number)),
        )
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert not outbox
    assert ids_of(victim) == [theirs]


def test_a_user_name_that_is_somebody_elses_key(settings: Any) -> None:
    """An account calls itself "7" where a token names its user, to act for account 7.

    Held: whom a token alone names is found by simplejwt's USER_ID_FIELD, as simplejwt does.
    """
    stateless = "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [stateless]}
    settings.SIMPLE_JWT = {"USER_ID_FIELD": "username"}
    victim = owner_of(VICTIMS)
    thief = owner_of(MINE, username=str(victim.pk))
    token = AccessToken()
    token["user_id"], token["auth_time"] = thief.username, int(time.time())
    client = Client(headers={"Authorization": f"Bearer {token}"})
    [shown] = body_of(client.get(f"{API}numbers/"))["numbers"]
    assert shown["phone_number"] == MINE
    post(client, "numbers/", phone_number=NEW)
    post(client, "numbers/verify/", phone_number=NEW, code=code_sent_to(NEW))
    assert holder_of(NEW) == thief


def test_the_proof_of_another_account() -> None:
    """A thief sends a stolen token together with the cookie of a session that has a proof.

    Held: the proof is looked for where the caller was found; sms_verified() refuses to stand
    before a view that has not looked at the token yet.
    """

    @method_decorator(sms_verified(), name="dispatch")
    class Paying(APIView):
        def post(self, request: Any) -> Response:
            return Response("paid")

    session, victim = session_of(owner_of(MINE)), owner_of(VICTIMS)
    post(session, "step-up/get-code/")
    post(session, "step-up/auth-code/", code=code_sent_to(MINE))
    request: Any = RequestFactory().post(
        "/", headers={"Authorization": f"Bearer {AccessToken.for_user(victim)}"}
    )
    request.session = session.session
    request.user = get_user(request)
    assert is_verified(request)
    with pytest.raises(TypeError, match="Paying authenticates by itself"):
        Paying.as_view()(request)


def test_whether_a_number_is_taken() -> None:
    """An account asks to add numbers, to learn which of them have accounts.

    Held: the answer is the same, also where NUMBER_TAKEN refuses. That is told to whoever has
    proven to hold the number, and to nobody else.
    """
    victim, thief = owner_of(VICTIMS), owner_of(MINE)
    client = session_of(thief)
    with override_sms_otp(NUMBER_TAKEN="refuse"):
        taken, free = (post(client, "numbers/", phone_number=each) for each in (VICTIMS, NEW))
        assert taken.status_code == free.status_code == 202
        assert body_of(taken).keys() == body_of(free).keys()
        code = code_sent_to(VICTIMS)
        guessed = post(client, "numbers/verify/", phone_number=VICTIMS, code=wrong(code))
        assert code_of(guessed) == "invalid_code"
        proven = post(client, "numbers/verify/", phone_number=VICTIMS, code=code)
        assert code_of(proven) == "phone_number_taken"
    assert holder_of(VICTIMS) == victim


def test_the_number_of_a_banned_account() -> None:
    """Who was locked out moves the number of the banned account to a fresh one.

    Held: an inactive or hidden user keeps its number, whatever NUMBER_TAKEN says.
    """
    banned, fresh = owner_of(VICTIMS, is_active=False), owner_of(MINE)
    client = session_of(fresh)
    post(client, "numbers/", phone_number=VICTIMS)
    body = {"phone_number": VICTIMS, "code": code_sent_to(VICTIMS)}
    assert code_of(post(client, "numbers/verify/", **body)) == "phone_number_taken"
    assert holder_of(VICTIMS) == banned


def test_a_login_code_from_before_the_number_moved() -> None:
    """The old holder of a number keeps a login code, and uses it once the number has moved.

    Held: all codes that were sent to a number end when another account proves to hold it.
    """
    old, new = owner_of(VICTIMS), owner_of(MINE)
    client = session_of(new)
    with override_sms_otp(COOLDOWN=[]):
        post(Client(), "get-code/", phone_number=VICTIMS)
        kept = code_sent_to(VICTIMS)
        post(client, "numbers/", phone_number=VICTIMS)
        post(client, "numbers/verify/", phone_number=VICTIMS, code=code_sent_to(VICTIMS))
        assert holder_of(VICTIMS) == new
        late = post(Client(), "auth-code/", phone_number=VICTIMS, code=kept)
        assert code_of(late) == "invalid_code"
        # The new holder asks for a code of their own.
        post(Client(), "get-code/", phone_number=VICTIMS)
        fresh = post(Client(), "auth-code/", phone_number=VICTIMS, code=code_sent_to(VICTIMS))
    assert fresh.status_code == 200
    assert not old.verified_phones.exists()


def test_the_fixed_code_of_a_number_that_somebody_has_got_since() -> None:
    """A stranger knows the fixed code of a test number, which a customer has got meanwhile.

    Held: once its holder has logged in by a message, or proven the number, no fixed code opens
    the account, whatever TEST_NUMBERS says later.
    """
    entry = {MINE: {"code": "123456"}}

    def log_in(code: str | None = None) -> Any:
        post(Client(), "get-code/", phone_number=MINE)
        code = code or code_sent_to(MINE)
        return post(Client(), "auth-code/", phone_number=MINE, code=code)

    with override_sms_otp(COOLDOWN=[]):
        with override_sms_otp(TEST_NUMBERS=entry):
            assert log_in("123456").status_code == 200
        assert log_in().status_code == 200
        with override_sms_otp(TEST_NUMBERS=entry):
            assert code_of(log_in("123456")) == "invalid_code"
    assert User.objects.count() == 1


def test_messages_to_a_stranger_by_the_door_for_my_numbers() -> None:
    """An account floods a stranger's phone through the endpoints for its own numbers.

    Held: all purposes share the number's cooldown and limits.
    """
    clients = [session_of(owner_of(f"+1415555{number:04}")) for number in range(3000, 3006)]
    with override_sms_otp(COOLDOWN=[]):
        answers = [post(client, "numbers/", phone_number=NEW) for client in clients]
        answers.append(post(Client(), "get-code/", phone_number=NEW))
    assert [each.to for each in outbox].count(NEW) <= 5
    assert {code_of(each) for each in answers[5:]} == {"quota_exceeded"}


def test_guesses_by_the_door_for_my_numbers() -> None:
    """An account guesses the code that a stranger's phone got for it.

    Held: wrong guesses of all purposes count for the number, and no success of another purpose
    gives them back to the code.
    """
    thief = owner_of(MINE)
    client = session_of(thief)
    post(client, "numbers/", phone_number=VICTIMS)
    code = code_sent_to(VICTIMS)
    for _ in range(5):
        guessed = post(client, "numbers/verify/", phone_number=VICTIMS, code=wrong(code))
        assert code_of(guessed) == "invalid_code"
    spent = post(client, "numbers/verify/", phone_number=VICTIMS, code=code)
    assert code_of(spent) == "too_many_attempts"
    assert holder_of(VICTIMS) is None


def test_notices_as_a_way_to_pump() -> None:
    """An account adds and removes a number over and over, so that notices cost the site.

    Held: each number gets ten notices a day at most.
    """
    owner = owner_of(MINE)
    client = session_of(owner)
    with override_sms_otp(COOLDOWN=[], LIMITS={"phone": "100/h", "phone_ip": "100/h"}):
        for _ in range(12):
            post(client, "numbers/", phone_number=NEW)
            post(client, "numbers/verify/", phone_number=NEW, code=code_sent_to(NEW))
            number = VerifiedPhone.objects.get(phone_number=NEW)
            assert client.delete(f"{API}numbers/{number.pk}/").status_code == 204
    notices = [each for each in outbox if not each.code]
    assert notices
    assert all([each.to for each in notices].count(number) <= 10 for number in (MINE, NEW))


def test_a_page_of_another_site_removes_a_number() -> None:
    """A page of another site posts with the visitor's cookie.

    Held: Django's CSRF check, and the browser's own word about which site asks.
    """
    owner = owner_of(MINE, password="")
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    path = f"{API}numbers/{ids_of(owner)[0]}/make-primary/"
    for headers in ({}, {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}):
        assert client.post(path, headers=headers).status_code == 403
    foreign = session_of(owner).post(path, headers={"sec-fetch-site": "cross-site"})
    assert code_of(foreign) == "cross_site"


@pytest.mark.urls("tests.web.test_admin_site")
def test_tokens_in_the_place_of_a_password() -> None:
    """Who has the phone of staff logs in by SMS, and has tokens made in that session.

    Held: tokens are no login to the session, so the admin asks for the password still.
    """
    staff = owner_of(MINE, is_staff=True, is_superuser=True)
    writing = [*django_settings.MIDDLEWARE, "tests.web.test_admin_site.LastActivity"]
    with (
        override_settings(MIDDLEWARE=writing),
        override_sms_otp(GUARD_STAFF_NUMBERS=True, ALLOW_STAFF=True, COOLDOWN=[]),
    ):
        browser = Browser()
        browser.ask(MINE)
        browser.enter(last_code())
        client = session_with(browser)
        post(client, "get-code/", phone_number=MINE)
        assert (
            post(client, "auth-code/", phone_number=MINE, code=last_code()).status_code == 200
        )
        assert client.post("/knox/").status_code == 200
        assert client.session["_auth_user_id"] == str(staff.pk)
        assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("way", ["nowhere", "?a=1", "sms_otp_web:resend"])
def test_a_way_on_that_fails_after_the_login(way: str) -> None:
    """A link to the login page has a next that is no path, so that the last step fails.

    Held: next is an address of the site, and nothing looks for a URL of that name.
    """
    browser = Browser()
    browser.ask(MINE, at=f"/login/?{urlencode({'next': way})}")
    browser.enter(last_code())
    assert browser.is_logged_in
    assert browser.answer["Location"] == way


def test_a_number_in_a_planted_session() -> None:
    """A stranger plants a session of their own in a browser, and reads in it who logs in.

    Held: a session gets a new key when a code is asked for, and another one with the login.
    """
    thief, victim = Browser(), Browser()
    thief.ask(MINE)
    key = thief.client.cookies["sessionid"].value
    victim.client.cookies["sessionid"] = key
    victim.ask(VICTIMS)
    thief.open("/login/code/")
    assert thief.address == "/login/"
    thief.client.cookies["sessionid"] = victim.client.cookies["sessionid"].value
    victim.enter(code_sent_to(VICTIMS))
    assert victim.is_logged_in
    assert VICTIMS[-4:] not in thief.open("/login/").html


# The page


def lines() -> list[tuple[str, str]]:
    """Return what each attack is, and what holds it."""
    found = []
    for name, test in vars(sys.modules[__name__]).items():
        if name.startswith("test_") and test.__doc__ and "Held:" in test.__doc__:
            attack, _, held = re.sub(r"\s+", " ", test.__doc__).strip().partition(" Held: ")
            found.append((attack, held[0].upper() + held[1:]))
    return found


def test_the_page_lists_these_attacks() -> None:
    page = Path(__file__).parents[2] / "docs" / "attacks.md"
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page.read_text("utf-8"), re.MULTILINE)
    listed = [(attack, held) for attack, held in rows if attack not in {"attack", "---"}]
    assert listed == lines()
