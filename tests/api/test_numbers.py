"""``numbers/``: what is the caller's, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from django_sms_otp import testing
from django_sms_otp.testing import override_sms_otp

from ..conftest import body_of, last_code, wrong
from ..services.test_numbers import NEW, OLD, THIRD, id_of, texts_of, user_with

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/auth/sms/numbers/"


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_list_shows_the_callers_numbers_whole() -> None:
    user = user_with(OLD, NEW)
    user_with(THIRD)
    response = logged_in(user).get(URL)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    first, second = body_of(response)["numbers"]
    assert first["phone_number"] == OLD
    assert first["is_primary"] is True
    assert second["phone_number"] == NEW
    assert second["is_primary"] is False
    assert set(first) == {"id", "phone_number", "is_primary", "verified_at", "last_used_at"}


def test_guarded_staff_see_their_numbers_masked_until_they_confirm_a_code() -> None:
    """Whoever knows their password alone would learn which number to take over."""
    user = user_with(OLD, NEW)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    client = logged_in(user)
    with override_sms_otp(GUARD_STAFF_NUMBERS=True):
        shown = [each["phone_number"] for each in body_of(client.get(URL))["numbers"]]
        assert shown == ["+1********31", "+1********32"]
        client.post("/auth/sms/step-up/get-code/")
        client.post("/auth/sms/step-up/auth-code/", {"code": last_code()})
        shown = [each["phone_number"] for each in body_of(client.get(URL))["numbers"]]
        assert shown == [OLD, NEW]
        with time_machine.travel(timezone.now() + timedelta(minutes=11)):
            assert "+1********31" in client.get(URL).content.decode()


def test_a_number_is_removed() -> None:
    user = user_with(OLD, NEW)
    response = logged_in(user).delete(f"{URL}{id_of(user, NEW)}/")
    assert response.status_code == 204
    assert response["Cache-Control"] == "no-store"
    assert texts_of(user) == [OLD]


def test_the_last_way_in_is_removed_only_if_that_is_said() -> None:
    user = user_with(OLD)
    client, url = logged_in(user), f"{URL}{id_of(user, OLD)}/"
    response = client.delete(url)
    assert response.status_code == 409
    assert body_of(response)["code"] == "last_way_in"
    assert texts_of(user) == [OLD]
    assert client.delete(f"{url}?force=true").status_code == 204
    assert texts_of(user) == []


def test_guarded_staff_keep_their_last_number_whatever_is_said() -> None:
    user = user_with(OLD)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    client = logged_in(user)
    with override_sms_otp(GUARD_STAFF_NUMBERS=True):
        client.post("/auth/sms/step-up/get-code/")
        client.post("/auth/sms/step-up/auth-code/", {"code": last_code()})
        response = client.delete(f"{URL}{id_of(user, OLD)}/?force=true")
    assert body_of(response)["code"] == "last_way_in"
    assert texts_of(user) == [OLD]


def test_a_number_is_made_primary() -> None:
    user = user_with(OLD, NEW)
    response = logged_in(user).post(f"{URL}{id_of(user, NEW)}/make-primary/")
    assert response.status_code == 200
    assert body_of(response)["is_primary"] is True
    assert texts_of(user) == [NEW, OLD]


def ask(client: Client, number: str = NEW, **fields: str) -> Any:
    body = {"phone_number": number, **fields}
    return client.post(URL, body, content_type="application/json")


def verify(client: Client, code: str, number: str = NEW, **fields: str) -> Any:
    body = {"phone_number": number, "code": code, **fields}
    return client.post(f"{URL}verify/", body, content_type="application/json")


def test_a_number_is_added() -> None:
    user = user_with(OLD)
    client = logged_in(user)
    asked = ask(client)
    assert asked.status_code == 202
    assert set(body_of(asked)) == {
        "request_id",
        "expires_at",
        "resend_available_at",
        "code_length",
    }
    code = last_code()
    response = verify(client, wrong(code))
    assert (response.status_code, body_of(response)["code"]) == (401, "invalid_code")
    response = verify(client, code)
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    assert body_of(response)["phone_number"] == NEW
    assert body_of(response)["is_primary"] is False
    assert texts_of(user) == [OLD, NEW]


def test_a_number_is_changed_in_one_story() -> None:
    user = user_with(OLD)
    client = logged_in(user)
    ask(client)
    response = verify(client, last_code(), replaces=id_of(user, OLD))
    assert response.status_code == 201
    assert body_of(response)["is_primary"] is True
    assert texts_of(user) == [NEW]


def test_the_place_of_somebody_elses_number() -> None:
    user, other = user_with(OLD), user_with(THIRD)
    client = logged_in(user)
    ask(client)
    code = last_code()
    for number_id in (id_of(other, THIRD), "0"):
        response = verify(client, code, replaces=number_id)
        assert (response.status_code, body_of(response)["code"]) == (404, "not_found")
    assert texts_of(other) == [THIRD]
    assert texts_of(user) == [OLD]


def test_the_code_of_one_user_is_a_wrong_code_in_the_session_of_another() -> None:
    mine, theirs = user_with(OLD), user_with(THIRD)
    asked = body_of(ask(logged_in(mine)))
    code = last_code()
    for fields in ({}, {"request_id": asked["request_id"]}):
        response = verify(logged_in(theirs), code, **fields)
        assert (response.status_code, body_of(response)["code"]) == (401, "invalid_code")
    assert texts_of(theirs) == [THIRD]
    assert verify(logged_in(mine), code).status_code == 201


def test_a_taken_number_is_asked_for_like_a_free_one() -> None:
    user_with(NEW)
    client = logged_in(user_with(OLD))
    with override_sms_otp(NUMBER_TAKEN="refuse"):
        taken, free = ask(client), ask(client, THIRD)
        assert (taken.status_code, free.status_code) == (202, 202)
        assert set(body_of(taken)) == set(body_of(free))
        code = testing.outbox[0].code
        response = verify(client, code or "")
    assert (response.status_code, body_of(response)["code"]) == (409, "phone_number_taken")


def test_the_limits_of_the_site_hold() -> None:
    client = logged_in(user_with(OLD))
    assert ask(client).status_code == 202
    response = ask(client)
    assert (response.status_code, body_of(response)["code"]) == (429, "cooldown")
    assert response["Retry-After"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"phone_number": "555"}, "invalid_phone_number"),
        ({"phone_number": 14155550132}, "invalid"),
        ({}, "invalid"),
    ],
)
def test_a_malformed_body(fields: dict[str, Any], code: str) -> None:
    client = logged_in(user_with(OLD))
    for url in (URL, f"{URL}verify/"):
        response = client.post(url, fields, content_type="application/json")
        assert response.status_code == 400
        assert body_of(response)["code"] == code
        assert "phone_number" in body_of(response)["errors"]


def test_the_request_id_that_a_site_requires() -> None:
    client = logged_in(user_with(OLD))
    with override_sms_otp(REQUIRE_REQUEST_ID=True):
        asked = body_of(ask(client))
        response = verify(client, last_code())
        assert response.status_code == 400
        assert "request_id" in body_of(response)["errors"]
        response = verify(client, last_code(), request_id=asked["request_id"])
        assert response.status_code == 201


Send = Callable[[Client, str], Any]
WITH_ID: dict[str, Send] = {
    "remove": lambda client, number_id: client.delete(f"{URL}{number_id}/"),
    "make primary": lambda client, number_id: client.post(f"{URL}{number_id}/make-primary/"),
}


@pytest.mark.parametrize("send", WITH_ID.values(), ids=WITH_ID)
def test_somebody_elses_number_is_answered_like_one_that_does_not_exist(send: Send) -> None:
    mine, theirs = user_with(OLD, NEW), user_with(THIRD)
    answers = [
        send(logged_in(mine), number_id) for number_id in (id_of(theirs, THIRD), "0", "x" * 99)
    ]
    assert {each.status_code for each in answers} == {404}
    assert {each.content for each in answers} == {
        b'{"detail":"We could not find that.","code":"not_found"}'
    }
    assert texts_of(theirs) == [THIRD]


CHANGES: dict[str, Send] = {
    **WITH_ID,
    "ask": lambda client, _: ask(client, THIRD),
    "verify": lambda client, _: verify(client, "123456", THIRD),
}
EVERY: dict[str, Send] = {"list": lambda client, _: client.get(URL), **CHANGES}


@pytest.mark.parametrize("send", EVERY.values(), ids=EVERY)
def test_who_is_not_logged_in(send: Send) -> None:
    user = user_with(OLD, NEW)
    response = send(Client(), id_of(user, NEW))
    assert response.status_code == 401
    assert body_of(response)["code"] == "not_authenticated"
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response["Cache-Control"] == "no-store"
    assert texts_of(user) == [OLD, NEW]


@pytest.mark.parametrize("send", CHANGES.values(), ids=CHANGES)
def test_a_login_of_long_ago_changes_nothing(send: Send, time_machine: Any) -> None:
    user = user_with(OLD, NEW)
    client = logged_in(user)
    time_machine.move_to(timezone.now() + timedelta(minutes=11))
    response = send(client, id_of(user, NEW))
    assert response.status_code == 403
    assert body_of(response)["code"] == "sms_verification_required"
    assert "insufficient_user_authentication" in response["WWW-Authenticate"]
    assert 'max_age="600"' in response["WWW-Authenticate"]
    assert texts_of(user) == [OLD, NEW]
    assert testing.outbox == []
    # A fresh login suffices.
    assert send(logged_in(user), id_of(user, NEW)).status_code != 403


@pytest.mark.parametrize("send", CHANGES.values(), ids=CHANGES)
@override_sms_otp(NUMBERS_NEED_PROOF_BY="sms")
def test_a_stolen_password_changes_no_number_if_the_site_asks_for_a_code(send: Send) -> None:
    user = user_with(OLD, NEW)
    client = logged_in(user)
    response = send(client, id_of(user, NEW))
    assert body_of(response)["code"] == "sms_verification_required"
    assert texts_of(user) == [OLD, NEW]
    client.post("/auth/sms/step-up/get-code/")
    code = {"code": last_code()}
    confirmed = client.post("/auth/sms/step-up/auth-code/", code, "application/json")
    assert confirmed.status_code == 200
    assert send(client, id_of(user, NEW)).status_code != 403


@override_sms_otp(NUMBERS_NEED_PROOF_BY="sms")
def test_a_first_number_needs_no_code_of_another() -> None:
    user = user_with()
    assert ask(logged_in(user)).status_code == 202


@pytest.mark.parametrize("send", CHANGES.values(), ids=CHANGES)
@override_sms_otp(NUMBERS_NEED_PROOF_WITHIN=None)
def test_a_site_may_ask_for_no_proof(send: Send, time_machine: Any) -> None:
    user = user_with(OLD, NEW)
    client = logged_in(user)
    time_machine.move_to(timezone.now() + timedelta(days=1))
    assert send(client, id_of(user, NEW)).status_code in {200, 202, 204, 401}


def test_the_list_needs_no_proof(time_machine: Any) -> None:
    client = logged_in(user_with(OLD))
    time_machine.move_to(timezone.now() + timedelta(days=1))
    assert client.get(URL).status_code == 200


@pytest.mark.parametrize("send", CHANGES.values(), ids=CHANGES)
def test_a_page_of_another_site_changes_nothing(send: Send) -> None:
    user = user_with(OLD, NEW)
    client = Client(headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
    client.force_login(user)
    response = send(client, id_of(user, NEW))
    assert response.status_code == 403
    assert body_of(response)["code"] == "cross_site"
    assert texts_of(user) == [OLD, NEW]


def test_a_site_with_tokens(settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework_simplejwt.authentication.JWTAuthentication"
        ]
    }
    user = user_with(OLD)
    token = AccessToken.for_user(user)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert [each["phone_number"] for each in body_of(client.get(URL))["numbers"]] == [OLD]
    broken = Client(headers={"Authorization": f"Bearer {token}x"}).get(URL)
    assert broken.status_code == 401
    assert body_of(broken)["code"] == "not_authenticated"


@pytest.mark.parametrize("send", CHANGES.values(), ids=CHANGES)
def test_a_token_of_a_fresh_login_changes_numbers_and_another_does_not(
    send: Send, settings: Any
) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework_simplejwt.authentication.JWTAuthentication"
        ]
    }
    user = user_with(OLD, NEW)
    token = AccessToken.for_user(user)
    for seconds, is_allowed in ((601, False), (0, True)):
        token["auth_time"] = int(timezone.now().timestamp()) - seconds
        client = Client(headers={"Authorization": f"Bearer {token}"})
        assert (send(client, id_of(user, NEW)).status_code != 403) is is_allowed


STATELESS = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
    ]
}


@pytest.fixture
def stateless(settings: Any) -> None:
    """The site's tokens alone know the user."""
    settings.REST_FRAMEWORK = STATELESS


