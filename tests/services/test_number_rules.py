"""Staff block and allow numbers."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from django_sms_otp import services, testing
from django_sms_otp.limits.failures import Failures
from django_sms_otp.limits.number import NumberState
from django_sms_otp.limits.shared import SharedCounters
from django_sms_otp.management.commands import purge_otp_codes
from django_sms_otp.models import Limit, OTPCode
from django_sms_otp.testing import override_sms_otp

from ..admin.staff import limit
from ..conftest import PHONE, Post, body_of, last_code
from ..support.factories import OTPCodeFactory
from ..support.guesses import made_by

HOUR = timedelta(hours=1)
TWENTY_PAST = datetime(2027, 1, 15, 12, 20, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_blocked_number_is_answered_like_one_without_messages_left(
    get_code: Post, auth_code: Post
) -> None:
    with time_machine.travel(TWENTY_PAST, tick=False) as clock:
        get_code()
        code = last_code()
        services.block_number(PHONE)
        assert auth_code(phone_number=PHONE, code=code).status_code == 401
        clock.shift(HOUR)
        blocked = get_code()
        assert len(testing.outbox) == 1
        services.lift_rule(PHONE)
        with override_sms_otp(COOLDOWN=[], LIMITS={"phone": "1/h"}):
            assert get_code().status_code == 202
            used_up = get_code()
    assert blocked.status_code == used_up.status_code == 429
    assert body_of(blocked)["code"] == body_of(used_up)["code"] == "quota_exceeded"
    assert list(body_of(blocked)) == list(body_of(used_up))
    assert body_of(blocked)["retry_after"] == 40 * 60


def test_a_block_ends_the_live_codes_of_every_purpose_and_no_other_number() -> None:
    for purpose in ("login", "step_up"):
        OTPCodeFactory.create(phone_number=PHONE, purpose=purpose)
    OTPCodeFactory.create(phone_number="+14155552672")
    services.block_number(PHONE)
    live = OTPCode.objects.live(timezone.now())
    assert [code.phone_number for code in live] == ["+14155552672"]


def test_a_block_ends_by_itself(get_code: Post) -> None:
    with time_machine.travel(TWENTY_PAST, tick=False) as clock:
        services.block_number(PHONE, until=TWENTY_PAST + HOUR)
        assert get_code().status_code == 429
        clock.shift(HOUR)
        assert get_code().status_code == 202
        # And the purge may have the row again.
        assert not Limit.objects.get(kind="number").is_kept


def test_no_purge_lifts_a_block(get_code: Post) -> None:
    services.block_number(PHONE)
    Limit.objects.update(updated_at=timezone.now() - timedelta(days=400))
    call_command("purge_otp_codes", verbosity=0)
    assert get_code().status_code == 429


@pytest.mark.parametrize("kind", ["block_number", "allow_number"])
@pytest.mark.parametrize("by_staff", [False, True])
def test_the_purge_deletes_a_row_whose_rule_has_ended(kind: str, *, by_staff: bool) -> None:
    with time_machine.travel(TWENTY_PAST, tick=False) as clock:
        end = None if by_staff else TWENTY_PAST + timedelta(days=40)
        getattr(services, kind)(PHONE, until=end)
        clock.shift(timedelta(days=39))
        assert "Deleted 0 limits." in purge()
        if by_staff:
            services.lift_rule(PHONE)
            clock.shift(timedelta(days=29))
        assert "Deleted 0 limits." in purge()
        clock.shift(timedelta(days=2))
        assert "Would delete 1 limits." in purge("--dry-run")
        assert "Deleted 1 limits." in purge()


def test_no_purge_deletes_a_rule_that_has_ended_and_a_wrong_guess() -> None:
    with time_machine.travel(TWENTY_PAST, tick=False) as clock:
        failed = NumberState(guesses=made_by(strangers=Failures(1, (0,))))
        limit(PHONE, failed, is_kept=True)
        services.block_number(PHONE, until=TWENTY_PAST + HOUR)
        clock.shift(timedelta(days=400))
        assert "Deleted 0 limits." in purge()


def test_a_number_that_is_blocked_beside_the_purge_stays_blocked(
    get_code: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(TWENTY_PAST, tick=False) as clock:
        services.block_number(PHONE, until=TWENTY_PAST + HOUR)
        clock.shift(timedelta(days=400))
        release = purge_otp_codes.release

        def block_first(rows: list[Limit]) -> None:
            services.block_number(PHONE)
            release(rows)

        monkeypatch.setattr(purge_otp_codes, "release", block_first)
        purge()
        clock.shift(timedelta(days=400))
        assert Limit.objects.get().is_kept
        assert get_code().status_code == 429


def purge(*arguments: str) -> str:
    out = StringIO()
    call_command("purge_otp_codes", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@override_sms_otp(CONVERSION_BREAKER={})
def test_an_allowed_number_passes_the_fraud_controls_until_a_time(get_code: Post) -> None:
    with time_machine.travel(TWENTY_PAST, tick=False) as clock:
        end = TWENTY_PAST + timedelta(days=9)
        limit("country:US", SharedCounters(blocked_until=end.timestamp()))
        get_code()
        assert testing.outbox == []
        services.allow_number(PHONE, until=TWENTY_PAST + timedelta(days=1))
        clock.shift(HOUR)
        get_code()
        assert len(testing.outbox) == 1
        clock.shift(timedelta(days=1))
        get_code()
        assert len(testing.outbox) == 1


def test_an_allowed_number_keeps_its_cooldown(get_code: Post) -> None:
    services.allow_number(PHONE)
    assert [get_code().status_code, get_code().status_code] == [202, 429]


def test_the_last_word_holds() -> None:
    services.block_number(PHONE)
    services.allow_number(PHONE)
    assert Limit.objects.get().state["rule"][0] == "allowed"
    assert services.lift_rule(PHONE)
    assert not services.lift_rule(PHONE)


def test_who_did_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="django_sms_otp")
    services.block_number(PHONE, by="User 5")
    services.lift_rule(PHONE, by="User 6")
    assert [each.getMessage() for each in caplog.records] == [
        "User 5, limit +1********71: The number is blocked.",
        "User 6, limit +1********71: Lifted the block or allowance.",
    ]


@pytest.mark.parametrize(
    ("until", "error"),
    [
        (datetime(2027, 1, 1), ValueError),  # noqa: DTZ001  (naive, that is the point)
        (datetime(2020, 1, 1, tzinfo=UTC), ValueError),
        (3600, TypeError),
    ],
)
def test_an_end_that_is_none_is_refused(until: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="until must be"):
        services.block_number(PHONE, until=until)
    assert not Limit.objects.exists()
