"""``dumpdata`` and ``loaddata`` bring every row back as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_sms_otp.models import HourlyCount, Limit, LimitKind, OTPCode, VerifiedPhone

from .support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory

pytestmark = pytest.mark.django_db

MODELS: list[type[Model]] = [*apps.get_app_config("django_sms_otp").get_models()]


def fill(count: int) -> None:
    """Add rows of every model, each with the columns that are easily lost."""
    now = timezone.now()
    for _ in range(count):
        user = UserFactory.create()
        VerifiedPhoneFactory.create(user=user, last_used_at=now)
        VerifiedPhoneFactory.create(user=user)
        OTPCodeFactory.create(user=user, ip_address="2001:db8::7", sent_at=now)
        HourlyCount.objects.create(hour=now, region="US", event=f"event{user.pk}", count=2**40)
        Limit.objects.create(
            kind=LimitKind.PREFIX, subject=f"+1415{user.pk}", state={"a": [1.5]}, updated_at=now
        )


def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        model.__name__: [*model._default_manager.order_by("pk").values()] for model in MODELS
    }


def dump(*others: str, **options: Any) -> str:
    out = StringIO()
    call_command("dumpdata", "django_sms_otp", *others, stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize("natural", [False, True])
def test_a_dump_brings_every_row_back(tmp_path: Path, natural: bool) -> None:
    # JSON keeps milliseconds.
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        fill(2)
    before = rows()
    assert all(before.values())
    path = tmp_path / "dump.json"
    path.write_text(dump("auth.user", use_natural_foreign_keys=natural), encoding="utf-8")
    models: list[type[Model]] = [*MODELS, User]
    for model in models:
        model._default_manager.all().delete()
    call_command("loaddata", path, stdout=StringIO())
    assert rows() == before


def test_a_dump_asks_once_for_all_rows_of_a_model() -> None:
    fill(1)
    with CaptureQueriesContext(connection) as few:
        dump()
    fill(4)
    with CaptureQueriesContext(connection) as many:
        dump()
    assert len(many) == len(few)


def test_a_dump_holds_a_limit_by_its_own_key() -> None:
    OTPCodeFactory.create()
    dumped = {each["model"]: each for each in json.loads(dump())}
    [code], [limit] = OTPCode.objects.all(), Limit.objects.all()
    assert dumped["django_sms_otp.limit"]["pk"] == limit.pk
    assert dumped["django_sms_otp.limit"]["fields"]["subject"] == code.phone_number
    assert not VerifiedPhone.objects.exists()
