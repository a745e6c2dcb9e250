"""With a million codes no request, page or command looks at more rows than it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection
from django.test import Client
from django.utils import timezone

from django_sms_otp import testing
from django_sms_otp.delivery import deliver_queued, take_back
from django_sms_otp.management.commands.purge_otp_codes import delete_in_batches, old_codes
from django_sms_otp.models import DeliveryState, HourlyCount, Limit, OTPCode, VerifiedPhone
from django_sms_otp.services import invalidate_codes, unlock_number
from django_sms_otp.testing import override_sms_otp
from django_sms_otp.webhooks.receipts import Receipt, take
from tests.support.fill import Past, fill, phone_of

from ..conftest import Post, last_code, wrong
from ..support.factories import OTPCodeFactory
from ..support.query_plans import Watch, watched

USERS = {"postgresql": 100_000, "mysql": 5_000, "sqlite": 5_000}
"""Each has ten codes."""

KNOWN, NEW = phone_of(4_321), "+14155552671"
ADDRESS = "203.0.113.7"

BLOCKS_OF_A_REQUEST = 45
"""Each of its statements goes down an index once for each row that it reads. The tables have
50,000."""

BLOCKS_OF_A_PAGE = 1_200
"""Of the admin: a hundred rows, a count up to ten thousand, the values of a thousand."""

BLOCKS_OF_A_COUNT = 1_500
"""The same, where a count up to ten thousand has to look at the rows themselves: until a vacuum
has told the index that all may see them."""

BLOCKS_OF_A_FILTER = 6_000
"""It looks at a hundred thousand rows."""

EVERYTHING_ON: dict[str, Any] = {
    "LIMITS": {"prefix": "10/h,30/d", "country": "200/h", "site": "500/h", "phone_ip": "3/h"},
    "UNVERIFIED_BUDGET": {},
    "CONVERSION_BREAKER": {},
}


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        fill(Past(users=USERS[connection.vendor], until=timezone.now()))
        yield
        tables = [
            model._meta.db_table for model in (OTPCode, Limit, HourlyCount, VerifiedPhone)
        ]
        flush = connection.ops.sql_flush(
            no_style(), [*tables, "auth_user"], reset_sequences=True, allow_cascade=True
        )
        connection.ops.execute_sql_flush(flush)
        connection.close()


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("filled")]


def assert_flat(watch: Watch) -> None:
    assert watch.plans
    assert not watch.faults()
    assert not watch.beyond(BLOCKS_OF_A_REQUEST)


def flat(act: Callable[[], object]) -> None:
    with watched() as watch:
        act()
    assert_flat(watch)


# Requests


@pytest.fixture(params=["defaults", "every control"])
def policy(request: pytest.FixtureRequest) -> Iterator[None]:
    keys = EVERYTHING_ON if request.param == "every control" else {}
    with override_sms_otp(**keys):
        yield


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("number", [KNOWN, NEW])
def test_a_login_is_flat(get_code: Post, auth_code: Post, number: str) -> None:
    with watched() as watch:
        assert get_code(phone_number=number).status_code == 202
        assert get_code(phone_number=number).status_code == 429
        code = last_code()
        assert auth_code(phone_number=number, code=wrong(code)).status_code == 401
        assert auth_code(phone_number=number, code=code).status_code == 200
        assert auth_code(phone_number=number, code=code).status_code == 401
    assert_flat(watch)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="tells no blocks")
def test_a_number_that_has_logged_in_often_is_flat(get_code: Post, auth_code: Post) -> None:
    made = [timezone.now() - timedelta(hours=2 * number + 2) for number in range(300)]
    for at in made:
        OTPCodeFactory.create(phone_number=KNOWN, created_at=at)
    with watched() as watch:
        assert get_code(phone_number=KNOWN).status_code == 202
        assert auth_code(phone_number=KNOWN, code=last_code()).status_code == 200
    assert_flat(watch)


def test_the_same_code_again_is_flat(get_code: Post, auth_code: Post) -> None:
    with override_sms_otp(COOLDOWN=[]):
        get_code(phone_number=KNOWN)
        flat(lambda: get_code(phone_number=KNOWN))


def test_a_login_by_request_id_is_flat(get_code: Post, auth_code: Post) -> None:
    with override_sms_otp(REQUIRE_REQUEST_ID=True), watched() as watch:
        request_id = get_code(phone_number=KNOWN).json()["request_id"]
        code = last_code()
        assert auth_code(request_id=request_id, code=wrong(code)).status_code == 401
        assert auth_code(request_id=request_id, code=code).status_code == 200
    assert_flat(watch)


@pytest.mark.parametrize("policy", ["reject", "ignore"])
def test_a_number_that_nobody_has_is_flat(get_code: Post, policy: str) -> None:
    with override_sms_otp(UNKNOWN_NUMBERS=policy), watched() as watch:
        get_code(phone_number=NEW)
    assert_flat(watch)


def test_a_failover_is_flat(get_code: Post, settings: Any) -> None:
    settings.SMS_OTP_BACKENDS = {
        "default": {"BACKEND": "tests.support.two_gateways.Front"},
        "first": {"BACKEND": "tests.support.two_gateways.Gateway"},
        "second": {"BACKEND": "tests.support.two_gateways.Gateway"},
    }
    flat(lambda: get_code(phone_number=KNOWN))


# What comes after requests


def test_a_worker_is_flat() -> None:
    code = OTPCodeFactory.create(phone_number=KNOWN, claimed_at=None, counted_at=timezone.now())
    flat(lambda: deliver_queued(code.pk))
    assert len(testing.outbox) == 1


def test_what_a_queue_did_not_take_is_flat() -> None:
    code = OTPCodeFactory.create(phone_number=KNOWN, claimed_at=None, counted_at=timezone.now())
    flat(lambda: take_back(code))


def test_a_receipt_is_flat() -> None:
    code = OTPCodeFactory.create(
        phone_number=KNOWN, message_id="SM1", delivery_state=DeliveryState.SENT
    )
    receipt = Receipt(
        request_id=code.pk,
        send_count=1,
        alias="default",
        status=DeliveryState.DELIVERED,
        message_id="SM1",
    )
    flat(lambda: take(receipt))


def test_what_staff_may_do_is_flat() -> None:
    code = OTPCodeFactory.create(phone_number=KNOWN)
    flat(lambda: invalidate_codes([code]))
    flat(lambda: unlock_number(KNOWN))


def test_the_deletion_of_a_user_is_flat() -> None:
    user = VerifiedPhone.objects.get(phone_number=KNOWN).user
    flat(user.delete)


# Staff


@pytest.mark.parametrize(
    "path",
    [
        "otpcode/",
        "otpcode/?p=50",
        "otpcode/?state=redeemed",
        "otpcode/?state=live",
        "otpcode/?state=locked",
        "otpcode/?delivery_state__exact=failed",
        "otpcode/?withheld_by__exact=budget",
        f"otpcode/?q=%2B{KNOWN[1:]}",
        "limit/",
        "limit/?kind=number",
        "limit/?kind=ip",
        "limit/?kind=circuit",
        f"limit/?q=%2B{KNOWN[1:]}",
        "limit/?q=ip:203.0.113.7",
        "verifiedphone/",
        f"verifiedphone/?q=%2B{KNOWN[1:]}",
        "hourlycount/",
        "hourlycount/?event=redeemed",
    ],
)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="tells no blocks")
def test_a_page_of_the_admin_is_flat(admin_client: Client, path: str) -> None:
    with watched() as watch:
        answer = admin_client.get(f"/admin/django_sms_otp/{path}")
    assert answer.status_code == 200
    assert watch.plans
    is_filtered = path.startswith(("otpcode/?", "limit/?")) and "q=" not in path
    is_counted = path.startswith("hourlycount/?")
    most = BLOCKS_OF_A_COUNT if is_counted else BLOCKS_OF_A_PAGE
    assert not watch.beyond(BLOCKS_OF_A_FILTER if is_filtered else most)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="tells no blocks")
@pytest.mark.parametrize("span", ["today", "30d"])
def test_the_dashboard_reads_the_span_by_an_index(admin_client: Client, span: str) -> None:
    call_command("roll_up_otp_codes", verbosity=0)
    with watched() as watch:
        address = "/admin/django_sms_otp/hourlycount/dashboard/"
        assert admin_client.get(address, {"span": span}).status_code == 200
    assert not [fault for fault in watch.faults() if "Sort" not in fault]
    # No statement looks at more codes than the newest ten thousand. The counts of a month and
    # of the one before are more rows, in a twentieth of the blocks.
    of_codes = [plan for plan in watch.plans if OTPCode._meta.db_table in plan.sql]
    assert max(plan.blocks for plan in of_codes) <= BLOCKS_OF_A_PAGE
    assert not watch.beyond(BLOCKS_OF_A_FILTER)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="tells no blocks")
def test_the_roll_up_looks_at_the_last_hours_alone() -> None:
    with watched() as watch:
        call_command("roll_up_otp_codes")
    assert watch.plans
    assert not watch.beyond(BLOCKS_OF_A_PAGE)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="tells no blocks")
def test_a_batch_of_the_purge_looks_at_no_more_than_it_deletes() -> None:
    deletion = old_codes(timezone.now(), timedelta(days=29))
    counted = deletion.rows.count()
    with watched() as watch:
        deleted = list(delete_in_batches(deletion, 2000))
    assert sum(deleted) == counted > 10_000
    assert max(deleted) <= 2000
    # Two blocks a row, to find it and to lock it. Those of batches before are not looked at
    # again.
    assert not watch.faults()
    assert not watch.beyond(5_000)
