"""The tests of the site that pytest runs, with no line that prepares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIClient

from django_sms_otp import services, testing
from django_sms_otp.exceptions import InvalidPhoneNumber
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.results import CodeRequested, Redeemed, RequestRefused
from django_sms_otp.testing import override_sms_otp

NUMBER = "+1 415 555 0100"
BRITISH = "+44 7700 900123"

LogIn = Callable[[Client, str], Any]
CodeFor = Callable[[str], str]

humans = override_sms_otp(CHALLENGE=None)


def test_djangos_client_has_a_session_and_a_token(client: Client, log_in: LogIn) -> None:
    user = log_in(client, NUMBER)
    assert user == get_user_model().objects.get()
    assert client.get("/page/", secure=True).content == str(user.pk).encode()
    assert client.get("/endpoint/", secure=True).json() == user.pk


def test_an_api_client_has_credentials_and_loses_them(log_in: LogIn) -> None:
    client = APIClient()
    user = log_in(client, BRITISH)
    assert client.get("/endpoint/", secure=True).json() == user.pk
    client.logout()
    assert client.get("/endpoint/", secure=True).status_code == 401


def test_two_clients_log_in_one_after_the_other(log_in: LogIn) -> None:
    first, second = APIClient(), APIClient()
    assert log_in(first, NUMBER) == log_in(second, NUMBER)
    assert log_in(first, BRITISH) != log_in(second, NUMBER)
    assert first.get("/endpoint/", secure=True).json() != second.get("/endpoint/").status_code


@pytest.mark.django_db(transaction=True)
def test_a_login_works_without_the_transaction_of_a_test(log_in: LogIn) -> None:
    client = APIClient()
    assert log_in(client, NUMBER).pk == client.get("/endpoint/", secure=True).json()


def test_a_login_leaves_the_outbox_and_the_cooldown_alone(
    client: Client, log_in: LogIn, sms_outbox: list[Any]
) -> None:
    log_in(client, NUMBER)
    assert sms_outbox == []
    with humans:
        number = services.read_phone_number(NUMBER)
        assert isinstance(services.request_code(number), CodeRequested)
        assert isinstance(services.request_code(number), RequestRefused)


def test_whom_the_site_refuses_is_not_logged_in(
    client: Client, log_in: LogIn, db: None
) -> None:
    staff = get_user_model().objects.create_user("boss", is_staff=True)
    number = services.read_phone_number(NUMBER)
    VerifiedPhone.objects.create(
        user=staff, phone_number=number.e164, verified_at="2027-01-01T00:00Z"
    )
    with pytest.raises(AssertionError, match=r"auth-code answered 401 .*no_active_account"):
        log_in(client, NUMBER)


@humans
@pytest.mark.django_db
def test_a_code_is_found_by_its_number(code_for: CodeFor, sms_outbox: list[Any]) -> None:
    for text in (NUMBER, BRITISH):
        services.request_code(services.read_phone_number(text))
    assert len(sms_outbox) == 2
    for text in (NUMBER, BRITISH):
        number = services.read_phone_number(text)
        redeemed: object = services.redeem_code(code_for(text), phone_number=number)
        assert isinstance(redeemed, Redeemed)
    with pytest.raises(AssertionError, match=r"no code for \+44\*+24, and 2 messages"):
        code_for("+44 7700 900124")


def test_the_outbox_is_empty_again() -> None:
    assert testing.outbox == []


@pytest.mark.parametrize("text", ["+44 7700 90012", "+44 7700 900 1234", "+1 415 055 0100"])
def test_what_is_no_number_is_none_in_tests_either(text: str, sms_outbox: list[Any]) -> None:
    with pytest.raises(InvalidPhoneNumber):
        services.read_phone_number(text)


def test_without_the_outbox_the_site_is_as_in_production() -> None:
    with pytest.raises(InvalidPhoneNumber):
        services.read_phone_number(BRITISH)
