"""The list of verified phone numbers."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_sms_otp import services
from django_sms_otp.models import VerifiedPhone
from django_sms_otp.signals import number_unlinked
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE
from ..services.test_notices import told
from ..services.test_numbers import NEW, OLD, THIRD, heard, id_of, user_with
from ..support.factories import UserFactory, VerifiedPhoneFactory
from .staff import page, staff

USER = r'class="field-account"><a href="[^"]*">(.*?)</a>'
PHONES = "/admin/django_sms_otp/verifiedphone/"

REMOVED = "localhost: This number was removed from your account."

pytestmark = pytest.mark.django_db


def remover() -> Client:
    return staff("view_verifiedphone", "delete_verifiedphone")


def test_verified_numbers_are_masked_and_cannot_be_bound_here() -> None:
    bound = VerifiedPhoneFactory.create(phone_number=PHONE)
    client = staff("view_verifiedphone", "add_verifiedphone", "delete_verifiedphone")
    shown = page(client, PHONES)
    assert "+1********71" in shown
    assert PHONE not in shown
    assert client.get(f"{PHONES}add/").status_code == 403
    client.post(f"{PHONES}{bound.pk}/delete/", {"post": "yes"})
    assert not VerifiedPhone.objects.exists()


@pytest.mark.parametrize("whole_selection", [True, False])
def test_who_loses_the_primary_number_has_another_one(whole_selection: bool) -> None:
    user, url = user_with(OLD, NEW, THIRD), PHONES
    other = user_with(PHONE)
    gone = [str(other.verified_phones.get().pk), id_of(user, OLD)][not whole_selection :]
    ticked = {"action": "delete_selected", "_selected_action": gone} if whole_selection else {}
    url += "" if whole_selection else f"{gone[0]}/delete/"
    remover().post(url, {**ticked, "post": "yes"})
    numbers = [(each.phone_number.e164, each.is_primary) for each in services.numbers_of(user)]
    assert numbers == [(NEW, True), (THIRD, False)]
    assert other.verified_phones.exists() is not whole_selection


@pytest.mark.parametrize("whole_selection", [True, False])
def test_a_removal_is_logged(caplog: pytest.LogCaptureFixture, whole_selection: bool) -> None:
    caplog.set_level(logging.INFO, logger="django_sms_otp")
    bound = VerifiedPhoneFactory.create(phone_number=PHONE)
    client = remover()
    ticked = {"action": "delete_selected", "_selected_action": [str(bound.pk)]}
    url = PHONES if whole_selection else f"{PHONES}{bound.pk}/delete/"
    client.post(url, {**(ticked if whole_selection else {}), "post": "yes"})
    [record] = [each for each in caplog.records if each.name == "django_sms_otp"]
    user = User.objects.get(username="clerk")
    said = f"User {user.pk} removed the number +1********71 of user {bound.user_id}."
    assert record.getMessage() == said
    assert PHONE[1:] not in repr(vars(record))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("whole_selection", [True, False])
def test_the_number_and_the_site_hear_of_a_removal(whole_selection: bool) -> None:
    user = user_with(OLD, NEW)
    lost = [OLD, NEW][: 1 + whole_selection]
    ids = [id_of(user, number) for number in lost]
    ticked = {"action": "delete_selected", "_selected_action": ids} if whole_selection else {}
    url = PHONES if whole_selection else f"{PHONES}{ids[0]}/delete/"
    with heard(number_unlinked) as carried:
        remover().post(url, {**ticked, "post": "yes"})
    assert sorted(each["phone_number"].e164 for each in carried) == sorted(lost)
    assert {each["user"] for each in carried} == {user}
    assert sorted(told()) == sorted((number, REMOVED) for number in lost)


@pytest.mark.django_db(transaction=True)
@override_sms_otp(
    USER_RESOLVER="django_sms_otp.auth.users.UserFieldResolver", USER_PHONE_FIELD="last_name"
)
def test_nobody_hears_of_a_row_that_opens_no_account() -> None:
    row = VerifiedPhoneFactory.create(user__last_name=PHONE, phone_number=PHONE)
    with heard(number_unlinked) as carried:
        remover().post(f"{PHONES}{row.pk}/delete/", {"post": "yes"})
    assert not VerifiedPhone.objects.exists()
    assert [carried, told()] == [[], []]


def test_the_list_says_which_number_is_a_test() -> None:
    for is_test in (True, False):
        VerifiedPhoneFactory.create(is_test=is_test)
    shown = page(staff("view_verifiedphone"), PHONES)
    icons = re.findall(r'class="field-is_test"><img src="[^"]*/icon-(\w+)', shown)
    assert icons == ["no", "yes"]


def test_the_list_says_which_number_is_primary_and_when_it_was_used() -> None:
    first = VerifiedPhoneFactory.create(last_used_at=datetime(2019, 5, 1, 12, tzinfo=UTC))
    VerifiedPhoneFactory.create(user=first.user)
    shown = page(staff("view_verifiedphone"), PHONES)
    # The newest row comes first.
    assert re.findall(r'class="field-primary"><img src="[^"]*/icon-(\w+)', shown) == [
        "no",
        "yes",
    ]
    assert "05/01/2019" in shown


@pytest.mark.parametrize(
    ("username", "shown_as"),
    [
        ("ada", "ada"),
        ("+14155552671", "+1********71"),
        ("415-555-2671@sms.example", "********71@sms.example"),
        ("user_" + "1" * 32, "user_111111111111111111…"),
    ],
)
def test_users_are_named_without_a_number(username: str, shown_as: str) -> None:
    bound = VerifiedPhoneFactory.create(user=UserFactory.create(username=username))
    clerk = staff("view_verifiedphone", "view_user")
    assert re.findall(USER, page(clerk, PHONES)) == [shown_as]
    assert f">{shown_as}</a>" in page(clerk, f"{PHONES}{bound.pk}/change/")


def test_staff_who_may_not_see_users_see_the_key() -> None:
    bound = VerifiedPhoneFactory.create(user=UserFactory.create(username="ada"))
    clerk = staff("view_verifiedphone")
    assert re.findall(USER, page(clerk, PHONES)) == [str(bound.user_id)]
    assert "ada" not in page(clerk, f"{PHONES}{bound.pk}/change/")


def test_the_names_of_many_users_take_one_query() -> None:
    clerk = staff("view_verifiedphone", "view_user")
    VerifiedPhoneFactory.create_batch(5)
    with CaptureQueriesContext(connection) as made:
        page(clerk, PHONES)
    assert len([each for each in made if '"auth_user"' in each["sql"].replace("`", '"')]) == 2
