"""``numbers/``: the phone numbers of who is logged in."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django_sms_otp import services
from django_sms_otp.controls.hooks import NumberRisk, NumberUse, Risk
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, last_code
from tests.support.factories import VerifiedPhoneFactory

from .base import GOOD, GUESSES, OTHER_PHONE, Good, Site, case

LIST, REMOVE = "sms_otp_list_numbers", "sms_otp_remove_number"
ADD, VERIFY = "sms_otp_add_number", "sms_otp_verify_number"
MAKE_PRIMARY = "sms_otp_make_primary"


def two_numbers(site: Site) -> dict[str, str]:
    """Log a holder of two numbers in, and name the second one."""
    user = site.log_in(PHONE, OTHER_PHONE)
    return {"number_id": services.numbers_of(user)[1].id}


def one_number(site: Site) -> dict[str, str]:
    site.log_in(PHONE)
    return {}


GOOD[ADD] = Good({"phone_number": OTHER_PHONE}, one_number)
GOOD[VERIFY] = Good({"phone_number": OTHER_PHONE, "code": "123456"}, one_number)
GUESSES[ADD] = VERIFY
GOOD[LIST] = GOOD[REMOVE] = GOOD[MAKE_PRIMARY] = Good(path=two_numbers)


@case(LIST, 200)
def listed(site: Site) -> Any:
    return site.call(LIST)


def add(site: Site, code: str = "", **fields: str) -> Any:
    """Log in, ask for a code to another number, and guess."""
    site.call(ADD)
    body = {"phone_number": OTHER_PHONE, "code": code or last_code(), **fields}
    return site.call(VERIFY, body, path={})


@case(VERIFY, 201)
def added(site: Site) -> Any:
    return add(site)


@case(VERIFY, 201, shows=("header Set-Cookie",))
def added_from_a_known_device(site: Site) -> Any:
    with override_sms_otp(DEVICE_COOKIE="sms_otp_device"):
        return add(site)


@case(VERIFY, 404, "not_found")
def in_the_place_of_somebody_elses(site: Site) -> Any:
    theirs = VerifiedPhoneFactory.create()
    return add(site, replaces=services.numbers_of(theirs.user)[0].id)


@case(VERIFY, 409, "phone_number_taken")
def taken(site: Site) -> Any:
    VerifiedPhoneFactory.create(phone_number=OTHER_PHONE)
    with override_sms_otp(NUMBER_TAKEN="refuse"):
        return add(site)


class Swapped(NumberRisk):
    def assess(self, use: NumberUse) -> Risk:
        return Risk.ASK_FOR_MORE


@case(VERIFY, 403, "reverification_needed")
def of_a_swapped_sim(site: Site) -> Any:
    with override_sms_otp(NUMBER_RISK=f"{Swapped.__module__}.Swapped"):
        return add(site)


class Refused(NumberRisk):
    def assess(self, use: NumberUse) -> Risk:
        return Risk.REFUSE


@case(VERIFY, 401, "no_active_account")
def refused_as_a_risk(site: Site) -> Any:
    with override_sms_otp(NUMBER_RISK=f"{__name__}.Refused"):
        return add(site)


@case(REMOVE, 204)
def removed(site: Site) -> Any:
    return site.call(REMOVE)


@case(REMOVE, 204)
def removed_all_the_same(site: Site) -> Any:
    [only] = services.numbers_of(site.log_in(PHONE))
    return site.call(REMOVE, path={"number_id": only.id}, query={"force": "true"})


@case(REMOVE, 409, "last_way_in")
def last(site: Site) -> Any:
    [only] = services.numbers_of(site.log_in(PHONE))
    return site.call(REMOVE, path={"number_id": only.id})


@case(MAKE_PRIMARY, 200)
def made_primary(site: Site) -> Any:
    return site.call(MAKE_PRIMARY)


def after_a_login_of_long_ago(site: Site, operation: str) -> Any:
    path = GOOD[operation].path(site)
    with override_sms_otp(NUMBERS_NEED_PROOF_WITHIN=timedelta(microseconds=1)):
        return site.call(operation, path=path)


def of_somebody_else(site: Site, operation: str) -> Any:
    theirs = VerifiedPhoneFactory.create()
    site.log_in(PHONE)
    return site.call(operation, path={"number_id": services.numbers_of(theirs.user)[0].id})


for operation in (REMOVE, MAKE_PRIMARY):
    case(operation, 404, "not_found")(partial(of_somebody_else, operation=operation))

for operation in (ADD, VERIFY, REMOVE, MAKE_PRIMARY):
    request = partial(after_a_login_of_long_ago, operation=operation)
    asks_for_proof = ("header WWW-Authenticate",)
    case(operation, 403, "sms_verification_required", shows=asks_for_proof)(request)
