"""``get-code`` and ``auth-code``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from django_sms_otp.testing import override_sms_otp
from tests.conftest import PHONE, last_code
from tests.support.factories import UserFactory, VerifiedPhoneFactory

from .base import GOOD, GUESSES, Good, Site, case

GET, AUTH = "sms_otp_get_code", "sms_otp_auth_code"

GOOD[GET] = Good({"phone_number": PHONE})
GOOD[AUTH] = Good({"phone_number": PHONE, "code": "123456"})
GUESSES[GET] = AUTH

DAY = timedelta(days=1)


@case(GET, 404, "unknown_phone_number")
def unknown(site: Site) -> Any:
    with override_sms_otp(UNKNOWN_NUMBERS="reject"):
        return site.call(GET)


@case(AUTH, 200, shows=("field access", "field refresh"))
def token_pair(site: Site) -> Any:
    site.call(GET)
    return site.call(AUTH, {"phone_number": PHONE, "code": last_code()})


@case(AUTH, 200, shows=("header Set-Cookie",))
def known_device(site: Site) -> Any:
    with override_sms_otp(DEVICE_COOKIE="sms_otp_device"):
        return token_pair(site)


@case(AUTH, 200, shows=("field token",))
def sliding_token(site: Site) -> Any:
    site.settings.SIMPLE_JWT = {
        "AUTH_TOKEN_CLASSES": ("rest_framework_simplejwt.tokens.SlidingToken",)
    }
    return token_pair(site)


@case(AUTH, 401, "no_active_account")
def inactive(site: Site) -> Any:
    holder = UserFactory.create(is_active=False)
    VerifiedPhoneFactory.create(phone_number=PHONE, user=holder)
    return token_pair(site)


@case(AUTH, 403, "reverification_needed")
def unused_for_long(site: Site) -> Any:
    long_ago = timezone.now() - 2 * DAY
    VerifiedPhoneFactory.create(phone_number=PHONE, verified_at=long_ago, last_used_at=long_ago)
    with override_sms_otp(STALE_AFTER=DAY):
        return token_pair(site)
