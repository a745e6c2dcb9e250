"""What became of the codes, by hour, region and backend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from pytest_django import DjangoAssertNumQueries

from django_sms_otp.models import TEST_NUMBER, HourlyCount, OTPCode
from django_sms_otp.stats.rollup import busiest_day, roll_up

from ..support.factories import OTPCodeFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def codes(number: int = 1, **values: Any) -> list[OTPCode]:
    return [OTPCodeFactory.create(**{"sent_at": NOON, **values}) for _ in range(number)]


def counted(event: str, **where: Any) -> dict[str, int]:
    """Return the counts of an event by backend."""
    rows = HourlyCount.objects.filter(event=event, **where)
    return dict(rows.values_list("backend", "count"))


def test_codes_are_counted_by_hour_and_country(clock: time_machine.Traveller) -> None:
    for minutes, region, took in [(0, "US", 20), (59, "US", None), (60, "DE", 21)]:
        at = NOON + timedelta(minutes=minutes)
        redeemed_at = at + timedelta(seconds=took) if took else None
        codes(created_at=at, region=region, sent_at=at, redeemed_at=redeemed_at, send_count=2)
    codes(sent_at=None, send_count=3)
    clock.shift(timedelta(hours=2))
    done = roll_up()
    assert roll_up() == done  # The hours may still change: once more, the same.
    assert (done.counts, done.until) == (10, None)
    rows = HourlyCount.objects.order_by("hour", "event")
    assert [(each.hour.hour, each.region, each.event, each.count) for each in rows] == [
        (12, "US", "messages", 4),
        (12, "US", "redeemed", 1),
        (12, "US", "redeemed_in:20", 1),
        (12, "US", "requested", 3),
        (12, "US", "sent", 2),
        (13, "DE", "messages", 2),
        (13, "DE", "redeemed", 1),
        (13, "DE", "redeemed_in:30", 1),
        (13, "DE", "requested", 1),
        (13, "DE", "sent", 1),
    ]


@pytest.mark.parametrize(
    ("seconds", "event"),
    [(-1, "5"), (5, "5"), (5.1, "10"), (3600, "3600"), (3600.5, "longer")],
)
def test_the_time_to_the_redemption_has_its_event(seconds: float, event: str) -> None:
    codes(redeemed_at=NOON + timedelta(seconds=seconds))
    codes(sent_at=None, redeemed_at=NOON)  # Nobody knows when the message left.
    roll_up()
    [row] = HourlyCount.objects.filter(event__startswith="redeemed_in:")
    assert (row.event, row.count) == (f"redeemed_in:{event}", 1)


def test_each_backend_has_its_counts() -> None:
    codes(2, backend="sms")
    codes(1, backend="voice")
    roll_up()
    assert counted("sent") == {"sms": 2, "voice": 1}


def test_a_code_that_moves_to_another_backend_counts_once() -> None:
    first, *_ = codes(3, backend="sms")
    roll_up()
    OTPCode.objects.filter(pk=first.pk).update(backend="voice", send_count=2)
    roll_up()
    assert counted("sent") == {"sms": 2, "voice": 1}
    assert counted("messages") == {"sms": 2, "voice": 2}


def test_a_code_of_a_test_number_counts_nowhere() -> None:
    codes(withheld_by=TEST_NUMBER, redeemed_at=NOON)
    assert roll_up().counts == 0
    assert not HourlyCount.objects.exists()


def test_a_later_login_is_counted_the_next_time(clock: time_machine.Traveller) -> None:
    [code] = codes()
    call_command("roll_up_otp_codes")
    OTPCode.objects.filter(pk=code.pk).update(redeemed_at=NOON + timedelta(minutes=9))
    clock.shift(timedelta(minutes=30))
    call_command("roll_up_otp_codes")
    assert counted("redeemed") == {"default": 1}
    assert counted("sent") == {"default": 1}


def test_a_late_receipt_is_counted_in_its_hour(clock: time_machine.Traveller) -> None:
    [early] = codes()
    clock.shift(timedelta(hours=3))
    codes()
    roll_up()
    OTPCode.objects.filter(pk=early.pk).update(delivered_at=NOON + timedelta(hours=3))
    roll_up()
    assert counted("delivered", hour=NOON) == {"default": 1}


def test_a_page_counts_late_receipts_once_an_hour(clock: time_machine.Traveller) -> None:
    [early] = codes()
    clock.shift(timedelta(hours=2))
    codes(created_at=NOON + timedelta(hours=2))
    roll_up()
    OTPCode.objects.filter(pk=early.pk).update(delivered_at=NOON + timedelta(hours=2))
    roll_up(time_limit=timedelta(seconds=9))
    assert counted("delivered") == {}
    clock.shift(timedelta(hours=1))
    roll_up(time_limit=timedelta(seconds=9))
    assert counted("delivered") == {"default": 1}


def test_an_hour_that_has_more_codes_by_now_is_counted_anew() -> None:
    codes()
    roll_up()
    codes()
    roll_up()
    assert counted("sent") == {"default": 2}


def test_hours_are_counted_by_few_statements(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for hours in range(12):
        at = NOON - timedelta(hours=hours)
        codes(created_at=at, sent_at=at)
    # One for each hour. Two are of the transaction.
    with django_assert_max_num_queries(12 + 9):
        roll_up()
    assert HourlyCount.objects.filter(event="sent", count=1).count() == 12
    # Of those that may have changed.
    with django_assert_max_num_queries(5 + 6):
        roll_up()


def test_a_roll_up_that_is_behind_goes_on_where_its_time_was_over() -> None:
    for days in (40, 20, 0):
        codes(created_at=NOON - timedelta(days=days))
    for until in (NOON - timedelta(days=20), NOON, None):
        assert roll_up(time_limit=timedelta(0)).until == until
    assert HourlyCount.objects.filter(event="sent", count=1).count() == 3


def test_purged_codes_have_been_counted(clock: time_machine.Traveller) -> None:
    codes(redeemed_at=NOON)
    clock.shift(timedelta(days=40))
    call_command("purge_otp_codes")
    assert not OTPCode.objects.exists()
    roll_up()
    assert counted("redeemed") == {"default": 1}


def test_a_purge_does_not_lower_what_was_counted() -> None:
    first, *_ = codes(3)
    roll_up()
    first.delete()
    roll_up()
    assert counted("sent") == {"default": 3}


def test_counts_are_kept_for_a_year(clock: time_machine.Traveller) -> None:
    HourlyCount.objects.create(event="sent", hour=NOON, count=1)
    clock.shift(timedelta(days=366))
    call_command("purge_otp_codes")
    assert HourlyCount.objects.exists()
    clock.shift(timedelta(days=35))
    call_command("purge_otp_codes")
    assert not HourlyCount.objects.exists()


def test_the_busiest_day_is_of_the_last_fourteen() -> None:
    for days, count in [(15, 900), (3, 20), (2, 12)]:
        for hour in (0, 1):
            for backend in ("sms", "voice"):
                HourlyCount.objects.create(
                    event="redeemed",
                    region="US",
                    backend=backend,
                    hour=NOON - timedelta(days=days, hours=hour),
                    count=count,
                )
    assert busiest_day("US") == 80
    assert busiest_day("DE") == 0
