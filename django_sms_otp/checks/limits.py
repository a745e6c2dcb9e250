"""Checks of limits and fraud controls: what an attacker would look for in the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning
from django.db import DatabaseError

from ..conf import Settings, get_settings, load_class
from ..controls.hooks import Challenge, NumberLookup
from ..controls.stores import caches
from ..db.transactions import database_alias
from ..delivery.queues import is_queued
from ..exceptions import InvalidSettings
from ..models import HourlyCount, VerifiedPhone
from .base import register, with_valid_settings

LONGEST_ODDS = 10_000
"""One in so many: the chance to guess a number's code before the number is disabled. 100
guesses at 6 digits, which is what NIST SP 800-63B-4 allows (3.1.3.2, 3.2.2)."""


def _holds(settings: Settings, limit: str) -> bool:
    """Tell whether a limit refuses anything."""
    return bool(settings.rates(limit)) and settings.mode(limit) == "enforce"


@register(Tags.security)
@with_valid_settings
def check_hooks(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for key, base in (("CHALLENGE", Challenge), ("NUMBER_LOOKUP", NumberLookup)):
        if getattr(get_settings(), key) is None:
            continue
        try:
            load_class(key, base)
        except InvalidSettings as error:
            found.append(Error(str(error), id="sms_otp.E016"))
    return found


@register(Tags.security)
@with_valid_settings
def check_device_cookie(**kwargs: Any) -> list[CheckMessage]:
    name = get_settings().DEVICE_COOKIE
    taken = {django_settings.SESSION_COOKIE_NAME, django_settings.CSRF_COOKIE_NAME}
    if name not in taken | {django_settings.LANGUAGE_COOKIE_NAME}:
        return []
    return [
        Error(
            f"SMS_OTP['DEVICE_COOKIE'] is {name!r}, which is a cookie of Django's.",
            hint='Take a name of its own, such as "sms_otp_device".',
            id="sms_otp.E017",
        )
    ]


@register(Tags.security)
@with_valid_settings
def check_failures_count(**kwargs: Any) -> list[CheckMessage]:
    mode = get_settings().mode("failures")
    if mode == "enforce":
        return []
    return [
        Error(
            f"SMS_OTP['CONTROL_MODES']['failures'] is {mode!r}: with one code after the other "
            "anybody can guess for ever.",
            hint="Leave it at 'enforce'. NIST SP 800-63B-4, 3.1.3.2 and 3.2.2 ask for it.",
            id="sms_otp.E014",
        )
    ]


@register(Tags.security)
@with_valid_settings
def check_messages_to_a_number(**kwargs: Any) -> list[CheckMessage]:
    settings = get_settings()
    if settings.COOLDOWN or _holds(settings, "phone"):
        return []
    return [
        Error(
            "Nothing limits the messages to a number: SMS_OTP['COOLDOWN'] is empty, and "
            "SMS_OTP['LIMITS']['phone'] is off or only records.",
            hint="Set one of them; the defaults are good.",
            id="sms_otp.E015",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    told = bool(django_settings.SECURE_PROXY_SSL_HEADER or django_settings.USE_X_FORWARDED_HOST)
    if get_settings().TRUSTED_PROXY_COUNT or not told:
        return []
    return [
        Error(
            "The settings speak of a proxy (SECURE_PROXY_SSL_HEADER or USE_X_FORWARDED_HOST), "
            "but SMS_OTP['TRUSTED_PROXY_COUNT'] is 0: no limit by IP address holds.",
            hint="Set it to the number of proxies that a request passes.",
            id="sms_otp.E013",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_spend_cap(**kwargs: Any) -> list[CheckMessage]:
    if _holds(get_settings(), "site"):
        return []
    return [
        Warning(
            "Nothing caps what an attack can cost: SMS_OTP['LIMITS']['site'] is off or only "
            "records.",
            hint='Set it well above your busiest hour and day, such as "500/h,5000/d".',
            id="sms_otp.W006",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_odds(**kwargs: Any) -> list[CheckMessage]:
    settings = get_settings()
    guesses, codes = settings.MAX_CONSECUTIVE_FAILURES, 10**settings.CODE_LENGTH
    if guesses * LONGEST_ODDS <= codes:
        return []
    return [
        Warning(
            f"SMS_OTP['MAX_CONSECUTIVE_FAILURES'] is {guesses}, of {codes} codes: a guess "
            f"succeeds in one of {codes // guesses} numbers before they are disabled.",
            hint="NIST SP 800-63B-4, 3.2.2 allows 100, with codes of 6 digits: one in "
            f"{LONGEST_ODDS}.",
            id="sms_otp.W007",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_limit_by_address(**kwargs: Any) -> list[CheckMessage]:
    settings = get_settings()
    if _holds(settings, "ip"):
        return []
    return [
        Warning(
            "One client may ask for codes for ever new numbers: SMS_OTP['LIMITS']['ip'] is off "
            "or only records.",
            hint='The default, "50/h", is good.',
            id="sms_otp.W008",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_withholding(**kwargs: Any) -> list[CheckMessage]:
    settings = get_settings()
    controls = {
        "prefix": settings.rates("prefix"),
        "budget": settings.budget,
        "breaker": settings.breaker,
    }
    soft = [name for name, on in controls.items() if on and settings.mode(name) == "enforce"]
    if not soft or settings.UNKNOWN_NUMBERS == "reject" or is_queued():
        return []
    return [
        Warning(
            f"While {' or '.join(soft)} holds messages back, answers for unverified numbers "
            "come sooner than those for verified ones, whose messages are sent during the "
            "request: the time tells who is a customer.",
            hint="Set SMS_OTP['DELIVERY'] to 'tasks' or 'celery'. Or accept it while an attack "
            "lasts, or let these controls only record.",
            id="sms_otp.W009",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_staff(**kwargs: Any) -> list[CheckMessage]:
    if not get_settings().ALLOW_STAFF:
        return []
    return [
        Warning(
            "SMS_OTP['ALLOW_STAFF'] is on: whoever takes over a phone number of your staff is "
            "in the admin.",
            hint="Have staff log in by another way. NIST SP 800-63B-4, 3.1.3.3.",
            id="sms_otp.W010",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_rejection(**kwargs: Any) -> list[CheckMessage]:
    if get_settings().UNKNOWN_NUMBERS != "reject":
        return []
    return [
        Warning(
            "SMS_OTP['UNKNOWN_NUMBERS'] is 'reject': anybody can ask which numbers have an "
            "account.",
            hint="Use 'register'; or silence this where it may be known (OWASP ASVS 6.3.8).",
            id="sms_otp.W011",
        )
    ]


@register(Tags.database)
@with_valid_settings
def check_roll_up(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    if get_settings().budget is None or not databases or database_alias() not in databases:
        return []
    try:
        verified = VerifiedPhone.objects.using(database_alias()).exists()
        counts = HourlyCount.objects.using(database_alias())
        rolled_up = counts.filter(event="redeemed").exists()
    except DatabaseError:
        return []  # The tables are yet to be made.
    if rolled_up or not verified:
        return []
    return [
        Warning(
            "SMS_OTP['UNVERIFIED_BUDGET'] is on, but no login has been counted: the budget "
            "stays at its least figures.",
            hint="Run manage.py roll_up_otp_codes every hour.",
            id="sms_otp.W012",
        )
    ]


@register(Tags.security)
@with_valid_settings
def check_limits_cache(**kwargs: Any) -> list[CheckMessage]:
    alias = get_settings().LIMITS_CACHE
    problem = None if alias is None else caches.problem_of(alias)
    if problem is None:
        return []
    return [
        Error(
            f"SMS_OTP['LIMITS_CACHE']: {problem}",
            hint="Or set it to None: limits are then rows of the database.",
            id="sms_otp.E012",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_limits_cache_time_out(**kwargs: Any) -> list[CheckMessage]:
    alias = get_settings().LIMITS_CACHE
    if alias is None or caches.problem_of(alias):
        return []  # E012 says so.
    if not caches.lacks_time_out(alias):
        return []
    return [
        Warning(
            f"CACHES[{alias!r}] holds limits and sets no time-out: while its server hangs, "
            "every request for a code hangs with it.",
            hint='Set "socket_timeout" in its OPTIONS (django-redis and django-valkey: '
            '"SOCKET_TIMEOUT"), in seconds, such as 1.',
            id="sms_otp.W005",
        )
    ]
