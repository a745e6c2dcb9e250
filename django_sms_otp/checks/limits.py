"""Problems of limits and fraud controls: the weak spots that an attacker looks for."""

from __future__ import annotations

from django.conf import settings as django_settings

from ..conf import get_settings, load_class
from ..controls.hooks import Challenge, NumberLookup, NumberRisk
from ..controls.stores import caches
from ..db import database_alias
from ..delivery.queues import is_queued
from ..models import HourlyCount, VerifiedPhone
from .base import DATABASE, DEPLOY, Problems, check, codes_settings, error_of

LONGEST_ODDS = 10_000
"""The odds to guess a code of a number before the number is disabled: 1 to this. NIST
SP 800-63B-4 (3.1.3.2, 3.2.2) allows 100 guesses at 6 digits."""


@check("sms_otp.E016")
def broken_hooks() -> Problems:
    if get_settings().CHALLENGE is not None:
        yield from error_of(lambda: load_class("CHALLENGE", Challenge))
    if get_settings().NUMBER_LOOKUP is not None:
        yield from error_of(lambda: load_class("NUMBER_LOOKUP", NumberLookup))
    if get_settings().NUMBER_RISK is not None:
        yield from error_of(lambda: load_class("NUMBER_RISK", NumberRisk))


@check("sms_otp.E017", hint='Choose another name, such as "sms_otp_device".')
def device_cookie_of_django() -> Problems:
    name = get_settings().DEVICE_COOKIE
    if name in {
        django_settings.SESSION_COOKIE_NAME,
        django_settings.CSRF_COOKIE_NAME,
        django_settings.LANGUAGE_COOKIE_NAME,
    }:
        yield f"SMS_OTP['DEVICE_COOKIE'] is {name!r}, the name of a cookie of Django."


@check(
    "sms_otp.E014",
    hint="Leave it at 'enforce'. NIST SP 800-63B-4, 3.1.3.2 and 3.2.2 ask for it.",
)
def unlimited_failures() -> Problems:
    mode = get_settings().mode("failures")
    if mode != "enforce":
        yield (
            f"SMS_OTP['CONTROL_MODES']['failures'] is {mode!r}: anybody can guess one code "
            "after the other for ever."
        )


@check("sms_otp.E015", hint="Set one of them; the defaults are good.")
def unlimited_messages_to_a_number() -> Problems:
    if not get_settings().COOLDOWN and not _holds("phone"):
        yield (
            "Nothing limits the messages to a number: SMS_OTP['COOLDOWN'] is empty, and "
            "SMS_OTP['LIMITS']['phone'] is off or only records."
        )


@check("sms_otp.E013", DEPLOY, hint="Set it to the number of proxies that a request passes.")
def uncounted_proxies() -> Problems:
    names_proxy = (
        django_settings.SECURE_PROXY_SSL_HEADER or django_settings.USE_X_FORWARDED_HOST
    )
    if names_proxy and not get_settings().TRUSTED_PROXY_COUNT:
        yield (
            "The settings name a proxy (SECURE_PROXY_SSL_HEADER or USE_X_FORWARDED_HOST), but "
            "SMS_OTP['TRUSTED_PROXY_COUNT'] is 0: no limit by IP address holds."
        )


@check(
    "sms_otp.W006",
    DEPLOY,
    hint='Set it well above your busiest hour and day, such as "500/h,5000/d".',
)
def unlimited_costs() -> Problems:
    if not _holds("site"):
        yield (
            "Nothing limits the cost of an attack: SMS_OTP['LIMITS']['site'] is off or only "
            "records."
        )


@check(
    "sms_otp.W007",
    DEPLOY,
    hint=f"NIST SP 800-63B-4, 3.2.2 allows 100 at 6 digits: one in {LONGEST_ODDS}.",
)
def good_odds_for_guesses() -> Problems:
    guesses = get_settings().MAX_CONSECUTIVE_FAILURES
    codes = 10 ** min(length for _, length in codes_settings("CODE_LENGTH"))
    if guesses * LONGEST_ODDS > codes:
        yield (
            f"SMS_OTP['MAX_CONSECUTIVE_FAILURES'] is {guesses}, of {codes} codes: a guess "
            f"succeeds in one of {codes // guesses} numbers before they are disabled."
        )


