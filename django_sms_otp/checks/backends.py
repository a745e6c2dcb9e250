"""Checks of the backends, and of the channels that they serve."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags

from ..backends import get_backend, with_targets
from ..conf import backend_aliases, get_settings
from ..exceptions import InvalidBackend, InvalidSettings
from .base import backends_in_use, register, with_valid_settings


@register(Tags.security)
def check_backends(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    try:
        aliases = backend_aliases()
    except InvalidSettings as error:
        return [Error(str(error), id="sms_otp.E002")]
    for alias in sorted(aliases, key=str):
        try:
            get_backend(alias)
        except InvalidSettings as error:
            found.append(Error(str(error), id="sms_otp.E002"))
    return found


@register(Tags.security)
@with_valid_settings
def check_channels(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"SMS_OTP['CHANNELS'][{channel!r}] is {alias!r}: {problem}",
            hint=f"Name a backend that serves {channel!r}, or do not offer the channel.",
            id="sms_otp.E021",
        )
        for channel, alias in get_settings().CHANNELS.items()
        if (problem := _problem_of(channel, alias))
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_production_backends(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"The SMS backend {backend.alias!r}, {type(backend).__module__}, is for "
            "development: no message reaches a phone.",
            hint=f"Name a gateway in SMS_OTP_BACKENDS[{backend.alias!r}].",
            id="sms_otp.E011",
        )
        for backend in backends_in_use()
        if backend.development_only
    ]


@register(Tags.security, deploy=True)
@with_valid_settings
def check_gateways(**kwargs: Any) -> list[CheckMessage]:
    """Pass on what the backends themselves have to say."""
    found: list[CheckMessage] = []
    for backend in backends_in_use():
        # One that hands messages on may speak for its targets too.
        found.extend(each for each in backend.check() if each not in found)
    return found


def _problem_of(channel: str, alias: str) -> str:
    try:
        backend = with_targets(alias)[0]
    except InvalidBackend as error:
        # Of an entry that is there and broken, E002 says so.
        return "" if error.alias in backend_aliases() else str(error)
    except InvalidSettings:
        return ""  # E002 says so.
    if channel in backend.channels:
        return ""
    able_to = ", ".join(sorted(backend.channels)) or "nothing"
    return f"{type(backend).__module__} sends {able_to}."
