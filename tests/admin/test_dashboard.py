"""The dashboard: what the hourly counts say, as charts, tables and CSV files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from django_sms_otp.admin.dashboard.charts import Layer, column_chart, share_chart
from django_sms_otp.admin.words import meaning_of
from django_sms_otp.models import DeliveryState, HourlyCount, OTPCode
from django_sms_otp.stats.durations import event_within
from django_sms_otp.testing import override_sms_otp

from ..conftest import Post
from ..support.factories import OTPCodeFactory
from .staff import page, staff

PAGE = "/admin/django_sms_otp/hourlycount/dashboard/"
NOON = datetime(2026, 3, 1, 12, 10, tzinfo=UTC)

TILE = re.compile(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>(.*?)</div>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> Iterator[Client]:
    with time_machine.travel(NOON, tick=False), timezone.override(UTC):
        yield staff("view_hourlycount")


def counted(
    event: str, count: int, region: str = "US", *, backend: str = "", hours_ago: float = 0
) -> None:
    hour = NOON.replace(minute=0) - timedelta(hours=hours_ago)
    HourlyCount.objects.create(
        hour=hour, region=region, event=event, count=count, backend=backend
    )


def tiles(client: Client, **query: str) -> dict[str, str]:
    """Return the key figures, each with its notes."""
    found = TILE.findall(page(client, PAGE, **query))
    return {
        label: " ".join(TAG.sub(" ", f"{figure} {notes}").split())
        for label, figure, notes in found
    }


def rows(client: Client, table: str, **query: str) -> list[dict[str, str]]:
    answer = client.get(f"{PAGE}{table}.csv", query)
    assert isinstance(answer, StreamingHttpResponse)
    text = b"".join(answer).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_story_of_a_login_is_there_at_once(get_code: Post) -> None:
    get_code()
    get_code()
    OTPCodeFactory.create(
        region="DE",
        sent_at=timezone.now(),
        redeemed_at=timezone.now() + timedelta(seconds=12),
    )
    client = staff("view_hourlycount")
    assert tiles(client)["Codes requested"].startswith("2 0 in the period before")
    assert tiles(client)["Conversion"].startswith("50% ")
    countries = {row["country"]: row for row in rows(client, "countries")}
    assert (countries["US"]["sent"], countries["US"]["refused"]) == ("1", "1")
    assert (countries["DE"]["redeemed"], countries["DE"]["conversion"]) == ("1", "1.0")
    [control] = rows(client, "controls")
    assert (control["control"], control["refused"]) == ("cooldown", "1")


def test_figures_are_compared_with_the_span_before(clerk: Client) -> None:
    # At ten past twelve, yesterday is compared up to twelve.
    for hours_ago, codes in [(0, 30), (25, 40), (24, 1000), (13, 1000)]:
        counted("requested", codes, hours_ago=hours_ago)
        counted("sent", codes, hours_ago=hours_ago)
        counted("redeemed", codes // 2, hours_ago=hours_ago)
        counted(event_within(10), codes // 2, hours_ago=hours_ago)
    found = tiles(clerk, span="today")
    change = "\u2066\N{MINUS SIGN}25%\u2069"
    assert found["Codes requested"] == f"30 {change} 40 in the period before"
    assert found["Conversion"] == ("50% codes redeemed, of those sent 50% in the period before")
    assert found["Median time"] == (
        "8 s from message to login; 95% within 10 s 8 s in the period before"
    )


@override_sms_otp(PRICES={"default": {"US": "0.01", "*": "0.05"}}, CURRENCY="EUR")
def test_messages_cost_what_the_list_says(clerk: Client) -> None:
    counted("messages", 200, backend="default")
    counted("messages", 10, "JM", backend="default")
    counted("messages", 3, backend="voice")
    counted("messages", 100, backend="default", hours_ago=24 * 3)  # Last month.
    assert tiles(clerk, span="today")["Cost"] == (
        "2.50 EUR This month: 2.50 EUR 3 messages have no price 0.00 EUR in the period before"
    )
    assert tiles(clerk, span="7d")["Cost"].startswith("3.50 EUR ")
    assert [row["cost"] for row in rows(clerk, "backends", span="today")] == ["2.5", ""]


def test_without_prices_there_is_no_cost(clerk: Client) -> None:
    counted("messages", 200, backend="default")
    assert "Cost" not in tiles(clerk)
    assert "cost" not in rows(clerk, "backends")[0]


def test_messages_that_wait(clerk: Client) -> None:
    waits = NOON - timedelta(minutes=2)
    OTPCodeFactory.create(counted_at=waits, claimed_at=None)
    OTPCodeFactory.create(counted_at=waits, created_at=NOON - timedelta(hours=1))  # Expired.
    OTPCodeFactory.create(counted_at=waits, delivery_state=DeliveryState.SENT)
    assert tiles(clerk)["Messages waiting to be sent"] == "1 the oldest since 12:08 p.m."


def test_times_by_country_and_backend(clerk: Client) -> None:
    for region, backend, bound in [("US", "default", 10), ("DE", "voice", 60)]:
        counted("redeemed", 10, region, backend=backend)
        counted(event_within(bound), 10, region, backend=backend)
    by_country = {row["country"]: row for row in rows(clerk, "countries")}
    assert by_country["US"]["median_seconds"] == "7.5"
    assert by_country["DE"]["p95_seconds"] == "59.2"
    by_backend = {row["backend"]: row["median_seconds"] for row in rows(clerk, "backends")}
    assert by_backend == {"default": "7.5", "voice": "52.5"}


def test_countries_have_names_in_the_language_of_the_reader(clerk: Client) -> None:
    counted("requested", 3, "DE")
    counted("requested", 2, "001")
    with override_settings(LANGUAGE_CODE="de"), translation.override("de"):
        shown = clerk.get(PAGE, headers={"Accept-Language": "de"}).content.decode()
    assert '<th scope="row">Deutschland</th>' in shown


def test_controls_are_told_apart_by_what_they_did(clerk: Client) -> None:
    counted("refused:ip", 3)
    counted("refused:ip", 4, "JM", hours_ago=23)
    counted("recorded:ip", 5)
    counted("withheld:budget", 20, "JM")
    counted("low_conversion:country", 99)
    found = [list(row.values()) for row in rows(clerk, "controls")]
    assert found == [
        [meaning_of("budget"), "0", "20", "0", "budget"],
        [meaning_of("ip"), "7", "0", "5", "ip"],
    ]
    shown = page(clerk, PAGE)
    assert f'<th scope="row">{meaning_of("budget")}</th>' in shown
    assert '<td class="sms-otp-key">budget</td>' in shown


def test_conversion_stands_beside_the_name(clerk: Client) -> None:
    counted("requested", 4, backend="default")
    OTPCodeFactory.create(created_at=NOON)
    for table, names in [
        ("countries", ["country", "conversion"]),
        ("backends", ["backend", "conversion"]),
        ("prefixes", ["prefix", "country", "conversion"]),
    ]:
        assert [*rows(clerk, table)[0]][: len(names)] == names


def test_each_chart_of_several_colours_says_how_to_read_it(clerk: Client) -> None:
    shown = page(clerk, PAGE)
    assert shown.count("The whole bar is") == 2
    assert "Each colour reaches up to the number that got that far." in shown
    assert "told that a code was sent, and none was." in shown


def test_the_zone_of_the_days_is_named(clerk: Client) -> None:
    assert "02/23/2026 to 03/01/2026 (<bdi>UTC</bdi>)" in page(clerk, PAGE)


@pytest.mark.parametrize(
    ("permissions", "prefix"), [((), "1*******"), (("view_whole_phone_number",), "1415555")]
)
def test_prefixes_are_masked(permissions: tuple[str, ...], prefix: str) -> None:
    client = staff("view_hourlycount", *permissions)
    for last in range(3):
        OTPCodeFactory.create(phone_number=f"+1415555000{last}", sent_at=timezone.now())
    [row] = rows(client, "prefixes")
    # The country code, and a star for each digit of the prefix.
    assert row["prefix"] == (prefix if permissions else "1******")
    assert (row["requested"], row["country"]) == ("3", "US")
    assert ("+1415555" in page(client, PAGE)) == bool(permissions)


# The span


def test_days_are_those_of_the_sites_zone() -> None:
    at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    zone = ZoneInfo("Asia/Kolkata")  # Half an hour off.
    with time_machine.travel(at, tick=False), override_settings(TIME_ZONE="Asia/Kolkata"):
        client = staff("view_hourlycount")
        for utc_hour in (18, 19, 23):
            hour = at.replace(hour=utc_hour, minute=0)
            HourlyCount.objects.create(hour=hour, region="US", event="requested", count=1)
        days = rows(client, "codes", span="7d")
        hours = rows(client, "codes", span="today")
    assert [(row["start"], row["requested"]) for row in days[-2:]] == [
        ("2026-03-01", "1"),  # From 18:00 in UTC on; the day ends at 18:30.
        ("2026-03-02", "2"),
    ]
    assert len(hours) == 24
    assert hours[0]["start"] == datetime(2026, 3, 2, tzinfo=zone).isoformat()
    assert [row["requested"] for row in hours[:6]] == ["1", "0", "0", "0", "1", "0"]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)]
)
def test_a_day_has_the_hours_that_it_has(day: str, hours: int) -> None:
    with override_settings(TIME_ZONE="Europe/Berlin"):
        found = rows(staff("view_hourlycount"), "codes", since=day, until=day)
    assert len(found) == hours


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, 7),
        ({"span": "30d"}, 30),
        ({"span": "month"}, 1),
        ({"span": "nonsense"}, 7),
        ({"since": "2026-02-01", "until": "2026-02-03"}, 3),
        ({"since": "2026-02-28", "until": "9999-12-31"}, 2),
        ({"since": "2026-02-01"}, 7),
    ],
)
def test_a_span_is_chosen(clerk: Client, query: dict[str, str], days: int) -> None:
    first = {row["start"][:10] for row in rows(clerk, "codes", **query)}
    assert len(first) == days


@pytest.mark.parametrize(
    ("since", "until", "text"),
    [
        ("2026-02-03", "2026-02-01", "The first day is after the last, or after today."),
        ("2025-01-20", "2025-01-21", "Choose days of the last 400: older counts are not kept."),
        ("0001-01-01", "0001-01-02", "Choose days"),
        ("9999-12-30", "9999-12-31", "The first day is after the last, or after today."),
        ("2026-13-01", "2026-02-01", "Enter a valid date."),
    ],
)
def test_a_span_that_is_none_is_explained(
    clerk: Client, since: str, until: str, text: str
) -> None:
    assert text in page(clerk, PAGE, since=since, until=until)


# What is counted


def test_a_page_that_is_behind_says_so_and_offers_to_go_on(
    clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard = "django_sms_otp.admin.dashboard.page"
    monkeypatch.setattr(f"{dashboard}.ON_OPENING", timedelta(0))
    for days in (3, 2, 1):
        OTPCodeFactory.create(created_at=NOON - timedelta(days=days))
    assert "Codes are counted up to 02/27/2026 noon." in " ".join(page(clerk, PAGE).split())
    assert "Codes are counted" not in page(clerk, PAGE, span="7d", count="on")
    assert tiles(clerk)["Codes requested"].startswith("3 ")


def test_the_page_takes_as_many_statements_for_much_as_for_little(clerk: Client) -> None:
    OTPCodeFactory.create(created_at=NOON)
    page(clerk, PAGE)
    with CaptureQueriesContext(connection) as few:
        page(clerk, PAGE)
    for number in range(30):
        counted("requested", 5, f"X{number}", hours_ago=number)
        OTPCodeFactory.create(created_at=NOON - timedelta(seconds=number))
    page(clerk, PAGE)
    with CaptureQueriesContext(connection) as many:
        page(clerk, PAGE)
    # Five of them count the codes of an hour each.
    assert len(many) == len(few) <= 20


# Who may see it, and what it is made of


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}codes.csv"])
def test_the_dashboard_is_for_those_who_may_see_the_counts(address: str) -> None:
    OTPCodeFactory.create()
    assert staff("view_otpcode").get(address).status_code == 403
    assert Client().get(address).status_code == 302
    assert not HourlyCount.objects.exists()


def test_there_is_no_other_table() -> None:
    assert staff("view_hourlycount").get(f"{PAGE}users.csv").status_code == 404


def test_the_lists_lead_to_it() -> None:
    client = staff("view_hourlycount", "view_otpcode")
    for address in ("/admin/django_sms_otp/", "/admin/django_sms_otp/hourlycount/"):
        assert f'href="{PAGE}"' in page(client, address)
    other = staff("view_otpcode", name="other")
    assert PAGE not in page(other, "/admin/django_sms_otp/")


def test_a_spreadsheet_runs_nothing(clerk: Client) -> None:
    counted("requested", 1, backend="=HYPERLINK(1)")
    assert rows(clerk, "backends")[0]["backend"] == "'=HYPERLINK(1)"


def test_no_style_and_no_script_stand_in_the_page(clerk: Client) -> None:
    counted("requested", 3)
    shown = page(clerk, PAGE)
    content = shown[shown.index('class="sms-otp-page"') :]
    assert content.count('role="img"') == 3
    assert not re.search(r"<style|<script(?! src)|\sstyle=|\son\w+=", content)


def test_a_chart_has_its_numbers_in_no_language() -> None:
    with override_settings(USE_THOUSAND_SEPARATOR=True), translation.override("de"):
        chart = column_chart("<b>", ["a"], ["a & b"], [Layer("solid", "x", [1234])])
    assert chart.ticks[0] == "1.600"
    assert '<rect class="sms-otp-solid" x="27.5%" y="45.75" width="45%" height="154.25"/>' in (
        chart.svg
    )
    assert "<title>&lt;b&gt;</title>" in chart.svg
    assert "<title>a &amp; b</title>" in chart.svg


@pytest.mark.parametrize(
    ("most", "top"), [(0, "4"), (3, "4"), (5, "8"), (41, "60"), (245, "320"), (401, "600")]
)
def test_the_axis_ends_at_a_round_number(most: int, top: str) -> None:
    assert column_chart("", ["a"], [""], [Layer("solid", "", [most])]).ticks[0] == top


def test_a_line_has_gaps() -> None:
    chart = share_chart("", list("abcd"), [""] * 4, Layer("line", "", [0.5, 1.0, None, 0.0]))
    assert chart.svg.count('<line class="sms-otp-line"') == 1
    assert chart.svg.count("<circle") == 3


def test_codes_of_no_hour_are_no_error(clerk: Client) -> None:
    assert not OTPCode.objects.exists()
    assert tiles(clerk)["Conversion"].startswith("\N{EN DASH} ")
    assert page(clerk, PAGE).count("Nothing.") == 4