@check("sms_otp.W008", DEPLOY, hint='The default, "50/h", is good.')
def unlimited_requests_of_an_address() -> Problems:
    if not _holds("ip"):
        yield (
            "One client may ask for codes for any number of phone numbers: "
            "SMS_OTP['LIMITS']['ip'] is off or only records."
        )


@check(
    "sms_otp.W009",
    DEPLOY,
    hint="Set SMS_OTP['DELIVERY'] to 'tasks' or 'celery'. Or accept it while an attack "
    "lasts, or let these controls only record.",
)
def withholding_that_takes_less_time() -> Problems:
    settings = get_settings()
    controls = {
        "prefix": settings.rates("prefix"),
        "budget": settings.budget,
        "breaker": settings.breaker,
    }
    soft = [name for name, on in controls.items() if on and settings.mode(name) == "enforce"]
    if soft and settings.UNKNOWN_NUMBERS != "reject" and not is_queued():
        yield (
            f"While {' or '.join(soft)} withholds messages, the answers for unverified numbers "
            "come sooner than those for verified ones, whose messages are sent during the "
            "request: the time reveals the customers."
        )


@check(
    "sms_otp.W010", DEPLOY, hint="Have staff log in by another way. NIST SP 800-63B-4, 3.1.3.3."
)
def staff_may_log_in() -> Problems:
    if get_settings().ALLOW_STAFF:
        yield (
            "SMS_OTP['ALLOW_STAFF'] is on: anybody who takes over the phone number of a staff "
            "member is in the admin."
        )


@check(
    "sms_otp.W011",
    DEPLOY,
    hint="Use 'register'; or silence this if anybody may know it (OWASP ASVS 6.3.8).",
)
def rejection_of_unknown_numbers() -> Problems:
    if get_settings().UNKNOWN_NUMBERS == "reject":
        yield (
            "SMS_OTP['UNKNOWN_NUMBERS'] is 'reject': anybody can ask which numbers have an "
            "account."
        )


@check("sms_otp.W012", DATABASE, hint="Run manage.py roll_up_otp_codes every hour.")
def budget_without_counts() -> Problems:
    if get_settings().budget is None:
        return
    redeemed = HourlyCount.objects.using(database_alias()).filter(event="redeemed")
    customers = VerifiedPhone.objects.using(database_alias(VerifiedPhone))
    if customers.exists() and not redeemed.exists():
        yield (
            "SMS_OTP['UNVERIFIED_BUDGET'] is on, but no login has been counted: the budget "
            "stays at its least figures."
        )


@check("sms_otp.E012", hint="Or set it to None: limits are then rows of the database.")
def unfit_limits_cache() -> Problems:
    alias = get_settings().LIMITS_CACHE
    if alias is not None and (problem := caches.problem_of(alias)):
        yield f"SMS_OTP['LIMITS_CACHE']: {problem}"


@check(
    "sms_otp.W005",
    DEPLOY,
    hint='Set "socket_timeout" in its OPTIONS (django-redis and django-valkey: '
    '"SOCKET_TIMEOUT"), in seconds, such as 1.',
)
def limits_cache_without_time_out() -> Problems:
    alias = get_settings().LIMITS_CACHE
    if alias is None or caches.problem_of(alias):
        return  # E012 reports the problem.
    if caches.lacks_time_out(alias):
        yield (
            f"CACHES[{alias!r}] holds limits and sets no time-out: while its server hangs, "
            "every request for a code hangs with it."
        )


def _holds(limit: str) -> bool:
    """Tell whether a limit refuses anything."""
    settings = get_settings()
    return bool(settings.rates(limit)) and settings.mode(limit) == "enforce"
