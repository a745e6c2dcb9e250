"""What is kept about a number is exported and erased."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from django_sms_otp import services
from django_sms_otp.db import change_number
from django_sms_otp.delivery.sending import refund
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.results import Erased
from django_sms_otp.services.guesses import give_back
from django_sms_otp.testing import override_sms_otp

from ..admin.staff import limit
from ..conftest import PHONE, Post, last_code, wrong
from ..support.factories import OTPCodeFactory, VerifiedPhoneFactory

OTHER = "+14155552672"

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_export_holds_every_row_and_no_secret(get_code: Post, auth_code: Post) -> None:
    get_code()
    code = last_code()
    auth_code(phone_number=PHONE, code=wrong(code))
    auth_code(phone_number=PHONE, code=code)
    get_code(phone_number=OTHER)
    text = json.dumps(services.export_number(PHONE), cls=DjangoJSONEncoder)
    data = json.loads(text)
    assert data["phone_number"] == PHONE
    assert [len(data[name]) for name in ("codes", "accounts", "limits")] == [1, 1, 1]
    assert data["accounts"][0]["user_id"] == User.objects.get().pk
    assert data["limits"][0]["state"]["journal"][0][0] == "guess"
    row = OTPCode.objects.get(phone_number=PHONE)
    assert not {row.seed, row.key_id, OTHER} & {*text.replace('"', " ").split()}


def test_everything_is_erased_and_the_user_stays(get_code: Post, auth_code: Post) -> None:
    get_code()
    auth_code(phone_number=PHONE, code=last_code())
    get_code(phone_number=OTHER)
    day = timezone.now() - timedelta(days=2)
    state = Limit.objects.get(subject=PHONE).state
    sends = [[day.timestamp(), *send[1:]] for send in state["sends"]]
    Limit.objects.filter(subject=PHONE).update(state={**state, "sends": sends})
    assert services.erase_number(PHONE) == Erased(codes=1, accounts=1, keeps_limits=False)
    assert [code.phone_number for code in OTPCode.objects.all()] == [OTHER]
    assert not VerifiedPhone.objects.exists()
    assert not Limit.objects.filter(subject=PHONE).exists()
    assert User.objects.count() == 1
    assert services.export_number(PHONE) == {
        "phone_number": PHONE,
        "codes": [],
        "accounts": [],
        "limits": [],
    }


def test_to_erase_a_number_is_no_way_past_its_quota(get_code: Post) -> None:
    with override_sms_otp(COOLDOWN=[], LIMITS={"phone": "1/h"}):
        assert get_code().status_code == 202
        assert services.erase_number(PHONE).keeps_limits
        assert get_code().status_code == 429
        assert get_code(phone_number=OTHER).status_code == 202


def guess_wrong(auth_code: Post, times: int) -> list[int]:
    typed = wrong(last_code())
    return [auth_code(phone_number=PHONE, code=typed).status_code for _ in range(times)]


def test_to_erase_a_number_lifts_no_wait(get_code: Post, auth_code: Post) -> None:
    get_code()
    guess_wrong(auth_code, 5)
    before = Limit.objects.get(subject=PHONE)
    services.erase_number(PHONE)
    row = Limit.objects.get(subject=PHONE)
    assert row.state["guesses"]["consecutive"] == before.state["guesses"]["consecutive"] == 5
    assert not {"known", "journal"} & {*row.state}
    assert row.refusals is None
    assert purge("0s")
    with override_sms_otp(COOLDOWN=[]):
        get_code()
    assert guess_wrong(auth_code, 1) == [429]


def test_the_purge_forgets_the_wrong_guesses_of_a_number_that_was_erased(
    get_code: Post, auth_code: Post
) -> None:
    get_code()
    guess_wrong(auth_code, 1)
    assert services.erase_number(PHONE).keeps_limits
    assert purge("30d", days=29)
    assert not purge("30d", days=31)


def test_it_forgets_none_of_a_number_that_is_guessed_at_again(
    get_code: Post, auth_code: Post
) -> None:
    get_code()
    guess_wrong(auth_code, 1)
    services.erase_number(PHONE)
    with override_sms_otp(COOLDOWN=[]):
        get_code()
    guess_wrong(auth_code, 1)
    assert purge("30d", days=400)
    assert Limit.objects.get(subject=PHONE).state["guesses"]["consecutive"] == 2


@override_sms_otp(MAX_CONSECUTIVE_FAILURES=10, MAX_ATTEMPTS=10)
def test_to_erase_a_number_lifts_no_lockout_without_an_end(
    get_code: Post, auth_code: Post
) -> None:
    get_code()
    assert guess_wrong(auth_code, 10) == [401] * 9 + [429]
    services.erase_number(PHONE)
    assert purge("30d", days=400)
    assert get_code().status_code == 429


def test_to_erase_a_number_brings_no_more_notices(get_code: Post) -> None:
    now = timezone.now()
    state = NumberState()
    for minutes in (25 * 60, *range(10)):
        at = (now - timedelta(minutes=minutes)).timestamp()
        state = replace(state, notices=(*state.notices, at))
    limit(PHONE, state)
    assert services.erase_number(PHONE).keeps_limits
    left = NumberState.from_json(Limit.objects.get(subject=PHONE).state)
    assert not left.may_be_told(now)
    assert len(left.notices) == 10


def purge(older_than: str, **after: float) -> bool:
    """Run the purge some time after the last change. Return whether the number has a row."""
    with time_machine.travel(timezone.now() + timedelta(**after), tick=False):
        call_command("purge_otp_codes", f"--older-than={older_than}", stdout=StringIO())
    return Limit.objects.filter(subject=PHONE).exists()


def test_to_erase_a_number_lifts_no_block(get_code: Post) -> None:
    services.block_number(PHONE)
    assert services.erase_number(PHONE).keeps_limits
    assert get_code().status_code == 429


def test_who_has_other_numbers_keeps_a_main_one() -> None:
    main = VerifiedPhoneFactory.create(phone_number=PHONE)
    other = VerifiedPhoneFactory.create(user=main.user, phone_number=OTHER)
    assert other.is_primary is None
    services.erase_number(PHONE)
    assert VerifiedPhone.objects.get().is_primary


LATE: dict[str, Callable[[OTPCode], object]] = {
    "unlock": lambda code: services.unlock_number(code.number),
    "restore": lambda code: services.give_back_messages(code.number),
    "lift": lambda code: services.lift_rule(code.number),
    "invalidate": lambda code: services.invalidate_codes([code]),
    "send again": services.send_again,
    "the message did not leave": refund,
    "the gateway did not check": lambda code: change_number(
        code.phone_number, lambda row: give_back(code, "strangers", code.created_at, row)
    ),
}


@pytest.mark.parametrize("name", [*LATE])
def test_who_comes_too_late_writes_no_erased_number_down_again(
    name: str, get_code: Post
) -> None:
    get_code()
    code = OTPCode.objects.get()
    services.give_back_messages(PHONE)
    assert not services.erase_number(PHONE).keeps_limits
    LATE[name](code)
    assert not Limit.objects.filter(kind="number").exists()
    assert not OTPCode.objects.exists()


def test_nothing_is_left_by_erasing_nothing() -> None:
    assert services.erase_number(PHONE) == Erased(codes=0, accounts=0, keeps_limits=False)
    assert not Limit.objects.exists()


def test_who_did_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="django_sms_otp")
    OTPCodeFactory.create(phone_number=PHONE)
    services.export_number(PHONE, by="User 5")
    services.erase_number(PHONE, by="User 6")
    assert [each.getMessage() for each in caplog.records] == [
        "User 5 exported what is kept about +1********71.",
        "User 6 erased what is kept about +1********71.",
    ]
    assert PHONE[1:] not in repr([vars(each) for each in caplog.records])
