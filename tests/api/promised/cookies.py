"""``refresh`` and ``logout``, and the logins of other issuers."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from rest_framework.serializers import ModelSerializer

from django_sms_otp.testing import override_sms_otp

from . import login
from .base import GOOD, Good, Site, case

REFRESH, LOGOUT = "sms_otp_refresh", "sms_otp_logout"

ISSUERS = "django_sms_otp.auth.tokens"


def by(issuer: str) -> Any:
    return override_sms_otp(TOKEN_ISSUER=f"{ISSUERS}.{issuer}")


def in_cookies(site: Site) -> dict[str, str]:
    issuer = {"TOKEN_ISSUER": f"{ISSUERS}.CookieJWTIssuer"}
    site.settings.SMS_OTP = {**site.settings.SMS_OTP, **issuer}
    login.token_pair(site)
    return {}


GOOD[REFRESH] = GOOD[LOGOUT] = Good(path=in_cookies)


class NameSerializer(ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("username",)


@case(login.AUTH, 200, shows=("field token",))
def stored_token(site: Site) -> Any:
    with by("DRFTokenIssuer"):
        return login.token_pair(site)


@case(login.AUTH, 200, shows=("field token", "field expiry"))
def knox_token(site: Site) -> Any:
    with by("KnoxIssuer"):
        return login.token_pair(site)


@case(login.AUTH, 200, shows=("field token", "field expiry", "field user"))
def knox_token_with_user(site: Site) -> Any:
    site.settings.REST_KNOX = {"USER_SERIALIZER": f"{__name__}.NameSerializer"}
    return knox_token(site)


@case(login.AUTH, 200, shows=("field registered", "header Set-Cookie"))
def session(site: Site) -> Any:
    with by("SessionIssuer"):
        return login.token_pair(site)


@case(login.AUTH, 200, shows=("field registered", "header Set-Cookie"))
def tokens_in_cookies(site: Site) -> Any:
    with by("CookieJWTIssuer"):
        return login.token_pair(site)


@case(REFRESH, 204, shows=("header Set-Cookie",))
def refreshed(site: Site) -> Any:
    return site.call(REFRESH)


@case(LOGOUT, 204, shows=("header Set-Cookie",))
def logged_out(site: Site) -> Any:
    return site.call(LOGOUT)


@case(LOGOUT, 204, shows=("header Set-Cookie",))
def logged_out_of_a_session(site: Site) -> Any:
    with by("SessionIssuer"):
        login.token_pair(site)
        return site.call(LOGOUT, path={})


@case(REFRESH, 404, "not_found")
def nothing_to_refresh(site: Site) -> Any:
    return site.call(REFRESH, path={})


@case(LOGOUT, 404, "not_found")
def nothing_to_log_out_of(site: Site) -> Any:
    return site.call(LOGOUT, path={})
