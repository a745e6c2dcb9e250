"""The list of limits, and the page of one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.paginator import Paginator
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_sms_otp.admin.handles import handle_of

from django_sms_otp.admin.limits import LimitAdmin
from django_sms_otp.limits.number import Failures, NumberState
from django_sms_otp.models import Limit

from ..conftest import PHONE
from .staff import limit, page, staff, unbounded

LIST = "/admin/django_sms_otp/limit/"
HISTORY = f"{LIST}{{}}/history/"
MASKED = "+1********71"
KEYS = ("ip:203.0.113.7", "ip:2001:db8::/64", "prefix:+1415555", "country:JM", "site")
PARTS = (
    *("+1415555267", "+1415555", "2671", "415", "%", "_"),
    *("prefix:", "prefix:+141555", "prefix:+1415555%", "prefix:+14155550"),
    *("ip:", "ip:203.0.113", "203.0.113", "country:", "country", "s", "key"),
)

pytestmark = pytest.mark.django_db


def detail(key: str) -> str:
    return f"{LIST}{handle_of(key)}/change/"


def keys_in(shown: str) -> list[str]:
    return re.findall(r'class="field-name"><a href="[^"]*">([^<]*)</a>', shown)


def test_numbers_are_masked_without_the_permission() -> None:
    limit(PHONE)
    client = staff("view_limit", "unlock_limit")
    shown = page(client, LIST) + page(client, detail(PHONE))
    assert shown.count(MASKED) >= 2
    assert PHONE[1:] not in shown


def test_no_page_has_the_number_in_a_link_or_form() -> None:
    limit(PHONE, NumberState(strangers=Failures(1, (0,))), held=True)
    client = staff("view_limit", "unlock_limit")
    client.post(LIST, {"action": "unlock", "_selected_action": [handle_of(PHONE)]})
    pages = [
        page(client, LIST),
        page(client, LIST, _popup="1", _to_field="key"),
        page(client, LIST, kind="number"),
        page(client, detail(PHONE)),
        page(client, detail(PHONE), _popup="1", _to_field="key"),
        page(client, HISTORY.format(handle_of(PHONE))),
        page(client, "/admin/"),
    ]
    assert all(MASKED in shown for shown in pages)
    assert not [shown for shown in pages if PHONE[1:] in shown]


def test_autocompletion_does_not_list_numbers() -> None:
    limit(PHONE)
    query = {"app_label": "django_sms_otp", "model_name": "otpcode", "field_name": "limit"}
    answer = staff("view_limit").get("/admin/autocomplete/", {**query, "term": ""})
    assert answer.status_code == 404
    assert PHONE.encode() not in answer.content


def test_the_permission_shows_the_whole_number_on_the_page_of_a_row() -> None:
    limit(PHONE)
    client = staff("view_limit", "view_whole_phone_number")
    assert PHONE in page(client, detail(PHONE))
    assert PHONE[1:] not in page(client, LIST)


def test_a_row_is_opened_by_its_handle_alone() -> None:
    limit(PHONE)
    client = staff("view_limit", "view_whole_phone_number")
    forged = handle_of(PHONE)[:-1] + ("0" if handle_of(PHONE)[-1] != "0" else "1")
    for address in (
        "%2B14155552671",
        "_2B14155552671",
        forged,
        "zz",
        handle_of("+14155552672"),
    ):
        assert client.get(f"{LIST}{address}/change/").status_code == 302


@pytest.mark.parametrize("written", ["+14155552671", " +1 (415) 555-2671", "+1 415.555.2671"])
def test_a_number_is_found_however_it_is_written(written: str) -> None:
    limit(PHONE)
    limit("+14155552672")
    assert keys_in(page(staff("view_limit"), LIST, q=written)) == [MASKED]


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
    assert keys_in(page(staff("view_limit"), LIST, q=written)) == [key]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_key_finds_nothing(part: str) -> None:
    for each in (PHONE, *KEYS):
        limit(each)
    assert keys_in(page(staff("view_limit"), LIST, q=part)) == []


@pytest.mark.parametrize(
    "lookup",
    ["key__startswith", "key", "state__contains", "codes__phone_number", "held", "version__gt"],
)
def test_no_lookup_unmasks_by_trying(lookup: str) -> None:
    limit(PHONE)
    assert staff("view_limit").get(LIST, {lookup: "+1415"}).status_code == 400


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
    client = staff("view_limit")
    assert set(keys_in(page(client, LIST))) == {MASKED, *KEYS}
    assert set(keys_in(page(client, LIST, kind=kind))) == keys


@pytest.mark.parametrize("kind", ["number", "ip"])
def test_each_kind_goes_by_the_paginator_of_the_site(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    class Sites(Paginator[Limit]):
        count = 4711

    monkeypatch.setattr(LimitAdmin, "paginator", Sites)
    for key in (PHONE, *KEYS):
        limit(key)
    assert "4711 limits" in page(staff("view_limit"), LIST, kind=kind)


def test_those_with_failures_come_first_and_then_the_newest() -> None:
    now = timezone.now()
    limit("country:JM", updated_at=now)
    limit("site", updated_at=now - timedelta(hours=2))
    limit(PHONE, updated_at=now - timedelta(hours=3), held=True)
    client = staff("view_limit")
    for order in ({}, {"o": "5"}, {"o": "-5.1"}):
        assert keys_in(page(client, LIST, **order)) == [MASKED, "country:JM", "site"]


def test_nothing_can_be_added_changed_or_deleted() -> None:
    limit(PHONE, held=True)
    client = staff("view_limit", "add_limit", "change_limit", "delete_limit")
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(detail(PHONE), {"held": ""}).status_code == 403
    assert client.post(detail(PHONE).replace("change", "delete")).status_code == 403
    action = {
        "action": "delete_selected",
        "_selected_action": [handle_of(PHONE)],
        "post": "yes",
    }
    client.post(LIST, action)
    assert Limit.objects.get().held


def test_the_list_is_for_those_who_may_see_it() -> None:
    limit(PHONE)
    client = staff("view_otpcode")
    for url in (LIST, detail(PHONE), HISTORY.format(handle_of(PHONE))):
        assert client.get(url).status_code == 403


def test_the_list_takes_as_many_queries_for_one_row_as_for_many() -> None:
    client = staff("view_limit", "unlock_limit")
    limit("country:US")
    with CaptureQueriesContext(connection) as one:
        page(client, LIST)
    for number in range(40):
        limit(f"+1415555{number:04}")
        limit(f"country:{number:02}")
    with CaptureQueriesContext(connection) as many:
        page(client, LIST)
    assert len(one) == len(many)


@pytest.mark.parametrize("kind", [None, "number", "ip", "prefix", "country", "site"])
def test_no_query_of_the_list_reads_every_row(kind: str | None) -> None:
    for number in range(101):  # one more than a page
        limit(f"+1415555{number:04}")
        limit(f"ip:203.0.113.{number}")
    client = staff("view_limit")
    with CaptureQueriesContext(connection) as queries:
        page(client, LIST, **({"kind": kind} if kind else {}), o="1.2.3.4.5")
    statements = unbounded(queries, Limit._meta.db_table)
    # The last page of a list is asked for without a bound of its own: the filter is one.
    assert not [sql for sql in statements if "key" not in sql.partition("WHERE")[2]]
    ordered = [q["sql"].partition("ORDER BY")[2] for q in queries if "held" in q["sql"]]
    assert all(order.index("held") < order.index("updated_at") for order in ordered if order)
