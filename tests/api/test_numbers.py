"""``numbers/``: what is the caller's, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from django_sms_otp import services

from ..conftest import body_of
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


def test_a_number_is_made_primary() -> None:
    user = user_with(OLD, NEW)
    response = logged_in(user).post(f"{URL}{id_of(user, NEW)}/make-primary/")
    assert response.status_code == 200
    assert body_of(response)["is_primary"] is True
    assert texts_of(user) == [NEW, OLD]


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
        b'{"detail":"There is nothing here of yours.","code":"not_found"}'
    }
    assert texts_of(theirs) == [THIRD]


EVERY: dict[str, Send] = {"list": lambda client, _: client.get(URL), **WITH_ID}


@pytest.mark.parametrize("send", EVERY.values(), ids=EVERY)
def test_who_is_not_logged_in(send: Send) -> None:
    user = user_with(OLD, NEW)
    response = send(Client(), id_of(user, NEW))
    assert response.status_code == 401
    assert body_of(response)["code"] == "not_authenticated"
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response["Cache-Control"] == "no-store"
    assert texts_of(user) == [OLD, NEW]


@pytest.mark.parametrize("name", ["WITH_ID"])
def test_a_page_of_another_site_changes_nothing(name: str) -> None:
    user = user_with(OLD, NEW)
    client = Client(headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
    client.force_login(user)
    for send in globals()[name].values():
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


def test_a_site_whose_tokens_alone_know_the_user(settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
        ]
    }
    user = user_with(OLD)
    client = Client(headers={"Authorization": f"Bearer {AccessToken.for_user(user)}"})
    assert [each["phone_number"] for each in body_of(client.get(URL))["numbers"]] == [OLD]
    user.delete()
    assert client.get(URL).status_code == 401


@pytest.mark.parametrize("send", EVERY.values(), ids=EVERY)
def test_atomic_requests(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    user = user_with(OLD, NEW)
    assert send(logged_in(user), id_of(user, NEW)).status_code in {200, 204}
    assert len(services.numbers_of(user)) in {1, 2}
