"""The list of hourly counts, and the last day's above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_sms_otp.models import HourlyCount

from ..conftest import Post
from ..support.factories import OTPCodeFactory
from .staff import page, staff, unbounded

LIST = "/admin/django_sms_otp/hourlycount/"
NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
LINE = re.compile(r'<th scope="row">(.*?)</th>\s*((?:<td>.*?</td>\s*)+)')
CELL = re.compile(r"<td>(.*?)</td>")
COUNT = re.compile(r'class="field-count">(\d+)<')

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> Iterator[Client]:
    with time_machine.travel(NOON, tick=False), timezone.override(UTC):
        yield staff("view_hourlycount")


def counted(event: str, count: int, region: str = "US", hours_ago: float = 0) -> None:
    hour = NOON.replace(minute=0) - timedelta(hours=hours_ago)
    HourlyCount.objects.create(hour=hour, region=region, event=event, count=count)


def summary(client: Client) -> list[list[str]]:
    """Return the lines of the tables above the list, each with its heading."""
    lines = LINE.findall(page(client, LIST))
    return [[heading, *CELL.findall(cells)] for heading, cells in lines]


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
    assert summary(clerk)[-1][0] == "satellite and global networks"


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


def test_refusals_are_added_up_by_control(clerk: Client) -> None:
    counted("refused:ip", 3)
    counted("refused:ip", 4, "JM", hours_ago=23)
    counted("recorded:ip", 5)
    counted("withheld:budget", 20, "JM")
    counted("low_conversion:country", 99)
    assert summary(clerk) == [["budget", "0", "20", "0"], ["ip", "7", "0", "5"]]


def test_codes_are_added_up_by_country(clerk: Client) -> None:
    for event, count in (("sent", 40), ("delivered", 38), ("redeemed", 30)):
        counted(event, count)
    counted("sent", 20, hours_ago=1)
    counted("sent", 100, "JM")
    counted("redeemed", 1, "JM")
    assert summary(clerk) == [["JM", "100", "0", "1", "1%"], ["US", "60", "38", "30", "50%"]]


def test_a_share_of_nothing_is_not_said(clerk: Client) -> None:
    counted("redeemed", 1)
    assert summary(clerk) == [["US", "0", "0", "1", ""]]


def test_what_is_older_than_a_day_is_not_added(clerk: Client) -> None:
    counted("refused:ip", 3, hours_ago=25)
    counted("sent", 3, hours_ago=25)
    assert summary(clerk) == []
    assert page(clerk, LIST).count("Nothing.") == 2


def test_ten_countries_are_shown(clerk: Client) -> None:
    for number in range(12):
        counted("sent", 100 + number, f"X{number}")
    assert [line[0] for line in summary(clerk)] == [f"X{number}" for number in range(11, 1, -1)]


def test_the_story_ends_in_the_tables(get_code: Post) -> None:
    get_code()
    get_code()
    OTPCodeFactory.create(sent_at=timezone.now(), region="JM")
    call_command("roll_up_otp_codes")
    lines = summary(staff("view_hourlycount"))
    assert ["cooldown", "1", "0", "0"] in lines
    assert ["JM", "1", "0", "0", "0%"] in lines
    assert ["US", "1", "0", "0", "0%"] in lines


def test_the_tables_name_the_command_that_they_wait_for(clerk: Client) -> None:
    assert "roll_up_otp_codes" in page(clerk, LIST)


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
    statements = unbounded(queries, HourlyCount._meta.db_table)
    # The summary reads the hours of one day.
    assert len(statements) == 1
    assert "hour" in statements[0].partition("WHERE")[2].partition("GROUP")[0]


def test_the_list_takes_as_many_queries_for_one_row_as_for_many(clerk: Client) -> None:
    counted("sent", 1)
    with CaptureQueriesContext(connection) as one:
        page(clerk, LIST)
    for number in range(1, 40):
        counted("sent", 1, f"X{number}")
    with CaptureQueriesContext(connection) as many:
        page(clerk, LIST)
    assert len(one) == len(many)
