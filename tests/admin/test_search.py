"""The search finds a number however it is written, and says why it finds nothing."""

from __future__ import annotations

import html
from typing import Any

import pytest

from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE
from ..support.factories import OTPCodeFactory
from .staff import LIMITS, page, staff

CODES = "/admin/django_sms_otp/otpcode/"
VIEWS = ("view_limit", "view_otpcode", "view_whole_phone_number")
WRITTEN = (
    *("(415) 555-2671", "415.555.2671", "4155552671", "1 415 555 2671", "14155552671"),
    *("0014155552671", " +1 (415) 555-2671 "),
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("url", [LIMITS, CODES])
@pytest.mark.parametrize("written", WRITTEN)
@override_sms_otp(ALLOWED_REGIONS=["DE", "US"])
def test_a_number_is_found_as_people_of_the_sites_regions_write_it(
    url: str, written: str
) -> None:
    OTPCodeFactory.create(phone_number=PHONE)
    assert "+1********71" in page(staff(*VIEWS), url, q=written)


@pytest.mark.parametrize("url", [LIMITS, CODES])
@pytest.mark.parametrize(
    ("policy", "term", "reason"),
    [
        ({"ALLOWED_REGIONS": ["CA", "US"]}, "12", "This is not a phone number of CA, US."),
        ({}, "415 555", "This is not a phone number. Write it with its country code"),
        ({}, "+14155552671", "No row for +14155552671. Rows are kept for 30 days. A first"),
        ({"ALLOWED_REGIONS": ["US"]}, "+4915123456789", "sends no messages to DE"),
        ({}, "+18002530000", "sends no messages to numbers of this type"),
    ],
)
def test_nothing_found_has_a_reason(
    url: str, policy: dict[str, Any], term: str, reason: str
) -> None:
    with override_sms_otp(**policy):
        shown = html.unescape(page(staff(*VIEWS), url, q=term))
    assert reason in shown
