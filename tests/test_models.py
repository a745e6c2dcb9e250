"""The columns that need more than Django's own fields, and the tables as fixtures."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db.models import Model

from django_sms_otp.models import (
    HourlyCount,
    Limit,
    LimitKind,
    OTPCode,
    VerifiedPhone,
    new_request_id,
)

from .support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory

MARIADB: Any = SimpleNamespace(vendor="mysql")
# To the millisecond, as Django writes times in JSON.
NOON = datetime(2030, 5, 1, 12, 0, 0, 123_000, tzinfo=UTC)
MODELS: list[type[Model]] = [OTPCode, VerifiedPhone, Limit, HourlyCount]


def test_request_ids_are_random_in_every_bit() -> None:
    ones = zeros = 0
    for _ in range(200):
        number = new_request_id().int
        ones |= number
        zeros |= ~number
    assert ones & zeros & ((1 << 128) - 1) == (1 << 128) - 1


def test_on_mariadb_a_request_id_is_text() -> None:
    field = OTPCode._meta.get_field("id")
    request_id = uuid.UUID("d08575c1-294f-fe1b-299e-2a9d6da3b5ea")  # no RFC 9562 version
    assert field.db_type(MARIADB) == "char(32)"
    assert field.get_db_prep_value(request_id, MARIADB) == request_id.hex
    assert field.get_db_prep_value(str(request_id), MARIADB) == request_id.hex


@pytest.mark.django_db
def test_any_128_bits_are_found_again() -> None:
    for text in ("d08575c1-294f-fe1b-299e-2a9d6da3b5ea", "f" * 32, "0" * 32):
        request_id = uuid.UUID(text)
        OTPCodeFactory.create(id=request_id)
        assert OTPCode.objects.get(pk=request_id).pk == request_id
        assert OTPCode.objects.filter(pk__in=[text]).count() == 1


@pytest.mark.django_db
def test_a_user_has_one_primary_number() -> None:
    user = UserFactory.create()
    VerifiedPhoneFactory.create_batch(3, user=user)
    primary = list(VerifiedPhone.objects.order_by("pk").values_list("is_primary", flat=True))
    assert primary == [True, None, None]
    for value in (True, False):
        with pytest.raises(IntegrityError), transaction.atomic():
            VerifiedPhoneFactory.create(user=user, is_primary=value)


@pytest.mark.parametrize(
    ("kind", "subject", "text"),
    [
        (LimitKind.NUMBER, "+14155552671", "+1********71"),
        (LimitKind.IP, "203.0.113.7", "ip:203.0.113.7"),
        (LimitKind.COUNTRY, "JM", "country:JM"),
        (LimitKind.SITE, "", "site"),
    ],
)
def test_the_text_of_a_limit_masks_numbers(kind: LimitKind, subject: str, text: str) -> None:
    assert str(Limit(kind=kind, subject=subject)) == text


@pytest.mark.django_db
def test_all_tables_can_be_dumped_and_loaded(tmp_path: Path) -> None:
    user = UserFactory.create()
    OTPCodeFactory.create(
        id=uuid.UUID("d08575c1-294f-fe1b-299e-2a9d6da3b5ea"),
        user=user,
        created_at=NOON,
        withheld_by="budget",
        exempt=True,
        recorded="ip,prefix",
    )
    VerifiedPhoneFactory.create_batch(2, user=user, verified_at=NOON, last_used_at=NOON)
    state = {"grain_ends_at": 1.5, "regions": {"JM": [2.5, False]}}
    Limit.objects.create(kind="site", state=state, uses=3, version=7, updated_at=NOON)
    HourlyCount.objects.create(hour=NOON, region="JM", event="sent", count=4)
    dumped = tmp_path / "dump.json"
    before = {model: list(model._default_manager.order_by("pk").values()) for model in MODELS}
    call_command("dumpdata", "django_sms_otp", output=str(dumped), verbosity=0)
    for model in MODELS:
        model._default_manager.all().delete()
    call_command("loaddata", str(dumped), verbosity=0)
    after = {model: list(model._default_manager.order_by("pk").values()) for model in MODELS}
    assert all(before.values())
    assert after == before
