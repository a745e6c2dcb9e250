"""The columns that may hold phone numbers, and their values as they are stored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models

from ..conf import get_settings
from ..exceptions import InvalidPhoneNumber, InvalidSettings
from ..phone import SUPPORTED_REGIONS, UNKNOWN, PhoneNumber, parse_phone_number

__all__ = ["is_phone_like", "phone_field", "phone_like_fields", "read_stored_number"]


def phone_field() -> models.Field[Any, Any]:
    """Return the field that ``USER_PHONE_FIELD`` names.

    :raises InvalidSettings: the user model has no such column.
    """
    name = get_settings().USER_PHONE_FIELD
    for field in _columns():
        if field.name == name and not field.is_relation:
            return field
    raise InvalidSettings(
        f"SMS_OTP['USER_PHONE_FIELD'] must name the column of {get_user_model()._meta.label} "
        f"with the verified phone number, not {name!r}."
    )


def phone_like_fields() -> list[str]:
    """Return the fields of the user model that look like phone numbers."""
    return [field.name for field in _columns() if is_phone_like(field.name)]


def is_phone_like(name: str) -> bool:
    return any(word in name.lower() for word in ("phone", "mobile", "msisdn"))


def read_stored_number(
    value: Any,
    default_region: str | None = None,
    *,
    allowed_regions: Collection[str] | None = SUPPORTED_REGIONS,
    refused_types: Collection[str] = (UNKNOWN,),
) -> PhoneNumber:
    """Read the value of a column: a text, a number object, or a whole number.

    The ``str`` of anything else is a text for people: a fraction has a point and a zero more,
    and a number object may lack its country code.

    :raises PhoneNumberError: the value is no phone number.
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    try:
        return parse_phone_number(
            str(value) if is_whole else value,
            default_region=default_region,
            allowed_regions=allowed_regions,
            refused_types=refused_types,
        )
    except TypeError:
        raise InvalidPhoneNumber from None


def _columns() -> list[models.Field[Any, Any]]:
    return list(get_user_model()._meta.concrete_fields)
