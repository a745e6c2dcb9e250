"""Reads phone numbers, and refuses those of a type or region that get no message."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from ..backends import get_backend
from ..conf import Settings, get_settings
from ..conf.choices import VOICE
from ..controls.refusals import log_refused_number
from ..exceptions import (
    InvalidPhoneNumber,
    InvalidSettings,
    NotSMSCapable,
    PhoneNumberError,
    RegionNotSupported,
)
from ..phone import (
    REFUSED_TYPES,
    SUPPORTED_REGIONS,
    UNKNOWN,
    PhoneNumber,
    WithE164,
    parse_phone_number,
    read_any,
)
from ..phone.fictitious import is_fictitious

CONTROLS = {NotSMSCapable.code: "number_type", RegionNotSupported.code: "region"}
"""The controls that refuse a number, by the word of the API's answer."""


def read_phone_number(
    text: str | PhoneNumber | WithE164,
    *,
    to_send: bool = False,
    channel: str | None = None,
    region: str | None = None,
) -> PhoneNumber:
    """Read ``text`` as a phone number that may get a message.

    Where no message reaches a phone, as in tests, numbers that are reserved for fiction pass.

    :param text: as typed; or a number object, such as one of django-phonenumber-field.
    :param to_send: whether a message is about to go there. A refusal is then logged and
        counted. Otherwise any channel of the site may reach the number.
    :param channel: the channel of the message; by default that of the site.
    :param region: the region of a number that is written without its country code, such as
        ``"DE"``; by default ``DEFAULT_REGION``.
    :raises PhoneNumberError: the text is not a phone number, or its type or region is refused.
    :raises TypeError: ``text`` is neither a text nor a number.
    :raises ValueError: ``CHANNELS`` lacks ``channel``.
    """
    return _read(text, to_send=to_send, channel=channel, region=region, takes_tests=True)


def refusal_of_test_number(phone_number: PhoneNumber, channel: str) -> str:
    """Return why a test number gets no message; empty if it gets one as any number does.

    Whoever binds a number proves by a message to hold it. With one of fiction nobody can.
    """
    if get_settings().test_code(phone_number.e164) is None:
        return ""
    if is_fictitious(phone_number.e164):
        return "" if _reach_no_phone({channel}) else InvalidPhoneNumber.code
    try:
        _read(phone_number, to_send=True, channel=channel, region=None, takes_tests=False)
    except PhoneNumberError as error:
        return error.code
    return ""


def _read(
    text: str | PhoneNumber | WithE164,
    *,
    to_send: bool,
    channel: str | None,
    region: str | None,
    takes_tests: bool,
) -> PhoneNumber:
    settings = get_settings()
    channel = get_settings().channel(channel)
    region = region or settings.DEFAULT_REGION
    channels = {channel} if to_send else {*settings.CHANNELS}
    # The controls that let the number pass: they are off, or have recorded it.
    passed = {name for name in ("number_type", "region") if settings.mode(name) == "off"}
    takes_fictitious = _reach_no_phone(channels)
    while True:
        allowed = SUPPORTED_REGIONS if "region" in passed else settings.ALLOWED_REGIONS
        refused = _refused_types(settings, channels, all_pass="number_type" in passed)
        try:
            return parse_phone_number(
                text,
                default_region=region,
                allowed_regions=allowed,
                refused_types=refused,
                takes_fictitious=takes_fictitious,
            )
        except PhoneNumberError as error:
            number = _test_number(text, region, settings) if takes_tests else None
            if number is not None:
                return number
            control = CONTROLS.get(error.code, "")
            if to_send:
                log_refused_number(error, control, channel)
            if settings.mode(control) != "record":
                raise
            passed.add(control)


def _test_number(
    text: str | PhoneNumber | WithE164, region: str | None, settings: Settings
) -> PhoneNumber | None:
    """Return the number if it is in ``TEST_NUMBERS``. No message goes there, so its type and
    its region do not matter."""
    if not settings.TEST_NUMBERS:
        return None
    with suppress(PhoneNumberError):
        number = read_any(text, default_region=region)
        return number if settings.test_code(number.e164) else None
    return None


def _refused_types(
    settings: Settings, channels: Collection[str], *, all_pass: bool
) -> Collection[str]:
    optional = {*settings.REFUSED_NUMBER_TYPES}
    if VOICE in channels:
        # A landline gets no SMS, but it takes calls. Premium numbers stay refused.
        optional.discard("FIXED_LINE")
    # A number of unknown type is not in use, so no mode of the control lets it pass.
    return optional & {UNKNOWN} if all_pass else REFUSED_TYPES | optional


def _reach_no_phone(channels: Collection[str]) -> bool:
    """Return whether a channel has a backend for tests or for development.

    ``check --deploy`` refuses those, so in production no such number costs a message.
    """
    aliases = [get_settings().CHANNELS[each] for each in channels]
    with suppress(InvalidSettings):  # Checks report a broken backend, and a request refuses it.
        return any(get_backend(alias).development_only for alias in aliases)
    return False
