"""The list of verified phone numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from django_sms_otp.models import VerifiedPhone

from ..conftest import PHONE
from ..support.factories import VerifiedPhoneFactory
from .staff import page, staff

PHONES = "/admin/django_sms_otp/verifiedphone/"

pytestmark = pytest.mark.django_db


def test_verified_numbers_are_masked_and_cannot_be_bound_here() -> None:
    bound = VerifiedPhoneFactory.create(phone_number=PHONE)
    client = staff("view_verifiedphone", "add_verifiedphone", "delete_verifiedphone")
    shown = page(client, PHONES)
    assert "+1********71" in shown
    assert PHONE not in shown
    assert client.get(f"{PHONES}add/").status_code == 403
    client.post(f"{PHONES}{bound.pk}/delete/", {"post": "yes"})
    assert not VerifiedPhone.objects.exists()


def test_the_list_says_which_number_is_primary_and_when_it_was_used() -> None:
    first = VerifiedPhoneFactory.create(last_used_at=datetime(2019, 5, 1, 12, tzinfo=UTC))
    VerifiedPhoneFactory.create(user=first.user)
    shown = page(staff("view_verifiedphone"), PHONES)
    # The newest row comes first.
    assert re.findall(r'class="field-primary"><img src="[^"]*/icon-(\w+)', shown) == [
        "no",
        "yes",
    ]
    assert "May 1, 2019" in shown
