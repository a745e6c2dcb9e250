"""Checks of accounts, tokens, codes and messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning
from django.db import DatabaseError

from ..auth.tokens import SimpleJWTIssuer, get_token_issuer, token_serializer
from ..auth.users import (
    UserFieldResolver,
    VerifiedPhoneResolver,
    get_user_resolver,
    phone_field,
    phone_like_fields,
)
from ..conf import get_settings
from ..db.transactions import database_alias
from ..delivery.messages import count_segments, longest_renderings, site_name
from ..delivery.queues import is_queued
from ..exceptions import InvalidSettings
from ..models import OTPCode, VerifiedPhone
from .base import register, with_valid_settings

LONGEST_LIFETIME = timedelta(minutes=10)
"""NIST SP 800-63B-4, 3.1.3.2; OWASP ASVS 5.0, 6.5.5."""

SHORTEST_CODE = 6
"""NIST SP 800-63B-4, 3.1.3.2."""


@register(Tags.security)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    try:
        get_settings()
    except InvalidSettings as error:
        return [Error(str(error), id="sms_otp.E001")]
    return []


@register(Tags.security)
@with_valid_settings
def check_user_resolver(**kwargs: Any) -> list[CheckMessage]:
    try:
        resolver = get_user_resolver()
        if isinstance(resolver, UserFieldResolver):
            phone_field()
    except InvalidSettings as error:
        return [Error(str(error), id="sms_otp.E003")]
    if isinstance(resolver, UserFieldResolver) and not phone_field().unique:
        return [
            Error(
                f"The user model's field {phone_field().name!r} is not unique.",
                hint="A number must open one account. Add unique=True and migrate.",
                id="sms_otp.E004",
            )
        ]
    return []


@register(Tags.security)
@with_valid_settings
def check_registration(**kwargs: Any) -> list[CheckMessage]:
    if get_settings().UNKNOWN_NUMBERS != "register":
        return []
    try:
        missing = get_user_resolver().missing_values()
    except InvalidSettings:
        return []  # E003 says so.
    if missing:
        return [Error(get_user_resolver().missing_values_text(missing), id="sms_otp.E005")]
    return []


@register(Tags.security)
@with_valid_settings
def check_token_issuer(**kwargs: Any) -> list[CheckMessage]:
    try:
        if isinstance(get_token_issuer(), SimpleJWTIssuer):
            token_serializer()
    except InvalidSettings as error:
        return [Error(str(error), id="sms_otp.E006")]
    return []


@register(Tags.security)
@with_valid_settings
def check_ignored_numbers(**kwargs: Any) -> list[CheckMessage]:
    if get_settings().UNKNOWN_NUMBERS != "ignore" or is_queued():
        return []
    return [
        Error(
            "SMS_OTP['UNKNOWN_NUMBERS'] is 'ignore', but messages are sent during the request: "
            "the time that an answer takes tells which numbers have an account.",
            hint="Set SMS_OTP['DELIVERY'] to 'tasks' or 'celery'. Or use 'register', or "
            "'reject' if it may be known who has an account.",
            id="sms_otp.E007",
        )
    ]


@register(Tags.security)
def check_time_zones(**kwargs: Any) -> list[CheckMessage]:
    if django_settings.USE_TZ:
        return []
    return [
        Error(
            "django_sms_otp needs USE_TZ = True: local time repeats an hour each autumn, and "
            "with it codes and cooldowns would.",
            id="sms_otp.E008",
        )
    ]


@register(Tags.security)
def check_autocommit(**kwargs: Any) -> list[CheckMessage]:
    models = (OTPCode, VerifiedPhone, get_user_model())
    aliases = {database_alias(model) for model in models}
    return [
        Error(
            f"DATABASES[{alias!r}]['AUTOCOMMIT'] is False: nothing that django_sms_otp counts "
            "would be committed before it is answered.",
            hint="Leave it at True, which is Django's default.",
            id="sms_otp.E018",
        )
        for alias in sorted(aliases)
        if not django_settings.DATABASES.get(alias, {}).get("AUTOCOMMIT", True)
    ]


@register(Tags.security)
@with_valid_settings
def check_message(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if "{site}" in str(get_settings().MESSAGE) and site_name() is None:
        found.append(
            Error(
                "SMS_OTP['MESSAGE'] names {site}, but there is no name to put there.",
                hint="Set SMS_OTP['SITE_NAME'], or name a host in ALLOWED_HOSTS.",
                id="sms_otp.E009",
            )
        )
    try:
        for language, text in longest_renderings():
            found.extend(_check_segments(language, text))
    except Exception as error:  # A template of the site may raise anything.
        found.append(
            Error(
                f"SMS_OTP['MESSAGE'] cannot be rendered: {type(error).__name__}: {error}.",
                hint="Mend the template, or the translation of the message.",
                id="sms_otp.E010",
            )
        )
    return found


def _check_segments(language: str, text: str) -> list[CheckMessage]:
    if "0" * get_settings().CODE_LENGTH not in text:
        return [
            Error(
                f"The message in language {language!r} does not contain the code.",
                hint="Mend the template, or the translation of the message.",
                id="sms_otp.E010",
            )
        ]
    segments = count_segments(text)
    if segments == 1:
        return []
    return [
        Warning(
            f"The message in language {language!r} has {len(text)} characters and takes "
            f"{segments} segments ({segments.encoding}): each login costs {segments} SMS.",
            hint="Shorten it. One segment holds 160 characters, or 70 outside of GSM-7.",
            id="sms_otp.W003",
        )
    ]


@register(Tags.database)
@with_valid_settings
def check_existing_customers(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    fields = phone_like_fields()
    alias = database_alias(VerifiedPhone)
    if not fields or not databases or alias not in databases:
        return []
    try:
        if not isinstance(get_user_resolver(), VerifiedPhoneResolver):
            return []
        if VerifiedPhone.objects.using(alias).exists():
            return []
    except (InvalidSettings, DatabaseError):
        return []  # E003 says so; or the tables are yet to be made.
    return [
        Warning(
            f"The user model has the field {fields[0]!r}, but no number is known as verified: "
            "customers who log in by SMS would get new, empty accounts.",
            hint=f"If the numbers are verified: manage.py import_verified_phones --field "
            f"{fields[0]}, or use django_sms_otp.auth.users.UserFieldResolver.",
            id="sms_otp.W004",
        )
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_code_strength(**kwargs: Any) -> list[CheckMessage]:
    settings = get_settings()
    found: list[CheckMessage] = []
    if settings.CODE_LENGTH < SHORTEST_CODE:
        found.append(
            Warning(
                f"SMS_OTP['CODE_LENGTH'] is {settings.CODE_LENGTH}: too easy to guess.",
                hint="NIST SP 800-63B-4, 3.1.3.2 and OWASP ASVS 6.5.4 ask for 6 digits.",
                id="sms_otp.W001",
            )
        )
    if settings.CODE_LIFETIME > LONGEST_LIFETIME:
        found.append(
            Warning(
                f"SMS_OTP['CODE_LIFETIME'] is {settings.CODE_LIFETIME}: over ten minutes.",
                hint="NIST SP 800-63B-4, 3.1.3.2 and OWASP ASVS 6.5.5 ask for at most "
                "timedelta(minutes=10).",
                id="sms_otp.W002",
            )
        )
    return found
