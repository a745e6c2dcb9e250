"""The list of limits and the page of one limit."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_sms_otp.models import Limit

from ..conftest import PHONE
from .staff import LIMITS, limit, limit_page, page, staff, unbounded

MASKED = "+1********71"
KEYS = ("ip:203.0.113.7", "ip:2001:db8::/64", "prefix:+1415555", "country:JM", "site")
PARTS = (
    *("+1415555267", "+1415555", "2671", "415", "%", "_"),
    *("prefix:", "prefix:+141555", "prefix:+1415555%", "prefix:+14155550"),
    *("ip:", "ip:203.0.113", "203.0.113", "country:", "country", "s", "key"),
)

WHOLE = "view_whole_phone_number"

pytestmark = pytest.mark.django_db


def keys_in(shown: str) -> list[str]:
    return re.findall(r'class="field-name(?:_with_prefix)?"><a href="[^"]*">([^<]*)</a>', shown)


@pytest.mark.parametrize("written", ["+14155552671", " +1 (415) 555-2671", "+1 415.555.2671"])
def test_a_number_is_found_however_it_is_written(written: str) -> None:
    limit(PHONE)
    limit("+14155552672")
    assert keys_in(page(staff("view_limit", WHOLE), LIMITS, q=written)) == [MASKED]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("ip:203.0.113.7", "ip:203.0.113.7"),
        ("203.0.113.7", "ip:203.0.113.7"),
        ("ip:2001:db8::/64", "ip:2001:db8::/64"),
        ("2001:db8::1", "ip:2001:db8::/64"),
        ("prefix:+1415555", "prefix:+1415555"),
        ("country:jm", "country:JM"),
        ("site", "site"),
    ],
)
def test_a_shared_row_is_found_by_its_key(written: str, key: str) -> None:
    for each in (PHONE, *KEYS):
        limit(each)
    assert keys_in(page(staff("view_limit", WHOLE), LIMITS, q=written)) == [key]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_key_finds_nothing(part: str) -> None:
    for each in (PHONE, *KEYS):
        limit(each)
    assert keys_in(page(staff("view_limit", WHOLE), LIMITS, q=part)) == []


@pytest.mark.parametrize(
    "lookup",
    ["subject__startswith", "subject", "kind__in", "state__contains", "uses", "version__gt"],
)
def test_no_lookup_unmasks_by_trying(lookup: str) -> None:
    limit(PHONE)
    assert staff("view_limit").get(LIMITS, {lookup: "+1415"}).status_code == 400


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("number", {MASKED}),
        ("ip", {"ip:203.0.113.7", "ip:2001:db8::/64"}),
        ("prefix", {"prefix:+1415555"}),
        ("country", {"country:JM"}),
        ("site", {"site"}),
    ],
)
def test_each_kind_has_its_filter(kind: str, keys: set[str]) -> None:
    for each in (PHONE, *KEYS):
        limit(each)
    client = staff("view_limit", WHOLE)
    assert set(keys_in(page(client, LIMITS))) == {MASKED, *KEYS}
    assert set(keys_in(page(client, LIMITS, kind__exact=kind))) == keys


def test_those_with_failures_come_first_and_then_the_newest() -> None:
    now = timezone.now()
    limit("country:JM", updated_at=now)
    limit("site", updated_at=now - timedelta(hours=2))
    limit(PHONE, updated_at=now - timedelta(hours=3), is_kept=True)
    client = staff("view_limit")
    shown = page(client, LIMITS)
    assert keys_in(shown) == [MASKED, "country:JM", "site"]
    assert "?o=" not in shown


def test_nothing_can_be_added_changed_or_deleted() -> None:
    row = limit(PHONE, is_kept=True)
    client = staff("view_limit", "add_limit", "change_limit", "delete_limit")
    assert client.get(f"{LIMITS}add/").status_code == 403
    assert client.post(limit_page(row), {"is_kept": ""}).status_code == 403
    assert client.post(limit_page(row, "delete"), {"post": "yes"}).status_code == 403
    ticked = {"_selected_action": [str(row.pk)], "post": "yes"}
    client.post(LIMITS, {"action": "delete_selected", **ticked})
    assert Limit.objects.get().is_kept


def test_the_list_is_for_those_who_may_see_it() -> None:
    row = limit(PHONE)
    client = staff("view_otpcode")
    for url in (LIMITS, limit_page(row), limit_page(row, "history")):
        assert client.get(url).status_code == 403


def test_the_list_takes_as_many_queries_for_one_row_as_for_many() -> None:
    client = staff("view_limit", "unlock_limit")
    limit("country:US")
    with CaptureQueriesContext(connection) as one:
        page(client, LIMITS)
    for number in range(40):
        limit(f"+1415555{number:04}")
        limit(f"country:{number:02}")
    with CaptureQueriesContext(connection) as many:
        page(client, LIMITS)
    assert len(one) == len(many)


@pytest.mark.parametrize("kind", [None, "number", "ip", "prefix", "country", "site"])
def test_no_query_of_the_list_reads_every_row(kind: str | None) -> None:
    for number in range(101):  # one more than a page
        limit(f"+1415555{number:04}")
        limit(f"ip:203.0.113.{number}")
    client = staff("view_limit")
    with CaptureQueriesContext(connection) as queries:
        page(client, LIMITS, **({"kind__exact": kind} if kind else {}))
    # Each other statement asks for the circuits of the backends, or for the last page.
    for sql in unbounded(queries, Limit._meta.db_table):
        condition = sql.partition("WHERE")[2]
        assert "subject" in condition or (kind and "kind" in condition)
