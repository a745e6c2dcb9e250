"""Numbers that are reserved for fiction: which they are, and where they pass."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from django_sms_otp import services
from django_sms_otp.exceptions import InvalidPhoneNumber, NotSMSCapable, RegionNotSupported
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.phone.fictitious import is_fictitious
from django_sms_otp.testing import override_sms_otp

WEBHOOK = {
    "BACKEND": "django_sms_otp.backends.webhook.SMSBackend",
    "OPTIONS": {"url": "https://sms.example.com/", "secret": "s" * 32},
}
LOCMEM = {"BACKEND": "django_sms_otp.backends.locmem.SMSBackend"}

RESERVED = [
    "+14155550100",
    "+14165550199",
    "+15555550100",
    "+15551234567",
    "+447700900000",
    "+447700900999",
    "+441632960123",
    "+33639980000",
    "+353209112345",
    "+46701740605",
    "+46701740699",
    "+491713920012",
    "+4917604069012",
    "+4915228817386",
    "+491729925904",
    "+491749464308",
    "+61491570156",
    "+61491578888",
]


@pytest.mark.parametrize("e164", RESERVED)
def test_a_reserved_number_is_fictitious_and_can_be_read(e164: str) -> None:
    assert is_fictitious(e164)
    assert parse_phone_number(e164, takes_fictitious=True).e164 == e164


@pytest.mark.parametrize(
    "e164",
    [
        "+14155550200",
        "+14155550099",
        "+14155552671",
        "+1415555010",
        "+141555501000",
        "14155550100",
        "+447700901000",
        "+447700899999",
        "+4477009001234",
        "+46701740604",
        "+46701740700",
        "+491713920112",
        "+61491570155",
        "+14155550100\n",
        "+1415555010\u0660",
    ],
)
def test_its_neighbours_are_not(e164: str) -> None:
    assert not is_fictitious(e164)


@pytest.mark.parametrize("text", ["+44 7700 900123", "+33 6 39 98 12 34", "+1 555 123 4567"])
def test_it_passes_only_where_no_message_reaches_a_phone(text: str) -> None:
    assert services.read_phone_number(text, to_send=True)
    with override_settings(SMS_OTP_BACKENDS={"default": WEBHOOK}):
        with pytest.raises(InvalidPhoneNumber):
            services.read_phone_number(text)
        with pytest.raises(InvalidPhoneNumber):
            services.read_phone_number(text, to_send=True)


def test_it_passes_by_the_channel_that_reaches_no_phone() -> None:
    backends: dict[str, Any] = {"default": WEBHOOK, "memory": LOCMEM}
    both = {"sms": "default", "whatsapp": "memory"}
    with override_settings(SMS_OTP_BACKENDS=backends), override_sms_otp(CHANNELS=both):
        with pytest.raises(InvalidPhoneNumber):
            services.read_phone_number("+447700900123", to_send=True)
        assert services.read_phone_number("+447700900123", to_send=True, channel="whatsapp")
        # A code is redeemed with no channel given.
        assert services.read_phone_number("+447700900123")


def test_a_broken_backend_takes_none() -> None:
    with (
        override_settings(SMS_OTP_BACKENDS={"default": {"BACKEND": "shop.Missing"}}),
        pytest.raises(InvalidPhoneNumber),
    ):
        services.read_phone_number("+447700900123")


def test_the_other_rules_of_the_site_hold_for_it() -> None:
    with override_sms_otp(ALLOWED_REGIONS=["US"]), pytest.raises(RegionNotSupported):
        services.read_phone_number("+447700900123")
    with pytest.raises(NotSMSCapable):
        services.read_phone_number("+1 800 555 0199")
