"""What became of a message is written after it left. Where that is lost, with a process that is
killed or a database that crashes, no code becomes good, nor stays so, that would not be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone

from django_sms_otp.delivery import code_of, sending
from django_sms_otp.models import OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed, RedemptionRefused
from django_sms_otp.services import redeem_code, request_code
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = parse_phone_number(PHONE)
OTHER = parse_phone_number("+14155552672")


@pytest.fixture
def lost() -> Iterator[None]:
    with mock.patch.object(sending, "record"):
        yield


def redeemed(otp_code: OTPCode) -> Redeemed[None] | RedemptionRefused:
    code = code_of(otp_code)
    assert code
    return redeem_code(code, phone_number=NUMBER, request_id=otp_code.pk)


@override_sms_otp(COOLDOWN=[], UNVERIFIED_BUDGET={"country_day": 1, "country_hour": 1})
@pytest.mark.usefixtures("lost")
def test_a_code_that_was_withheld_twice_was_not_sent() -> None:
    for number in (OTHER, NUMBER, NUMBER):
        request_code(number)
    otp_code = OTPCode.objects.get(phone_number=PHONE)
    assert otp_code.send_count == 2
    assert otp_code.is_withheld
    assert isinstance(redeemed(otp_code), RedemptionRefused)


@override_sms_otp(COOLDOWN=[], REQUIRE_REQUEST_ID=True)
@pytest.mark.usefixtures("lost")
def test_a_code_that_was_replaced_is_dead() -> None:
    first = request_code(NUMBER)
    assert isinstance(first, CodeRequested)
    # Too old to be sent again.
    OTPCode.objects.update(created_at=timezone.now() - timedelta(minutes=50))
    OTPCode.objects.update(expires_at=timezone.now() + timedelta(minutes=10))
    second = request_code(NUMBER, request_id=first.request_id)
    assert isinstance(second, CodeRequested)
    assert second.request_id != first.request_id
    old, new = (OTPCode.objects.get(pk=each.request_id) for each in (first, second))
    assert isinstance(redeemed(old), RedemptionRefused)
    assert isinstance(redeemed(new), Redeemed)
