"""The SQL of docs/partitions.md, as it stands there, and the life of codes on its table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils import timezone

from django_sms_otp import testing
from django_sms_otp.delivery import code_of, deliver_queued
from django_sms_otp.models import DeliveryState, HourlyCount, OTPCode
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import Redeemed
from django_sms_otp.services import redeem_code
from django_sms_otp.testing import override_sms_otp
from django_sms_otp.webhooks.receipts import Receipt, take
from tests.support.database_copies import copy_of, using

from ..conftest import PHONE, Post, last_code, wrong
from ..docs import pages
from ..support.factories import OTPCodeFactory
from ..support.query_plans import watched
from ..support.threads import in_threads

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's partitions"),
]

TABLE = OTPCode._meta.db_table


def run(title: str) -> None:
    [block] = [each for each in pages.blocks(pages.page("partitions.md")) if each.title == title]
    with connection.cursor() as cursor:
        cursor.execute(block.text)


def partitions() -> dict[str, int]:
    """Return how many rows each partition has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = %s::regclass ORDER BY 1",
            [TABLE],
        )
        names = [name for (name,) in cursor.fetchall()]
        counts = {}
        for name in names:
            cursor.execute(f"SELECT count(*) FROM {name}")
            [(counts[name],)] = cursor.fetchall()
    return counts


def day_of(at: datetime) -> str:
    return f"sms_otp_codes_{at.astimezone(UTC):%Y%m%d}"


@pytest.fixture(autouse=True)
def partitioned(transactional_db: None) -> Iterator[OTPCode]:
    """Give a live code that was there before."""
    name = str(connection.settings_dict["NAME"])
    with copy_of(name, "partitioned") as copy, using(copy):
        OTPCodeFactory.create(created_at=timezone.now() - timedelta(days=2))
        live: OTPCode = OTPCodeFactory.create()
        run("partition.sql")
        run("days.sql")
        yield live


@pytest.fixture
def later(partitioned: OTPCode) -> Iterator[datetime]:
    """Go to the first of the days."""
    with time_machine.travel(timezone.now() + timedelta(days=2, hours=1), tick=True):
        yield timezone.now()


def test_live_codes_are_copied_and_can_be_redeemed(
    partitioned: OTPCode, auth_code: Post
) -> None:
    assert list(OTPCode.objects.all()) == [partitioned]
    code = code_of(partitioned)
    assert auth_code(phone_number=partitioned.phone_number, code=code).status_code == 200


def test_a_code_lives_in_its_day(later: datetime, get_code: Post, auth_code: Post) -> None:
    assert get_code().status_code == 202
    assert get_code().status_code == 429
    with override_sms_otp(COOLDOWN=[]):
        assert get_code().status_code == 202
    assert OTPCode.objects.get(phone_number=PHONE).send_count == 2
    assert partitions()[day_of(later)] == 1
    code = last_code()
    assert auth_code(phone_number=PHONE, code=wrong(code)).status_code == 401
    assert auth_code(phone_number=PHONE, code=code).status_code == 200
    assert auth_code(phone_number=PHONE, code=code).status_code == 401
    row = OTPCode.objects.get(phone_number=PHONE)
    assert row.redeemed_at is not None
    assert row.user is not None
    row.user.delete()
    row.refresh_from_db()
    assert row.user is None


def test_one_of_many_right_guesses_at_once_succeeds(later: datetime, get_code: Post) -> None:
    get_code()
    number, code = parse_phone_number(PHONE), last_code()
    answers: list[object] = in_threads(8, lambda: redeem_code(code, phone_number=number))
    assert sum(isinstance(answer, Redeemed) for answer in answers) == 1


def test_a_worker_and_a_receipt_find_the_row(later: datetime) -> None:
    row = OTPCodeFactory.create(claimed_at=None, counted_at=timezone.now())
    deliver_queued(row.pk)
    assert len(testing.outbox) == 1
    row.refresh_from_db()
    receipt = Receipt(
        request_id=row.pk,
        send_count=1,
        alias="default",
        status=DeliveryState.DELIVERED,
        message_id=row.message_id,
    )
    assert take(receipt)
    row.refresh_from_db()
    assert row.delivery_state == DeliveryState.DELIVERED


def test_a_number_is_looked_up_in_the_days_that_are_not_over(
    later: datetime, get_code: Post
) -> None:
    with time_machine.travel(later + timedelta(days=2), tick=True), watched() as watch:
        get_code()
        now = timezone.now()
    [read] = [plan for plan in watch.plans if " JOIN " in plan.sql]
    assert day_of(now) in read.tables
    assert day_of(now - timedelta(days=1)) not in read.tables


def test_staff_and_commands_find_the_rows(later: datetime, get_code: Post) -> None:
    get_code()
    client = Client()
    client.force_login(_staff())
    answer = client.get("/admin/django_sms_otp/otpcode/")
    assert "2 issued codes" in answer.content.decode()
    call_command("roll_up_otp_codes")
    assert HourlyCount.objects.get(event="sent").count == 1
    # The code of before, in the rest.
    with override_sms_otp(RETENTION=timedelta(hours=6)):
        call_command("purge_otp_codes")
    assert [row.phone_number for row in OTPCode.objects.all()] == [PHONE]


def test_days_are_dropped_when_they_are_old(later: datetime, get_code: Post) -> None:
    get_code()
    with connection.cursor() as cursor:
        for age in (30, 32):
            at = datetime.now(UTC).date() - timedelta(days=age)
            cursor.execute(
                f"CREATE TABLE sms_otp_codes_{at:%Y%m%d} PARTITION OF {TABLE} "
                f"FOR VALUES FROM ('{at} 00:00+00') TO ('{at + timedelta(days=1)} 00:00+00')"
            )
    before = partitions()
    # The database has the machine's clock.
    run("drop.sql")
    old = day_of(datetime.now(UTC) - timedelta(days=32))
    assert before.keys() - partitions().keys() <= {old, day_of(later - timedelta(days=32))}
    assert OTPCode.objects.filter(phone_number=PHONE).exists()


def test_days_are_made_again_without_harm() -> None:
    before = partitions()
    assert len(before) == 5
    run("days.sql")
    assert partitions() == before


def test_a_later_migration_works() -> None:
    column = models.CharField(max_length=8, default="", db_default="")
    index = models.Index(fields=["backend"], name="sms_otp_code_later_idx")
    before = MigrationLoader(connection).project_state()
    steps = [
        migrations.AddField("otpcode", "later", column),
        migrations.AddIndex("otpcode", index),
        migrations.RemoveIndex("otpcode", "sms_otp_code_live_idx"),
    ]
    for step in steps:
        after = before.clone()
        step.state_forwards("django_sms_otp", after)
        with connection.schema_editor() as editor:
            step.database_forwards("django_sms_otp", editor, before, after)
        before = after
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT later FROM {TABLE}")
        assert cursor.fetchall() == [("",)]


def _staff() -> User:
    return User.objects.create_superuser("clerk")
