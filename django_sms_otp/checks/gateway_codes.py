"""Checks of backends whose gateway makes the codes: what the settings then cannot promise."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning

from ..conf import get_settings
from .base import backends_in_use, register, with_valid_settings


@register(Tags.security, deploy=True)
@with_valid_settings
def check_gateway_codes(**kwargs: Any) -> list[CheckMessage]:
    settings = get_settings()
    found: list[CheckMessage] = []
    for backend in backends_in_use():
        if not backend.checks_codes:
            continue
        name = f"SMS_OTP_BACKENDS[{backend.alias!r}]"
        length = backend.code_length or settings.CODE_LENGTH
        if length < settings.CODE_LENGTH:
            found.append(
                Warning(
                    f"{name} makes codes of {length} digits, but SMS_OTP['CODE_LENGTH'] is "
                    f"{settings.CODE_LENGTH}, and the limits of guesses are judged by that.",
                    hint=f"Have the gateway make longer codes, or set CODE_LENGTH to {length} "
                    "and see what the other checks say.",
                    id="sms_otp.W013",
                )
            )
        if settings.REQUIRE_REQUEST_ID:
            found.append(
                Warning(
                    "SMS_OTP['REQUIRE_REQUEST_ID'] is on, which gives each request a code of "
                    f"its own. The gateway of {name} has one for a number, whoever asks.",
                    hint="Have this app make the codes: another backend, or 'custom_codes'.",
                    id="sms_otp.W013",
                )
            )
    return found
