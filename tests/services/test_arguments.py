"""Arguments of the wrong type are taken, or refused before anything is counted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_sms_otp import services
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, last_code, wrong
from ..support.factories import VerifiedPhoneFactory

pytestmark = pytest.mark.django_db

NUMBER = parse_phone_number(PHONE)


def request(phone_number: Any = NUMBER, **arguments: Any) -> Any:
    return services.request_code(phone_number, **arguments)


def redeem(code: Any = "123456", **arguments: Any) -> Any:
    return services.redeem_code(code, **{"phone_number": NUMBER, **arguments})


@pytest.mark.parametrize(
    "as_text", [str, lambda each: each.hex, lambda each: str(each).upper()]
)
def test_the_text_of_a_request_id_is_taken(as_text: Callable[[uuid.UUID], str]) -> None:
    issued = request()
    assert isinstance(issued, CodeRequested)
    answer = redeem(last_code(), phone_number=None, request_id=as_text(issued.request_id))
    assert isinstance(answer, Redeemed)


@override_sms_otp(REQUIRE_REQUEST_ID=True, COOLDOWN=[])
def test_a_code_is_sent_again_by_the_text_of_its_request_id() -> None:
    issued = request()
    assert request(request_id=str(issued.request_id)).request_id == issued.request_id


async def granted_later(user: object) -> None:
    pass


class GrantedLater:
    async def __call__(self, user: object) -> None:
        pass


@pytest.mark.parametrize("call", [request, redeem])
@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"phone_number": PHONE}, TypeError, r"read_phone_number\(\) returns, not str"),
        ({"request_id": "no-id"}, ValueError, "text of a UUID"),
        ({"request_id": b"no-id"}, TypeError, "UUID or its text, not bytes"),
        ({"request_id": 7}, TypeError, "UUID or its text, not int"),
        ({"purpose": ""}, ValueError, "There is no purpose"),
        ({"purpose": "p" * 33}, ValueError, "There is no purpose"),
        ({"purpose": "login "}, ValueError, "There is no purpose"),
        ({"purpose": "log\0in"}, ValueError, "There is no purpose"),
        ({"purpose": None}, TypeError, "purpose must be a str such as"),
        ({"context": "5 EUR"}, TypeError, "context must be a dict of texts, not str"),
        ({"context": {"amount": 5}}, TypeError, "format an amount yourself"),
        ({"context": {"code": "5"}}, ValueError, "none of code, minutes, site"),
        ({"context": {"a b": "5"}}, ValueError, "A name is a word"),
        ({"context": {"payee": ""}}, ValueError, "1 to 200 characters"),
        ({"context": {"payee": "x" * 201}}, ValueError, "1 to 200 characters"),
        ({"context": dict.fromkeys("abcdefghijk", "x")}, ValueError, "It may have 10"),
        ({"ip_address": "no address"}, ValueError, "no address"),
        ({"ip_address": 7}, TypeError, "ip_address must be a str or None, not int"),
        ({"device": uuid.UUID(int=7)}, TypeError, "device must be a str or None, not UUID"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_counted(
    call: Callable[..., Any], arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        call(**arguments)
    assert not OTPCode.objects.exists()
    assert not Limit.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"phone_number": None}, TypeError, "not NoneType"),
        ({"channel": "fax"}, ValueError, r"CHANNELS'\] has no 'fax'. It has: sms"),
        ({"channel": ["sms"]}, ValueError, r"has no \['sms'\]"),
        ({"challenge": {"token": "x"}}, TypeError, "challenge must be a str or None, not dict"),
    ],
)
def test_a_request_names_what_it_takes(
    arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        request(**arguments)
    assert not Limit.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"code": 12345}, "code must be a str, as typed, not int"),
        ({"code": b"123456"}, "code must be a str, as typed, not bytes"),
        ({"code": None}, "code must be a str, as typed, not NoneType"),
        ({"phone_number": None}, "needs a phone_number or a request_id"),
        ({"user": "ada", "purpose": "step_up"}, "user must be a saved user, not str"),
        ({"user": User(pk=7)}, "pass no user"),
        ({"grant": "no function"}, "grant must be a function of the user, not str"),
        ({"grant": granted_later}, "grant must be no async function"),
        ({"grant": partial(granted_later)}, "grant must be no async function"),
        ({"grant": GrantedLater()}, "grant must be no async function"),
        ({"grant_to_new": granted_later}, "grant must be no async function"),
    ],
)
def test_a_redemption_names_what_it_takes(arguments: dict[str, Any], text: str) -> None:
    request()
    with pytest.raises(TypeError, match=text) as caught:
        redeem(**arguments)
    assert "12345" not in str(caught.value)
    assert OTPCode.objects.get().failed_attempts == 0


@override_sms_otp(REQUIRE_REQUEST_ID=True)
def test_a_redemption_without_the_required_id_says_so() -> None:
    with pytest.raises(TypeError, match="needs a request_id"):
        redeem()


OF_NUMBERS: dict[str, Callable[[User, Any], object]] = {
    "unlink_number": lambda user, pk: services.unlink_number(user, pk, force=True),
    "make_primary": services.make_primary,
    "request_step_up": services.request_step_up,
    "confirm_step_up": lambda user, pk: services.confirm_step_up(user, "1", number_id=pk),
    "link_number": lambda user, pk: services.link_number(
        user, "1", phone_number=NUMBER, replaces=pk
    ),
}


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_the_id_of_a_number_is_a_text(name: str) -> None:
    phone = VerifiedPhoneFactory.create(phone_number=PHONE)
    with pytest.raises(TypeError, match=r"\bstr\b.*int"):
        OF_NUMBERS[name](phone.user, phone.pk)
    if name in {"unlink_number", "make_primary"}:  # The others have a default.
        with pytest.raises(TypeError, match=r"\bstr\b.*None"):
            OF_NUMBERS[name](phone.user, None)
    assert not Limit.objects.exists()
    assert phone.user.verified_phones.exists()


@pytest.mark.parametrize("grant", [granted_later, GrantedLater(), "no function"])
def test_a_step_up_names_what_it_grants(grant: Any) -> None:
    user = VerifiedPhoneFactory.create(phone_number=PHONE).user
    services.request_step_up(user)
    with pytest.raises(TypeError, match="grant must be"):
        services.confirm_step_up(user, last_code(), grant=grant)
    assert isinstance(services.confirm_step_up(user, last_code()), Redeemed)


def test_a_number_is_unlocked_by_its_text_or_as_read() -> None:
    for phone_number in (PHONE, NUMBER):
        if not OTPCode.objects.exists():
            request()
        redeem(wrong(last_code()))
        assert services.unlock_number(phone_number)


@pytest.mark.parametrize(
    ("call", "argument", "error"),
    [
        (services.unlock_number, "+1 415 555 0123", ValueError),
        (services.unlock_number, "4155550123", ValueError),
        (services.unlock_number, 14155550123, TypeError),
        (services.forget_limit, None, TypeError),
        (services.invalidate_codes, [uuid.UUID(int=7)], TypeError),
        (services.invalidate_codes, None, TypeError),
        (services.read_phone_number, None, TypeError),
        (services.read_phone_number, 14155550123, TypeError),
    ],
)
def test_the_other_services_name_what_they_take(
    call: Callable[[Any], Any], argument: object, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        call(argument)
    assert "5550123" not in str(caught.value)


def test_a_number_is_read_for_a_channel_of_the_site_alone() -> None:
    with pytest.raises(ValueError, match="has no 'fax'"):
        services.read_phone_number(PHONE, to_send=True, channel="fax")
