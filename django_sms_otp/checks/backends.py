"""Problems of the backends, and of the channels that they serve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from django.core.checks import CheckMessage, Tags, register

from ..backends import BaseSMSBackend, get_backend, with_targets
from ..conf import backend_aliases, get_settings
from ..conf.validators import did_you_mean
from ..exceptions import InvalidBackend, InvalidSettings
from .base import DEPLOY, Problems, check, error_of


@check("sms_otp.E002")
def broken_backends() -> Problems:
    yield from error_of(backend_aliases)
    for alias in sorted(backend_aliases(), key=str):
        yield from error_of(partial(get_backend, alias))


@check(
    "sms_otp.E021", hint="Name a backend that serves the channel, or do not offer the channel."
)
def channels_without_a_backend() -> Problems:
    for channel, alias in get_settings().CHANNELS.items():
        if problem := _problem_of(channel, alias):
            yield f"SMS_OTP['CHANNELS'][{channel!r}] is {alias!r}: {problem}"


@check("sms_otp.E011", DEPLOY, hint="Name a gateway in this entry.")
def backends_for_development() -> Problems:
    for backend in _backends_in_use():
        if backend.development_only:
            yield (
                f"{_name(backend)} is {type(backend).__module__}, a backend for development: "
                "no message reaches a phone."
            )


@check(
    "sms_otp.W013",
    DEPLOY,
    hint="Have the gateway make longer codes, or set CODE_LENGTH to its length and see "
    "what the other checks say.",
)
def shorter_codes_of_gateways() -> Problems:
    promised = get_settings().CODE_LENGTH
    for backend in _code_issuing_backends():
        length = backend.code_length or promised
        if length < promised:
            yield (
                f"{_name(backend)} makes codes of {length} digits, but SMS_OTP['CODE_LENGTH'] "
                f"is {promised}, and the limits of guesses are judged by that."
            )


@check(
    "sms_otp.W013",
    DEPLOY,
    hint="Have this app make the codes: another backend, or 'custom_codes'.",
)
def shared_codes_of_gateways() -> Problems:
    if get_settings().REQUIRE_REQUEST_ID:
        for backend in _code_issuing_backends():
            yield (
                "SMS_OTP['REQUIRE_REQUEST_ID'] is on, so each request gets a code of its own. "
                f"The gateway of {_name(backend)} has one code per number, for all requests."
            )


@check(
    "sms_otp.W021",
    DEPLOY,
    hint="Set NOTIFY_OLD_NUMBER to False, and tell people in another way: the signals "
    "number_linked, number_unlinked and number_moved say when.",
)
def notices_that_nobody_gets() -> Problems:
    settings = get_settings()
    channel = settings.default_channel
    alias = settings.CHANNELS[channel]
    with suppress(InvalidSettings):  # E002 or E021 reports it.
        if settings.NOTIFY_OLD_NUMBER and not get_backend(alias).shows_text(channel):
            yield (
                "SMS_OTP['NOTIFY_OLD_NUMBER'] is on, but SMS_OTP_BACKENDS"
                f"[{alias!r}] sends codes in words of its own, and no other text by {channel}."
            )


@check("sms_otp.E024", hint="Name an entry of SMS_OTP_BACKENDS.")
def prices_of_no_backend() -> Problems:
    known = backend_aliases()
    for alias in get_settings().PRICES:
        if alias not in known:
            yield (
                f"SMS_OTP['PRICES'] has prices of {alias!r}, which SMS_OTP_BACKENDS does not "
                f"have.{did_you_mean(alias, known)}"
            )


@check(
    "sms_otp.W022",
    DEPLOY,
    hint='Add its prices, at least {"*": ...}. A message that costs nothing has the price "0".',
)
def backends_without_a_price() -> Problems:
    prices = get_settings().PRICES
    for backend in _backends_in_use():
        # A backend with targets sends nothing by itself.
        if prices and not backend.targets and backend.alias not in prices:
            yield (
                f"SMS_OTP['PRICES'] has no prices of {backend.alias!r}: the dashboard leaves "
                "its messages out of the cost."
            )


@register(Tags.security, deploy=True)
def messages_of_backends(**kwargs: Any) -> list[CheckMessage]:
    """Return the messages of the backends' own ``check()``."""
    found: list[CheckMessage] = []
    with suppress(InvalidSettings):  # E001 reports a broken SMS_OTP.
        for backend in _backends_in_use():
            # A composite backend may report for its targets too.
            found.extend(each for each in backend.check() if each not in found)
    return found


def _backends_in_use() -> list[BaseSMSBackend]:
    """Return every backend that a message may go out by, if it can be built."""
    found: dict[str, BaseSMSBackend] = {}
    for alias in get_settings().CHANNELS.values():
        with suppress(InvalidSettings):  # E002 or E021 reports it.
            found |= {each.alias: each for each in with_targets(alias)}
    return list(found.values())


def _code_issuing_backends() -> Iterator[BaseSMSBackend]:
    return (each for each in _backends_in_use() if each.checks_codes)


def _problem_of(channel: str, alias: str) -> str:
    try:
        backend = with_targets(alias)[0]
    except InvalidBackend as error:
        # E002 reports an entry that exists and is broken.
        return "" if error.alias in backend_aliases() else str(error)
    except InvalidSettings:
        return ""  # E002 reports it.
    if channel in backend.channels:
        return ""
    able_to = ", ".join(sorted(backend.channels)) or "nothing"
    return f"{type(backend).__module__} sends {able_to}."


def _name(backend: BaseSMSBackend) -> str:
    return f"SMS_OTP_BACKENDS[{backend.alias!r}]"