@pytest.mark.usefixtures("stateless")
def test_a_site_whose_tokens_alone_know_the_user() -> None:
    user = user_with(OLD)
    client = Client(headers={"Authorization": f"Bearer {AccessToken.for_user(user)}"})
    assert [each["phone_number"] for each in body_of(client.get(URL))["numbers"]] == [OLD]
    user.delete()
    assert client.get(URL).status_code == 401


@pytest.mark.usefixtures("stateless")
@pytest.mark.parametrize("field", ["username", "email"])
def test_a_token_may_name_its_user_by_another_field(settings: Any, field: str) -> None:
    settings.SIMPLE_JWT = {"USER_ID_FIELD": field}
    user = user_with(OLD)
    user.email = "ada@example.com"
    user.save()
    token = AccessToken()
    token["user_id"] = getattr(user, field)  # simplejwt would name it as it was set before.
    token["auth_time"] = int(timezone.now().timestamp())
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert [each["phone_number"] for each in body_of(client.get(URL))["numbers"]] == [OLD]
    assert ask(client).status_code == 202
    assert verify(client, last_code()).status_code == 201
    assert texts_of(user) == [OLD, NEW]


@pytest.mark.usefixtures("stateless")
@pytest.mark.parametrize("name", ["ada", "", [1], {"id": 1}, None, 2**80])
def test_a_token_that_can_name_nobody(name: object) -> None:
    user_with(OLD)
    token = AccessToken()
    token["user_id"] = name
    answer = Client(headers={"Authorization": f"Bearer {token}"}).get(URL)
    assert (answer.status_code, body_of(answer)["code"]) == (401, "not_authenticated")


