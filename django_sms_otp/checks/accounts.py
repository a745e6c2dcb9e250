"""Problems of stored numbers, and of the library that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata, util

import phonenumbers

from ..auth.phone_fields import phone_like_fields, read_stored_number
from ..auth.stored_numbers import StoredNumbers
from ..auth.users import UserResolver, VerifiedPhoneResolver, get_user_resolver
from ..conf import get_settings
from ..db import database_alias
from ..exceptions import PhoneNumberError
from ..models import VerifiedPhone
from ..phone import UNKNOWN, mask
from ..phone.fictitious import is_fictitious
from .base import DEPLOY, ROWS, Problems, check

MOST_ROWS = 10_000
"""The check reads the oldest ones, in about a second. The command reads all."""

MOST_EXAMPLES = 3

NOT_AS_READ, VALID_NO_MORE = "not in E.164, as the app reads them", "valid no more"


@check(
    "sms_otp.W004",
    ROWS,
    hint="Import the numbers. Or use django_sms_otp.auth.users.UserFieldResolver, and write "
    "the field in E.164 by manage.py renumber_verified_phones --normalise.",
)
def unverified_customers() -> Problems:
    fields = phone_like_fields()
    if not fields or not isinstance(get_user_resolver(), VerifiedPhoneResolver):
        return
    if not VerifiedPhone.objects.using(database_alias(VerifiedPhone)).exists():
        yield (
            f"The user model has the field {fields[0]!r}, but no number is known as verified: "
            "customers who log in by SMS would get new, empty accounts. If the numbers are "
            f"verified: manage.py import_verified_phones --field {fields[0]}."
        )


@check(
    "sms_otp.W019",
    ROWS,
    hint="Run manage.py renumber_verified_phones --normalise --dry-run.",
)
def unreachable_numbers() -> Problems:
    """Numbers that no login finds, so that their holders get new, empty accounts."""
    stored = StoredNumbers.of_site()
    examples: dict[str, list[str]] = {NOT_AS_READ: [], VALID_NO_MORE: []}
    may_be_unknown = UNKNOWN not in get_settings().REFUSED_NUMBER_TYPES
    for _, value in stored.values(MOST_ROWS):
        text = str(getattr(value, "as_e164", value))
        try:
            if read_stored_number(value, get_settings().DEFAULT_REGION).e164 != text:
                examples[NOT_AS_READ].append(text)
        except PhoneNumberError:
            if text in get_settings().TEST_NUMBERS:
                continue
            is_e164 = text.startswith("+") and text[1:].isdecimal()
            if is_e164 and not may_be_unknown:
                examples[VALID_NO_MORE].append(text)
            elif not is_e164:
                examples[NOT_AS_READ].append(text)
    for problem, found in examples.items():
        if found:
            shown = ", ".join(mask(text) for text in found[:MOST_EXAMPLES])
            yield (
                f"{len(found)} of the first {MOST_ROWS} numbers in "
                f"{stored.rows.model._meta.label}.{stored.name} are {problem}: {shown}. "
                "Their holders would get new, empty accounts."
            )


@check(
    "sms_otp.E023",
    hint="Use django_sms_otp.auth.users.VerifiedPhoneResolver, or define last_used_at() in the "
    "class that SMS_OTP['USER_RESOLVER'] names.",
)
def unknown_last_use() -> Problems:
    resolver = type(get_user_resolver())
    knows = resolver.last_used_at is not UserResolver.last_used_at
    if get_settings().STALE_AFTER is not None and not knows:
        yield (
            f"SMS_OTP['STALE_AFTER'] is set, but {resolver.__qualname__} does not know when a "
            "number was last used: no number would open its account."
        )


@check(
    "sms_otp.W020",
    DEPLOY,
    hint="Set 'until' to the last day of the review. Use a number that is reserved for "
    "fiction, such as +14155550100.",
)
def lasting_test_numbers() -> Problems:
    """Test numbers that stay open for ever, or that a person may have."""
    for number, entry in get_settings().TEST_NUMBERS.items():
        name = f"SMS_OTP['TEST_NUMBERS'][{mask(number)!r}]"
        if entry.get("until") is None:
            yield f"{name} has no end: its code, which never changes, logs in for ever."
        if not is_fictitious(number):
            yield f"{name} may be a person's number: they get no code as long as it is here."


@check(
    "sms_otp.E022",
    hint="pip uninstall phonenumberslite; then pip install --force-reinstall phonenumbers.",
)
def damaged_phonenumbers() -> Problems:
    versions = dict(_versions("phonenumbers", "phonenumberslite"))
    if len(versions) > 1:
        yield (
            "phonenumbers and phonenumberslite are both installed, into one folder: the one "
            "that is uninstalled takes the files of the other along."
        )
    elif versions and phonenumbers.__version__ not in versions.values():
        [(name, version)] = versions.items()
        yield (
            f"{name} is installed as {version}, but its files are those of "
            f"{phonenumbers.__version__}."
        )
    regions = phonenumbers.SUPPORTED_REGIONS
    missing = [each for each in sorted(regions) if not _has_data(each)]
    if missing:
        yield (
            f"phonenumbers lacks the data of {len(missing)} regions, such as {missing[0]}: "
            "every request for their numbers would fail."
        )


def _versions(*names: str) -> Iterator[tuple[str, str]]:
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def _has_data(region: str) -> bool:
    return util.find_spec(f"phonenumbers.data.region_{region}") is not None
