"""What happens between a person's story and the press of a button on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_sms_otp import services
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import Limit, VerifiedPhone
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE
from ..support.factories import UserFactory, VerifiedPhoneFactory
from .staff import limit, row_of, staff
from .story import FIND, ask, hidden, read

OTHER = "+14155552699"
RIGHTS = (
    *("view_otpcode", "view_limit", "view_user", "view_whole_phone_number"),
    *("block_number", "erase_number", "unlock_limit"),
)
CHANGED = "Something has changed meanwhile, so nothing was done. Please look again."

FIELD = override_sms_otp(
    USER_RESOLVER="django_sms_otp.auth.users.UserFieldResolver", USER_PHONE_FIELD="last_name"
)

pytestmark = pytest.mark.django_db


def rule_of(number: str) -> str:
    row = Limit.objects.filter(kind="number", subject=number).first()
    rule = NumberState.from_json(row.state).rule if row else None
    return rule.kind if rule else ""


def sent_twice(clerk: Client, url: str, **fields: str) -> list[Any]:
    sent = {**hidden(clerk.get(url).content.decode()), **fields}
    return [clerk.post(url, sent, follow=True) for _ in range(2)]


@pytest.mark.parametrize("name", ["erase", "block"])
def test_a_button_that_is_pressed_twice_hits_one_number(name: str) -> None:
    """The first press makes another number the user's main one."""
    user = UserFactory.create(username="ada")
    for number in (PHONE, OTHER):
        VerifiedPhoneFactory.create(user=user, phone_number=number)
    clerk = staff(*RIGHTS)
    told = ask(clerk, "ada")
    assert f"<h1>Story of {PHONE}</h1>" in told.shown
    assert "/user/" not in told.shown.replace("/auth/user/", "")
    [url] = {part.split('"')[0] for part in told.shown.split('href="') if f"/{name}/" in part}
    sent_twice(clerk, url, hours="24")
    assert VerifiedPhone.objects.filter(phone_number=OTHER).exists()
    assert rule_of(OTHER) == ""


@FIELD
@pytest.mark.parametrize("name", ["block", "allow", "erase", "export"])
def test_a_user_without_rows_has_another_number_by_now(name: str) -> None:
    user = UserFactory.create(username="ada", last_name=PHONE)
    clerk = staff(*RIGHTS)
    told = ask(clerk, "ada")
    assert f"<h1>Story of {PHONE}</h1>" in told.shown
    url = f"{FIND}user/{user.pk}/{name}/"
    assert url in told.shown
    sent = hidden(told.shown, url) or hidden(clerk.get(url).content.decode())
    User.objects.filter(pk=user.pk).update(last_name=OTHER)
    answer = clerk.post(url, {**sent, "hours": "24"}, follow=True)
    assert CHANGED in answer.content.decode()
    assert not Limit.objects.exists()
    User.objects.filter(pk=user.pk).update(last_name=PHONE)
    answer = clerk.post(url, {**sent, "hours": "24"}, follow=True)
    assert CHANGED not in answer.content.decode()


@pytest.mark.parametrize("name", ["lift-rule", "allow", "block"])
def test_nobody_undoes_a_decision_that_their_page_has_not_shown(name: str) -> None:
    limit(PHONE)
    if name == "lift-rule":
        services.allow_number(PHONE)
    clerk = staff(*RIGHTS)
    url = f"{FIND}limit/{row_of(PHONE).pk}/{name}/"
    told = read(clerk, f"{FIND}limit/{row_of(PHONE).pk}/")
    sent = hidden(told.shown, url) or hidden(clerk.get(url).content.decode())
    meanwhile: Callable[..., None] = services.block_number
    if name == "block":
        meanwhile = services.allow_number
    meanwhile(PHONE)
    before = rule_of(PHONE)
    page = clerk.post(url, {**sent, "hours": "24"}, follow=True).content.decode()
    assert CHANGED in page
    assert rule_of(PHONE) == before


def test_who_decides_anew_is_shown_what_staff_have_decided() -> None:
    limit(PHONE)
    services.allow_number(PHONE)
    clerk, url = staff(*RIGHTS), f"{FIND}limit/{row_of(PHONE).pk}/"
    decided = "Staff have allowed this number: the fraud controls let it pass."
    for name, is_shown in (("block", True), ("erase", False)):
        assert (decided in clerk.get(f"{url}{name}/").content.decode()) is is_shown


@pytest.mark.parametrize("end", ["", "block/", "export/"])
def test_a_story_by_user_needs_the_right_to_see_users(end: str) -> None:
    user = UserFactory.create()
    VerifiedPhoneFactory.create(user=user, phone_number=PHONE)
    url = f"{FIND}user/{user.pk}/{end}"
    rights = {*RIGHTS} - {"view_user"}
    assert staff(*rights).get(url).status_code == 403
    assert staff(*rights, name="other").post(url).status_code == 403
    assert staff(*RIGHTS, name="third").get(url).status_code in {200, 302}
