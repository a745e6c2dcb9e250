"""The list of issued codes."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse
from django.utils import timezone

from django_sms_otp import services, testing
from django_sms_otp.admin import codes
from django_sms_otp.exceptions import Contention
from django_sms_otp.models import DeliveryState, OTPCode

from ..conftest import PHONE, Post
from ..support.factories import OTPCodeFactory
from .staff import page, staff, unbounded

LIST = "/admin/django_sms_otp/otpcode/"

pytestmark = pytest.mark.django_db


def detail(code: OTPCode) -> str:
    return reverse("admin:django_sms_otp_otpcode_change", args=[code.pk])


@pytest.mark.parametrize(
    ("state", "values"),
    [
        ("live", {}),
        ("redeemed", {"redeemed_at": timezone.now()}),
        ("superseded", {"superseded_at": timezone.now()}),
        ("locked", {"failed_attempts": 5}),
        ("expired", {"created_at": timezone.now() - timedelta(hours=1)}),
        ("delivery_failed", {"delivery_state": "failed"}),
    ],
)
def test_each_state_has_its_badge_and_filter(state: str, values: dict[str, object]) -> None:
    OTPCodeFactory.create(phone_number=PHONE, **values)
    client = staff("view_otpcode")
    assert f"sms-otp-badge-{state}" in page(client, LIST)
    assert "+1********71" in page(client, LIST, state=state)
    other = "redeemed" if state == "live" else "live"
    assert "+1********71" not in page(client, LIST, state=other)


@pytest.mark.parametrize("state", DeliveryState)
def test_each_state_of_delivery_has_its_badge_and_filter(state: DeliveryState) -> None:
    code = OTPCodeFactory.create(phone_number=PHONE, delivery_state=state)
    client = staff("view_otpcode")
    badge = f'sms-otp-badge-{state.value}">{state.label}<'
    # That it failed is the state of the code.
    assert (badge in page(client, LIST)) is (state != DeliveryState.FAILED)
    assert badge in page(client, detail(code))
    assert "+1********71" in page(client, LIST, delivery_state=state.value)
    other = "sent" if state == "failed" else "failed"
    assert "+1********71" not in page(client, LIST, delivery_state=other)


def test_the_list_says_by_which_channel_and_what_went_wrong() -> None:
    OTPCodeFactory.create(channel="sms", delivery_state="failed", delivery_error="21610")
    OTPCodeFactory.create(channel="voice", backend="virginia", send_count=3)
    client = staff("view_otpcode")
    shown = page(client, LIST)
    assert 'class="field-receipt"><span class="quiet">21610</span>' in shown
    assert 'class="field-way">voice<br><span class="quiet">virginia</span>' in shown
    assert "3 messages" in shown
    chosen = page(client, LIST, channel="voice")
    assert "3 messages" in chosen
    assert "21610" not in chosen


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"delivery_error": "21610", "backend": "twilio"},
            "The person has texted STOP. Texting START to the same sender ends that.",
        ),
        ({"delivery_error": "queue"}, "The queue did not take the message."),
        (
            {"withheld_by": "budget"},
            "too many unredeemed messages to unverified numbers",
        ),
        ({"withheld_by": "unknown_number"}, "no account has this number"),
    ],
)
@override_settings(
    SMS_OTP_BACKENDS={
        "default": {"BACKEND": "django_sms_otp.backends.console.SMSBackend"},
        "twilio": {
            "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
            "OPTIONS": {
                "account_sid": "AC" + "0" * 32,
                "auth_token": "t",
                "from_number": "+15005550006",
            },
        },
    }
)
def test_why_no_code_came_is_said_in_words(values: dict[str, str], words: str) -> None:
    code = OTPCodeFactory.create(**values)
    client = staff("view_otpcode")
    [name] = {values.get("delivery_error"), values.get("withheld_by")} - {None}
    assert f'<span class="quiet">{words}</span>' in page(client, LIST)
    assert f"{name}: {words}" in page(client, detail(code))


def test_the_list_is_sorted_by_what_has_an_index_alone() -> None:
    OTPCodeFactory.create()
    shown = page(staff("view_otpcode"), LIST)
    assert set(re.findall(r'href="\?o=-?(\d+)', shown)) == {"0"}


def test_the_page_of_a_code_has_groups_and_says_what_is_not_plain() -> None:
    code = OTPCodeFactory.create()
    shown = page(staff("view_otpcode"), detail(code))
    groups = re.findall(r'<h2[^>]*class="fieldset-heading"[^>]*>\s*(\w+)', shown)
    assert groups == ["Request", "Code", "Delivery"]
    assert "Stored only with STORE_IP_ADDRESS." in shown
    assert "When the quota of the number counted the latest message." in shown


def test_what_a_receipt_told_is_on_the_page_of_a_code() -> None:
    code = OTPCodeFactory.create(
        delivery_state="undelivered",
        delivery_error="30003",
        delivered_at=timezone.now().replace(year=2019),
        message_id="SM123",
    )
    shown = page(staff("view_otpcode"), detail(code))
    assert "30003" in shown
    assert "SM123" in shown
    assert "2019" in shown


def test_numbers_are_masked_without_the_permission() -> None:
    code = OTPCodeFactory.create(phone_number=PHONE)
    client = staff("view_otpcode")
    shown = page(client, LIST) + page(client, detail(code))
    assert "+1********71" in shown
    assert PHONE not in shown


def test_the_permission_shows_the_whole_number_on_the_page_of_a_code() -> None:
    code = OTPCodeFactory.create(phone_number=PHONE)
    client = staff("view_otpcode", "view_whole_phone_number")
    assert PHONE in page(client, detail(code))
    assert PHONE not in page(client, LIST)


@pytest.mark.parametrize(
    ("column", "value", "cell", "query"),
    [
        ("withheld_by", "budget", "receipt", {"withheld_by": "budget"}),
        ("exempt", True, "exempt", {"exempt__exact": "1"}),
        ("recorded", "prefix,ip", "recorded", {"recorded": "prefix,ip"}),
    ],
)
def test_what_the_controls_decided_is_shown_and_filtered_by(
    column: str, value: str | bool, cell: str, query: dict[str, str]
) -> None:
    code = OTPCodeFactory.create(phone_number="+14155550100", **{column: value})
    OTPCodeFactory.create(phone_number=PHONE)
    client = staff("view_otpcode")
    shown = page(client, LIST)
    shown_as = "icon-yes" if value is True else f">{value}<"
    cells = re.findall(rf'<td class="field-{cell}">.*?</td>', shown)
    assert [shown_as in each for each in cells] == [False, True]
    assert f"?{urlencode(query)}" in shown
    assert f'?{column}="' not in shown  # an empty value is not offered
    assert shown_as.rstrip("<") in page(client, detail(code))
    chosen = page(client, LIST, **query)
    assert chosen.count(f'<td class="field-{cell}">') == 1
    assert "+1********71" not in chosen


def test_seeds_are_nowhere() -> None:
    code = OTPCodeFactory.create()
    client = staff("view_otpcode", "view_whole_phone_number")
    shown = page(client, LIST) + page(client, detail(code))
    assert code.seed not in shown


@pytest.mark.parametrize("written", ["+14155552671", "+1 (415) 555-2671", "+1 415.555.2671"])
def test_a_number_is_found_however_it_is_written(written: str) -> None:
    OTPCodeFactory.create(phone_number=PHONE)
    assert "+1********71" in page(
        staff("view_otpcode", "view_whole_phone_number"), LIST, q=written
    )


@pytest.mark.parametrize("number", ["+18005551234", "+881612345678", "+14155000000"])
def test_a_number_that_is_refused_by_now_is_found(number: str) -> None:
    OTPCodeFactory.create(phone_number=number)
    assert number[-2:] + "<br>" in page(
        staff("view_otpcode", "view_whole_phone_number"), LIST, q=number
    )


@pytest.mark.parametrize("part", ["+1415555267", "2671", "415", "nobody", "+14155552672"])
def test_a_part_of_a_number_finds_nothing(part: str) -> None:
    OTPCodeFactory.create(phone_number=PHONE)
    assert "+1********71" not in page(
        staff("view_otpcode", "view_whole_phone_number"), LIST, q=part
    )


@pytest.mark.parametrize(
    "lookup", ["phone_number__startswith", "seed__startswith", "key_id", "purpose__regex"]
)
def test_no_lookup_unmasks_by_trying(lookup: str) -> None:
    OTPCodeFactory.create(phone_number=PHONE)
    answer = staff("view_otpcode").get(LIST, {lookup: "+1415"})
    assert answer.status_code == 400


def test_nothing_can_be_added_changed_or_deleted() -> None:
    code = OTPCodeFactory.create()
    client = staff("view_otpcode", "add_otpcode", "change_otpcode", "delete_otpcode")
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(detail(code), {"failed_attempts": 0}).status_code == 403
    assert client.post(detail(code).replace("change", "delete")).status_code == 403


def test_invalidate_kills_live_codes(get_code: Post, auth_code: Post) -> None:
    get_code()
    row = OTPCode.objects.get()
    action = {"action": "invalidate", "_selected_action": [str(row.pk)]}
    client = staff("view_otpcode", "invalidate_otpcode")
    assert (
        "1 live code was invalidated" in client.post(LIST, action, follow=True).content.decode()
    )
    answer = auth_code(phone_number=PHONE, code=testing.outbox[-1].code)
    assert answer.status_code == 401


def test_an_invalidation_is_logged_and_in_the_history(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="django_sms_otp")
    live = OTPCodeFactory.create(phone_number=PHONE)
    dead = OTPCodeFactory.create(superseded_at=timezone.now())
    client = staff("view_otpcode", "invalidate_otpcode")
    client.post(
        LIST, {"action": "invalidate", "_selected_action": [str(live.pk), str(dead.pk)]}
    )
    user = User.objects.get()
    start = str(live.pk)[:8]
    assert [each.getMessage() for each in caplog.records if each.name == "django_sms_otp"] == [
        f"User {user.pk} invalidated code {start} of +1********71."
    ]
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id) == (user.pk, str(live.pk))
    assert entry.object_repr == "login +1********71"
    history = reverse("admin:django_sms_otp_otpcode_history", args=[live.pk])
    assert "Invalidated the code." in page(client, history)


def test_a_code_in_use_is_named_and_the_others_are_invalidated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy, free = OTPCodeFactory.create(phone_number=PHONE), OTPCodeFactory.create()

    def invalidate(otp_codes: list[OTPCode], *, by: str) -> int:
        if otp_codes[0].pk == busy.pk:
            raise Contention
        return services.invalidate_codes(otp_codes, by=by)

    monkeypatch.setattr(codes, "invalidate_codes", invalidate)
    ticked = {"action": "invalidate", "_selected_action": [str(busy.pk), str(free.pk)]}
    client = staff("view_otpcode", "invalidate_otpcode")
    shown = client.post(LIST, ticked, follow=True).content.decode()
    assert "Login +1********71 is in use right now. Please try again." in shown
    assert "1 live code was invalidated." in shown


def test_actions_commit_by_themselves_under_atomic_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = OTPCodeFactory.create()
    client = staff("view_otpcode", "invalidate_otpcode")
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    client.post(LIST, {"action": "invalidate", "_selected_action": [str(row.pk)]})
    row.refresh_from_db()
    assert row.superseded_at is not None


def test_invalidate_needs_its_permission() -> None:
    row = OTPCodeFactory.create()
    action = {"action": "invalidate", "_selected_action": [str(row.pk)]}
    staff("view_otpcode", "change_otpcode").post(LIST, action)
    row.refresh_from_db()
    assert row.superseded_at is None


def test_the_list_takes_as_many_queries_for_one_row_as_for_many() -> None:
    client = staff("view_otpcode")
    OTPCodeFactory.create()
    with CaptureQueriesContext(
        connection,
    ) as one:
        page(client, LIST)
    OTPCodeFactory.create_batch(30, user=User.objects.get())
    with CaptureQueriesContext(connection) as many:
        page(client, LIST)
    assert len(one) == len(many)


def test_no_query_of_the_list_reads_every_row() -> None:
    OTPCodeFactory.create_batch(101)  # one more than a page
    client = staff("view_otpcode")
    with CaptureQueriesContext(connection) as queries:
        page(client, LIST)
    assert unbounded(queries, OTPCode._meta.db_table) == []


def test_the_date_hierarchy_offers_each_period() -> None:
    now = timezone.now()
    for days in (0, 1, 40, 400):
        OTPCodeFactory.create(created_at=now - timedelta(days=days))
    client = staff("view_otpcode")
    year = now - timedelta(days=400)
    assert f"created_at__year={year.year}" in page(client, LIST)
    shown = page(client, LIST, created_at__year=str(year.year))
    assert f"created_at__month={year.month}" in shown
