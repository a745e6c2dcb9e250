"""Times are subtracted in UTC, whatever time zone the database has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from django_sms_otp.models import HourlyCount, OTPCode
from django_sms_otp.stats.rollup import roll_up
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import Post
from ..support.databases import database_time_zone
from ..support.factories import OTPCodeFactory

pytestmark = pytest.mark.django_db

SPRING = datetime(2026, 3, 29, 0, 58, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 25, 0, 58, tzinfo=UTC)

stores_zones = pytest.mark.skipif(
    not connection.features.supports_timezones,
    reason="E008 refuses a database that stores local time with summer time.",
)


def codes_sent(get_code: Post, at: datetime, wait: timedelta) -> set[str]:
    """Ask for a code, wait, and ask again."""
    with database_time_zone("Europe/Berlin"), time_machine.travel(at, tick=False) as clock:
        assert get_code().status_code == 202
        clock.shift(wait)
        assert get_code().status_code == 202
    return {message.code or "" for message in outbox}


def test_a_code_stays_the_same_when_summer_time_begins(get_code: Post) -> None:
    assert len(codes_sent(get_code, SPRING, timedelta(seconds=31))) == 1


@stores_zones
@override_sms_otp(COOLDOWN=[])
def test_a_code_that_is_nearly_over_is_replaced_when_summer_time_ends(get_code: Post) -> None:
    assert len(codes_sent(get_code, AUTUMN, timedelta(minutes=9))) == 2


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
def test_times_are_read_in_utc(zone: str) -> None:
    at = datetime(2026, 3, 29, 1, 15, tzinfo=UTC)
    with database_time_zone(zone):
        OTPCodeFactory.create(created_at=at, sent_at=at)
        read = OTPCode.objects.get()
        assert (read.created_at, read.created_at.tzinfo) == (at, UTC)
        if connection.features.has_zoneinfo_database:
            # Indian time is half an hour off: its hours begin at half past ours.
            roll_up()
            assert HourlyCount.objects.get(event="sent").hour == at.replace(minute=0)
