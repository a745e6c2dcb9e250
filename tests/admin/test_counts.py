"""The list of hourly counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_sms_otp.models import HourlyCount

from .staff import page, staff, unbounded

LIST = "/admin/django_sms_otp/hourlycount/"
NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
COUNT = re.compile(r'class="field-count">(\d+)<')

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> Iterator[Client]:
    with time_machine.travel(NOON, tick=False), timezone.override(UTC):
        yield staff("view_hourlycount")


def counted(event: str, count: int, region: str = "US", hours_ago: float = 0) -> None:
    hour = NOON.replace(minute=0) - timedelta(hours=hours_ago)
    HourlyCount.objects.create(hour=hour, region=region, event=event, count=count)


def counts(client: Client, **query: str) -> list[int]:
    return [int(count) for count in COUNT.findall(page(client, LIST, **query))]


def test_the_newest_hours_come_first(clerk: Client) -> None:
    counted("sent", 1, hours_ago=3)
    counted("refused:ip", 2, hours_ago=1)
    counted("sent", 3, hours_ago=2)
    shown = page(clerk, LIST)
    assert counts(clerk) == [2, 3, 1]
    assert "?o=" not in shown


def test_the_region_of_no_country_has_a_name(clerk: Client) -> None:
    counted("sent", 1, "001")
    assert 'class="field-place">satellite and global networks<' in page(clerk, LIST)


def test_counts_are_filtered_by_event_and_region(clerk: Client) -> None:
    counted("sent", 1)
    counted("sent", 2, "JM")
    counted("refused:site", 3, "")
    shown = page(clerk, LIST)
    assert "?event=refused%3Asite" in shown
    assert "?region=JM" in shown
    assert '?region="' not in shown
    assert counts(clerk, event="sent", region="JM") == [2]
    assert counts(clerk, event="refused:site") == [3]


def test_the_dates_offer_each_period(clerk: Client) -> None:
    counted("sent", 1)
    counted("sent", 2, hours_ago=40 * 24)
    assert "hour__month=1" in page(clerk, LIST, hour__year="2026")
    assert counts(clerk, hour__year="2026", hour__month="1") == [2]


def test_nothing_can_be_added_changed_or_deleted() -> None:
    counted("sent", 1)
    row = HourlyCount.objects.get()
    client = staff(*(f"{verb}_hourlycount" for verb in ("view", "add", "change", "delete")))
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{row.pk}/change/", {"count": 5}).status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    ticked = {"_selected_action": [row.pk], "post": "yes"}
    client.post(LIST, {"action": "delete_selected", **ticked})
    assert HourlyCount.objects.get().count == 1


def test_the_counts_are_for_those_who_may_see_them() -> None:
    assert staff("view_otpcode").get(LIST).status_code == 403


def test_no_query_of_the_list_reads_every_row(clerk: Client) -> None:
    for number in range(101):  # one more than a page
        counted("sent", 1, hours_ago=number)
    with CaptureQueriesContext(connection) as queries:
        page(clerk, LIST)
    assert unbounded(queries, HourlyCount._meta.db_table) == []


def test_the_list_takes_as_many_queries_for_one_row_as_for_many(clerk: Client) -> None:
    counted("sent", 1)
    with CaptureQueriesContext(connection) as one:
        page(clerk, LIST)
    for number in range(1, 40):
        counted("sent", 1, f"X{number}")
    with CaptureQueriesContext(connection) as many:
        page(clerk, LIST)
    assert len(one) == len(many)
