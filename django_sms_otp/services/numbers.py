"""Which numbers a message may go to at all: their type and their region."""

from __future__ import annotations

from collections.abc import Collection

from phonenumbers import PhoneNumberType

from ..conf import Settings, get_settings
from ..exceptions import NotSMSCapable, RegionNotSupported
from ..phone import REFUSED_TYPES, PhoneNumber, parse_phone_number
from ..reports import report_number
from ..rules import REGIONS


def read_phone_number(text: str, *, to_send: bool = False) -> PhoneNumber:
    """Read ``text`` as a phone number that the settings let a message go to.

    :param to_send: count what is refused.
    :raises PhoneNumberError: no number, or not one of an allowed type and region.
    """
    settings = get_settings()
    # Controls that are off, or only record and have done so.
    passed = {name for name in ("number_type", "region") if settings.mode(name) == "off"}
    while True:
        try:
            return _parse(text, settings, passed)
        except (NotSMSCapable, RegionNotSupported) as error:
            control = "region" if isinstance(error, RegionNotSupported) else "number_type"
            is_recorded = settings.mode(control) == "record"
            if to_send:
                report_number(control, error.region, refused=not is_recorded)
            if not is_recorded:
                raise
            passed.add(control)


def _parse(text: str, settings: Settings, passed: set[str]) -> PhoneNumber:
    return parse_phone_number(
        text,
        default_region=settings.DEFAULT_REGION,
        allowed_regions=REGIONS if "region" in passed else settings.ALLOWED_REGIONS,
        refused_types=_refused_types(settings, all_pass="number_type" in passed),
    )


def _refused_types(settings: Settings, *, all_pass: bool) -> Collection[int]:
    optional = {getattr(PhoneNumberType, name) for name in settings.REFUSED_NUMBER_TYPES}
    # What is no number of any type is not a matter of modes.
    return optional & {PhoneNumberType.UNKNOWN} if all_pass else REFUSED_TYPES | optional
