"""Problems of accounts, tokens, codes and messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings as django_settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from ..auth.issuers.simplejwt import token_serializer
from ..auth.phone_fields import phone_field
from ..auth.tokens import SimpleJWTIssuer, get_token_issuer
from ..auth.users import UserFieldResolver, creates_users_itself, get_user_resolver
from ..conf import get_settings
from ..delivery.messages import count_segments, longest_renderings, site_name
from ..delivery.queues import is_queued
from ..purposes import Purpose
from .base import DEPLOY, Problems, check, codes_settings, databases, error_of

LONGEST_LIFETIME = timedelta(minutes=10)
"""NIST SP 800-63B-4, 3.1.3.2; OWASP ASVS 5.0, 6.5.5."""

SHORTEST_CODE = 6
"""NIST SP 800-63B-4, 3.1.3.2."""


@check("sms_otp.E001")
def broken_settings() -> Problems:
    return error_of(get_settings)


@check("sms_otp.E003")
def broken_user_resolver() -> Problems:
    def read() -> None:
        if isinstance(get_user_resolver(), UserFieldResolver):
            phone_field()

    get_settings()  # E001 reports a broken SMS_OTP.
    return error_of(read)


@check("sms_otp.E004", hint="A number must open one account. Add unique=True and migrate.")
def ambiguous_phone_field() -> Problems:
    if isinstance(get_user_resolver(), UserFieldResolver) and not phone_field().unique:
        yield f"The user model's field {phone_field().name!r} is not unique."


@check("sms_otp.E005")
def registration_without_values() -> Problems:
    resolver = get_user_resolver()
    if get_settings().UNKNOWN_NUMBERS != "register" or creates_users_itself(resolver):
        return
    if problem := resolver.registration_problem():
        yield problem


@check("sms_otp.E006")
def broken_token_issuer() -> Problems:
    def read() -> None:
        issuer = get_token_issuer()
        issuer.check()
        if isinstance(issuer, SimpleJWTIssuer):
            token_serializer()

    get_settings()  # E001 reports a broken SMS_OTP.
    return error_of(read)


@check(
    "sms_otp.E007",
    hint="Set SMS_OTP['DELIVERY'] to 'tasks' or 'celery'. Or use 'register', or 'reject' if "
    "anybody may know who has an account.",
)
def ignored_numbers_without_queue() -> Problems:
    if get_settings().UNKNOWN_NUMBERS == "ignore" and not is_queued():
        yield (
            "SMS_OTP['UNKNOWN_NUMBERS'] is 'ignore', but messages are sent during the request: "
            "the time of an answer tells which numbers have an account."
        )


@check("sms_otp.E008")
def local_time() -> Problems:
    if not django_settings.USE_TZ:
        yield (
            "django_sms_otp needs USE_TZ = True: local time repeats an hour each autumn, and "
            "codes and cooldowns would repeat with it."
        )
        return
    for alias in databases():
        if _stores_local_time(connections[alias]):
            yield (
                f"DATABASES[{alias!r}]['TIME_ZONE'] has summer time, and this database stores "
                "local time: it repeats an hour each autumn, and codes and cooldowns would "
                "repeat with it. Remove it, so that the database has UTC."
            )


def _stores_local_time(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a database stores times by a clock that is put back in autumn."""
    if connection.features.supports_timezones:
        return False
    days = [datetime(timezone.now().year, month, 1, tzinfo=UTC) for month in range(1, 13)]
    return len({day.astimezone(connection.timezone).utcoffset() for day in days}) > 1


@check("sms_otp.E018", hint="Leave it at True, which is Django's default.")
def autocommit_is_off() -> Problems:
    for alias in databases():
        if not django_settings.DATABASES.get(alias, {}).get("AUTOCOMMIT", True):
            yield (
                f"DATABASES[{alias!r}]['AUTOCOMMIT'] is False: django_sms_otp would answer "
                "before its counts are committed."
            )


@check("sms_otp.E009", hint="Set SMS_OTP['SITE_NAME'], or name a host in ALLOWED_HOSTS.")
def nameless_site() -> Problems:
    if site_name() is not None:
        return
    for setting, message in codes_settings("MESSAGE"):
        if "{site}" in str(message):
            yield f"{setting} names {{site}}, but the site has no name."


@check("sms_otp.E010", hint="Mend the template, or the translation of the message.")
def message_without_code() -> Problems:
    get_settings()  # E001 reports a broken SMS_OTP.
    try:
        for purpose, language, text in longest_renderings():
            if "0" * purpose.code_length not in text:
                yield f"{_name_of_message(purpose, language)} does not contain the code."
    except Exception as error:  # The template of a site may raise anything.
        yield f"A message cannot be rendered: {type(error).__name__}: {error}."


@check(
    "sms_otp.W003", hint="Shorten it. One segment holds 160 characters, or 70 outside of GSM-7."
)
def long_message() -> Problems:
    if [*message_without_code()]:
        return  # E010 reports it.
    for purpose, language, text in longest_renderings():
        segments = count_segments(text)
        if segments > 1:
            yield (
                f"{_name_of_message(purpose, language)} has {len(text)} characters and takes "
                f"{segments} segments ({segments.encoding}): each code costs {segments} SMS."
            )


def _name_of_message(purpose: Purpose, language: str) -> str:
    return f"The message of {purpose.name!r} in language {language!r}"


@check(
    "sms_otp.W001",
    DEPLOY,
    hint="NIST SP 800-63B-4, 3.1.3.2 and OWASP ASVS 6.5.4 ask for 6 digits.",
)
def short_code() -> Problems:
    for setting, length in codes_settings("CODE_LENGTH"):
        if length < SHORTEST_CODE:
            yield f"{setting} is {length}: too easy to guess."


@check(
    "sms_otp.W002",
    DEPLOY,
    hint="NIST SP 800-63B-4, 3.1.3.2 and OWASP ASVS 6.5.5 ask for at most "
    "timedelta(minutes=10).",
)
def long_lifetime() -> Problems:
    for setting, lifetime in codes_settings("CODE_LIFETIME"):
        if lifetime > LONGEST_LIFETIME:
            yield f"{setting} is {lifetime}: over ten minutes."


@check(
    "sms_otp.W023",
    hint="Let AXES_LOCKOUT_PARAMETERS name 'ip_address' instead, or both in a list of their "
    "own. This app locks out each number by itself.",
)
def numbers_that_axes_takes_for_one() -> Problems:
    """django-axes sees masked numbers: all that end in the same two digits are one name."""
    backends = django_settings.AUTHENTICATION_BACKENDS
    field = getattr(django_settings, "AXES_USERNAME_FORM_FIELD", "username")
    if field != "phone_number" or not any(path.startswith("axes.") for path in backends):
        return
    if getattr(django_settings, "AXES_USERNAME_CALLABLE", None):
        return
    parameters = getattr(django_settings, "AXES_LOCKOUT_PARAMETERS", None)
    listed = parameters if isinstance(parameters, list | tuple) else []
    for each in listed:
        names = {each} if isinstance(each, str) else {*each}
        if "username" in names and "ip_address" not in names:
            yield (
                f"AXES_LOCKOUT_PARAMETERS has {each!r}, and the name is a masked phone number: "
                "wrong codes for one number lock out all that end in the same digits."
            )