@pytest.mark.usefixtures("stateless")
def test_a_token_that_names_several_users_names_nobody(settings: Any) -> None:
    settings.SIMPLE_JWT = {"USER_ID_FIELD": "first_name"}
    users = [user_with(OLD), user_with(NEW)]
    token = AccessToken()
    token["user_id"] = users[0].first_name = users[1].first_name = "Ada"
    for user in users:
        user.save()
    assert Client(headers={"Authorization": f"Bearer {token}"}).get(URL).status_code == 401


@pytest.mark.usefixtures("stateless")
def test_a_token_alone_adds_no_first_number_of_staff() -> None:
    staff = user_with()
    staff.is_staff = True
    staff.save()
    token = AccessToken.for_user(staff)
    with override_sms_otp(GUARD_STAFF_NUMBERS=True):
        answer = ask(Client(headers={"Authorization": f"Bearer {token}"}))
    assert (answer.status_code, body_of(answer)["code"]) == (403, "sms_verification_required")


@pytest.mark.usefixtures("stateless")
@pytest.mark.parametrize("send", EVERY.values(), ids=EVERY)
def test_a_token_that_outlives_the_account_changes_nothing(send: Send) -> None:
    user = user_with(OLD, NEW)
    token = AccessToken.for_user(user)
    token["auth_time"] = int(timezone.now().timestamp())
    user.is_active = False
    user.save()
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert send(client, id_of(user, NEW)).status_code == 401
    assert client.get(URL).status_code == 401
    assert testing.outbox == []


@pytest.mark.parametrize("send", EVERY.values(), ids=EVERY)
def test_atomic_requests(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    user = user_with(OLD, NEW)
    response = send(logged_in(user), id_of(user, NEW))
    # The guess at a code that was never sent is wrong.
    assert response.status_code in {200, 202, 204, 401}


@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_the_browsable_api(method: str) -> None:
    user = user_with(OLD, NEW, THIRD)
    client = logged_in(user)
    own = f"{URL}{id_of(user, NEW)}/"
    for url in (URL, f"{URL}verify/", f"{own}make-primary/", own):
        response = getattr(client, method)(url, headers={"Accept": "text/html"})
        assert response["Content-Type"].startswith("text/html") or response.status_code == 204
