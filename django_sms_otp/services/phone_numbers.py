"""Which numbers a message may go to at all: their type and their region."""

from __future__ import annotations

from collections.abc import Collection

from ..conf import Settings, get_settings
from ..conf.validators import VOICE
from ..controls.refusals import log_refused_number
from ..exceptions import NotSMSCapable, PhoneNumberError, RegionNotSupported
from ..phone import REFUSED_TYPES, UNKNOWN, PhoneNumber, parse_phone_number, supported_regions

CONTROLS = {NotSMSCapable.code: "number_type", RegionNotSupported.code: "region"}
"""What refuses a number, by the word that the API answers with."""


def read_phone_number(
    text: str, *, to_send: bool = False, channel: str | None = None
) -> PhoneNumber:
    """Read ``text`` as a phone number that the settings let a message go to.

    :param to_send: a message is to go there now: what is refused is counted.
    :param channel: how; ``None``: by the site's default. Unless ``to_send``, it is enough that
        any of the site's channels could have reached the number.
    :raises PhoneNumberError: no number, or not one of an allowed type and region.
    """
    settings = get_settings()
    channel = channel or settings.default_channel
    channels = {channel} if to_send else {*settings.CHANNELS}
    # Controls that are off, or only record and have done so.
    passed = {name for name in ("number_type", "region") if settings.mode(name) == "off"}
    while True:
        try:
            return _parse(text, settings, channels, passed)
        except PhoneNumberError as error:
            control = CONTROLS.get(error.code, "")
            if to_send:
                log_refused_number(error, control, channel)
            if settings.mode(control) != "record":
                raise
            passed.add(control)


def _parse(
    text: str, settings: Settings, channels: Collection[str], passed: set[str]
) -> PhoneNumber:
    return parse_phone_number(
        text,
        default_region=settings.DEFAULT_REGION,
        allowed_regions=(
            supported_regions() if "region" in passed else settings.ALLOWED_REGIONS
        ),
        refused_types=_refused_types(settings, channels, all_pass="number_type" in passed),
    )


def _refused_types(
    settings: Settings, channels: Collection[str], *, all_pass: bool
) -> Collection[str]:
    optional = {*settings.REFUSED_NUMBER_TYPES}
    if VOICE in channels:
        # A landline gets no SMS, but it rings. Who is paid for being called is refused as ever.
        optional.discard("FIXED_LINE")
    # What is no number of any type is not a matter of modes.
    return optional & {UNKNOWN} if all_pass else REFUSED_TYPES | optional
