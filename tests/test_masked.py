"""The texts that no report of an error shows are the same as others in all else."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict

from django_sms_otp.api.parsers import _masked
from django_sms_otp.backends import CodeCheck, SMSMessage
from django_sms_otp.masked import MaskedBytes, MaskedText
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import E164, PhoneNumber, parse_phone_number

from .conftest import PHONE
from .support import gateways
from .support.factories import OTPCodeFactory

CODE = "4928170356"

VALUES = [MaskedText(CODE), E164(PHONE)]


@pytest.mark.parametrize("value", VALUES, ids=["code", "number"])
def test_a_masked_text_is_the_text(value: MaskedText) -> None:
    plain = "".join(value)
    assert type(plain) is str
    assert (value, hash(value), {plain: 1}[value]) == (plain, hash(plain), 1)
    assert f"{value}|{value!s}|%s" % value == f"{plain}|{plain}|{plain}"
    assert json.dumps({"a": value}) == json.dumps({"a": plain})


@pytest.mark.parametrize("value", VALUES, ids=["code", "number"])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_a_copy_is_masked_too(value: MaskedText, copied: Any) -> None:
    again = copied(value)
    assert (again, type(again)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (MaskedText(CODE), "'***'"),
        (MaskedBytes(CODE.encode()), "'***'"),
        (E164(PHONE), "'+1********71'"),
        (parse_phone_number(PHONE).e164, "'+1********71'"),
        (PhoneNumber(e164=PHONE, region="US"), "PhoneNumber(region='US')"),
    ],
)
def test_it_shows_nothing(value: Any, shown: str) -> None:
    assert repr(value) == shown
    assert pprint.pformat([value]) == f"[{shown}]"
    if not isinstance(value, PhoneNumber):
        assert type(value).__sentry_repr__(value) == shown


@pytest.mark.django_db
def test_every_database_takes_it_like_a_text() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [E164(PHONE)])
        assert cursor.fetchone() == (PHONE,)
    made = OTPCodeFactory.create(phone_number=E164(PHONE))
    assert OTPCode.objects.get(phone_number=E164(PHONE)) == made
    assert type(made.number.e164) is E164


def test_a_message_and_a_guess_have_masked_texts_whoever_makes_them() -> None:
    message: SMSMessage = gateways.make_message(body=f"Code {CODE}", to=PHONE, code=CODE)
    check = CodeCheck(
        to=PHONE, typed=CODE, purpose="", request_id=message.request_id, message_id=""
    )
    shown = repr([vars_of(message), vars_of(check)])
    assert CODE not in shown
    assert PHONE[1:] not in shown


def vars_of(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


@pytest.mark.parametrize(
    "data",
    [
        {"code": CODE, "n": 1, "none": None, "deep": [{"phone_number": PHONE}, PHONE]},
        QueryDict(f"code={CODE}&phone_number=%2B{PHONE[1:]}&code=1"),
        [PHONE],
        PHONE,
    ],
    ids=["json", "form", "list", "text"],
)
def test_a_parsed_body_is_the_same_and_shows_nothing(data: Any) -> None:
    masked = _masked(data)
    assert masked == data
    assert type(masked) in {type(data), MaskedText}
    assert CODE not in repr(masked)
    assert PHONE[1:] not in repr(masked)
