"""Whose account a number opens, or why it opens none."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User, UserManager
from django.test import Client
from django.utils import timezone

from django_sms_otp import services
from django_sms_otp.auth.users import VerifiedPhoneResolver
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import PhoneNumber
from django_sms_otp.testing import override_sms_otp

from ..conftest import PHONE, Post, body_of, last_code
from ..support.factories import OTPCodeFactory, UserFactory, VerifiedPhoneFactory
from .staff import staff
from .story import Told, ask

RIGHTS = ("view_otpcode", "view_limit", "view_user", "view_whole_phone_number")
HIDDEN = "The account of this number is hidden: no code logs in to it."
SEVERAL = "Several accounts have this number, so no code logs in to any of them."

FIELD = override_sms_otp(
    USER_RESOLVER="django_sms_otp.auth.users.UserFieldResolver", USER_PHONE_FIELD="last_name"
)

pytestmark = pytest.mark.django_db


class LooseResolver(VerifiedPhoneResolver):
    """Finds users whom the default manager does not show."""

    def get_user(self, phone_number: PhoneNumber) -> AbstractBaseUser | None:
        return User._base_manager.filter(last_name=phone_number.e164).first()


@pytest.fixture
def clerk() -> Client:
    return staff(*RIGHTS)


@pytest.fixture
def hidden_user(clerk: Client, monkeypatch: pytest.MonkeyPatch) -> User:
    user: User = UserFactory.create(last_name=PHONE)
    shown = User.objects.exclude(pk=user.pk)
    monkeypatch.setattr(UserManager, "get_queryset", lambda manager: shown.all())
    return user


def user_cell(told: Told) -> str:
    found = re.search(r'<th scope="row">User</th>\s*<td>(.*?)</td>', told.shown, re.DOTALL)
    assert found
    return re.sub("<[^>]*>", "", found[1]).strip()


def try_to_log_in(get_code: Post, auth_code: Post) -> None:
    request_id = body_of(get_code())["request_id"]
    assert auth_code(request_id=request_id, code=last_code()).status_code in {401, 403}


def test_the_site_hides_the_account(
    clerk: Client, hidden_user: User, get_code: Post, auth_code: Post
) -> None:
    VerifiedPhoneFactory.create(phone_number=PHONE, user=hidden_user)
    try_to_log_in(get_code, auth_code)
    told = ask(clerk, PHONE)
    assert "It logged nobody in" in told.answer
    assert HIDDEN in told.also
    assert "sms-otp-event-bad" in told.shown
    assert user_cell(told) == str(hidden_user.pk)


@pytest.mark.parametrize("unknown", ["register", "reject"])
@pytest.mark.parametrize("resolver", [f"{__name__}.LooseResolver", "by_field"])
def test_no_resolver_passes_a_hidden_account_for_none(
    clerk: Client, hidden_user: User, resolver: str, unknown: str
) -> None:
    by_field = "django_sms_otp.auth.users.UserFieldResolver"
    path = by_field if resolver == "by_field" else resolver
    OTPCodeFactory.create(phone_number=PHONE, redeemed_at=timezone.now(), user=hidden_user)
    with override_sms_otp(
        USER_RESOLVER=path, USER_PHONE_FIELD="last_name", UNKNOWN_NUMBERS=unknown
    ):
        told = ask(clerk, PHONE)
    assert told.answer == HIDDEN
    assert "No account has this number" not in told.shown


@FIELD
def test_two_accounts_have_the_number(clerk: Client, get_code: Post, auth_code: Post) -> None:
    for _ in range(2):
        UserFactory.create(last_name=PHONE)
    try_to_log_in(get_code, auth_code)
    told = ask(clerk, PHONE)
    assert SEVERAL in told.also
    assert "Tell the people who run the site" in told.also
    assert user_cell(told) == "-"


def test_what_went_well_is_no_answer_once_the_account_is_inactive(
    clerk: Client, get_code: Post, auth_code: Post
) -> None:
    get_code()
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    assert "it was right" in ask(clerk, PHONE).answer
    User.objects.exclude(username="clerk").update(is_active=False)
    told = ask(clerk, PHONE)
    assert told.answer.startswith("The account of this number is inactive")
    assert "it was right" in told.also


@override_sms_otp(UNKNOWN_NUMBERS="reject")
def test_a_code_that_opens_no_account_needs_none(clerk: Client) -> None:
    nobody = "No account has this number, and the site sends codes to no others."
    user = UserFactory.create()
    services.request_link_code(user, services.read_phone_number(PHONE))
    told = ask(clerk, PHONE)
    assert nobody not in told.shown
    OTPCode.objects.update(purpose="login")
    assert nobody in ask(clerk, PHONE).shown


@pytest.mark.parametrize("has_limit", [True, False])
def test_staff_take_a_number_from_its_account(
    has_limit: bool, get_code: Post, auth_code: Post
) -> None:
    clerk = staff(*RIGHTS, "delete_verifiedphone", "view_verifiedphone")
    get_code()
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    row = VerifiedPhone.objects.get()
    assert "It logs in to the account of user_" in str(ask(clerk, PHONE).events)
    if not has_limit:
        Limit.objects.all().delete()
    clerk.post(f"/admin/django_sms_otp/verifiedphone/{row.pk}/delete/", {"post": "yes"})
    assert not VerifiedPhone.objects.exists()
    told = ask(clerk, PHONE)
    assert told.events[-1] == "clerk: Removed the number from its account."
    assert f"It logged in to the account of {row.user_id}." in str(told.events)
    assert "It logs in to" not in told.shown


def test_a_user_without_a_number_leads_to_the_one_they_had(
    clerk: Client, get_code: Post, auth_code: Post
) -> None:
    get_code()
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    row = VerifiedPhone.objects.get()
    before, after = row.user_id, UserFactory.create(username="after")
    VerifiedPhone.objects.update(user=after)
    told = ask(clerk, str(before))
    assert f"<h1>Story of {PHONE}</h1>" in told.shown
    gone = "This user has no phone number any more. This is the number of their last login."
    assert gone in told.shown
    assert f"It logged in to the account of {before}." in str(told.events)
    assert gone not in ask(clerk, "after").shown
