"""``step-up/``: who is logged in proves anew to hold a number."""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest.mock import patch

from rest_framework_simplejwt.tokens import AccessToken

from django_sms_otp.auth.tokens import SimpleJWTIssuer
from django_sms_otp.exceptions import LoginRefused
from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, last_code
from tests.support.factories import VerifiedPhoneFactory

from .base import GOOD, GUESSES, Good, Site, case
from .cookies import by
from .numbers import Swapped, one_number

GET, AUTH = "sms_otp_step_up_get_code", "sms_otp_step_up_auth_code"

GOOD[GET] = Good({}, one_number)
GOOD[AUTH] = Good({"code": "123456"}, one_number)
GUESSES[GET] = AUTH

YIELDS = {
    "SimpleJWTIssuer": ("access", "refresh"),
    "CookieJWTIssuer": ("registered",),
}


@case(AUTH, 200, shows=("field verified_at",))
def in_a_session(site: Site) -> Any:
    site.call(GET)
    return site.call(AUTH, {"code": last_code()}, path={})


def with_a_token(site: Site, issuer: str) -> Any:
    """Prove it as a client with a JSON Web Token."""
    site.settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework_simplejwt.authentication.JWTAuthentication"
        ]
    }
    token = AccessToken.for_user(site.log_in(PHONE))
    bearer = f"Bearer {token}"
    with by(issuer):
        site.call(GET, path={}, Authorization=bearer)
        return site.call(AUTH, {"code": last_code()}, path={}, Authorization=bearer)


for name, fields in YIELDS.items():
    shows = tuple(f"field {field}" for field in fields)
    case(AUTH, 200, shows=shows)(partial(with_a_token, issuer=name))

case(AUTH, 200, shows=("header Set-Cookie",))(partial(with_a_token, issuer="CookieJWTIssuer"))


@case(AUTH, 200, shows=("field token",))
def with_a_sliding_token(site: Site) -> Any:
    sliding = ("rest_framework_simplejwt.tokens.SlidingToken",)
    site.settings.SIMPLE_JWT = {"AUTH_TOKEN_CLASSES": sliding}
    return with_a_token(site, "SimpleJWTIssuer")


@case(AUTH, 401, "no_active_account")
def whom_simplejwt_refuses_by_now(site: Site) -> Any:
    def refuse(*_: Any, **__: Any) -> Any:
        raise LoginRefused("As simplejwt's rule does.")

    with patch.object(SimpleJWTIssuer, "issue", refuse):
        return with_a_token(site, "SimpleJWTIssuer")


@case(AUTH, 403, "reverification_needed")
def from_a_swapped_sim(site: Site) -> Any:
    with override_sms_otp(NUMBER_RISK=f"{Swapped.__module__}.Swapped"):
        return in_a_session(site)


def with_somebody_elses(site: Site, operation: str) -> Any:
    theirs = VerifiedPhoneFactory.create()
    site.log_in(PHONE)
    body = {**GOOD[operation].body, "number": str(theirs.pk)}
    return site.call(operation, body, path={})


for operation in (GET, AUTH):
    case(operation, 404, "not_found")(partial(with_somebody_elses, operation=operation))
