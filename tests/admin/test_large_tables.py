"""Filters search the newest rows of a period, however many rows there are."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_sms_otp.admin import large_tables
from django_sms_otp.models import OTPCode
from tests.support.factories import OTPCodeFactory

from .staff import page, staff

pytestmark = pytest.mark.django_db

LIST = "/admin/django_sms_otp/otpcode/"
TOLD = "The filters look at the newest 3 rows."


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_tables, "MAX_FILTERED_ROWS", 3)


@pytest.fixture
def client(db: None) -> Client:
    return staff("view_otpcode", "view_whole_phone_number")


def code(at: datetime, region: str) -> OTPCode:
    made: OTPCode = OTPCodeFactory.create(created_at=at, region=region)
    return made


@pytest.fixture
def days(db: None) -> list[datetime]:
    """Five days, a code of each country a day."""
    now = timezone.now()
    days = [now - timedelta(days=40 * number) for number in range(5)]
    for day in days:
        for region in ("US", "DE"):
            code(day - timedelta(seconds=region == "DE"), region)
    return days


@pytest.mark.parametrize("name", ["region", "region__exact"])
def test_filters_look_at_the_newest_rows_and_say_so(
    client: Client, days: list[datetime], name: str
) -> None:
    text = page(client, LIST, **{name: "DE"})
    assert TOLD in text
    assert "1 issued code" in text


def test_a_day_leads_to_older_ones(client: Client, days: list[datetime]) -> None:
    then = timezone.localtime(days[4])
    period = {"created_at__year": str(then.year), "created_at__month": str(then.month)}
    text = page(client, LIST, region="DE", **period, created_at__day=str(then.day))
    assert TOLD not in text
    assert "1 issued code" in text


def test_the_dates_of_older_rows_are_offered(client: Client, days: list[datetime]) -> None:
    text = page(client, LIST, region="DE")
    then = timezone.localtime(days[4])
    now = timezone.localtime(days[0])
    if then.year == now.year:
        assert f"created_at__month={then.month}" in text
    else:
        assert f"created_at__year={then.year}" in text


def test_without_a_filter_all_rows_are_listed(client: Client, days: list[datetime]) -> None:
    text = page(client, LIST)
    assert TOLD not in text
    assert "10 issued codes" in text


def test_all_rows_of_a_number_are_looked_at(client: Client, days: list[datetime]) -> None:
    now = timezone.now()
    for number in range(5):
        at = now - timedelta(days=number)
        OTPCodeFactory.create(phone_number="+14155552671", region="FR", created_at=at)
    text = page(client, LIST, region="FR", q="+14155552671")
    assert TOLD not in text
    assert "5 issued codes" in text


def test_the_link_that_clears_filters_keeps_the_day(
    client: Client, days: list[datetime]
) -> None:
    then = timezone.localtime(days[0])
    text = page(client, LIST, region="DE", created_at__year=str(then.year))
    link = text.split("Clear all filters")[0].rsplit('href="', 1)[1].split('"')[0]
    assert link == f"?created_at__year={then.year}"
    assert client.get(LIST + link).status_code == 200


def test_no_statement_of_a_filtered_page_is_unbounded(
    client: Client, days: list[datetime]
) -> None:
    with CaptureQueriesContext(connection) as captured:
        page(client, LIST, state="locked")
    asked = [query["sql"] for query in captured if OTPCode._meta.db_table in query["sql"]]
    by_state = [sql for sql in asked if "locked" in sql]
    assert by_state
    assert all("created_at" in sql.partition("WHERE")[2] for sql in by_state)
