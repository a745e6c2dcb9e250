"""Reads what staff type into the search, and says why it finds nothing.

A search finds whole numbers only: a search for parts would unmask a number digit by digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import phone
from ..conf import get_settings
from ..controls import memory
from ..exceptions import NotSMSCapable, PhoneNumberError, RegionNotSupported
from ..services import read_phone_number

__all__ = [
    "ExplainedList",
    "explain_no_code",
    "explain_unreadable",
    "refusal_by_settings",
    "whole_numbers",
]

MOST_NAMED_REGIONS = 5


class ExplainedList(ChangeList):
    """Says why a search finds nothing."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query.strip() or self.result_count:
            return
        model_admin: Any = self.model_admin
        text = (
            _("No row is found with these filters. Clear them to search all rows.")
            if self.get_filters_params()
            else model_admin.explain_nothing_found(request, self.query)
        )
        messages.warning(request, text)


def whole_numbers(text: str) -> list[str]:
    """Return the phone numbers in E.164 that a text may mean, none if it is no whole number.

    A number without its country code is read in each region of the site. Numbers of any type
    and region are found: the site may have sent to some that it refuses now.
    """
    found = [number.e164 for number in _readings(text.strip())]
    return list(dict.fromkeys(found))


def explain_unreadable(text: str) -> str:
    """Return why a text is no phone number."""
    regions = _regions()
    if not regions or text.strip().startswith("+"):
        return _("This is not a phone number. Write it with its country code: +14155552671.")
    named = ", ".join(regions[:MOST_NAMED_REGIONS])
    if len(regions) > MOST_NAMED_REGIONS:
        named += ", …"
    return _("This is not a phone number of %(regions)s.") % {"regions": named}


def explain_no_code(number: str) -> str:
    """Return why there is neither a code nor a limit of a number."""
    days = max(get_settings().RETENTION, memory()).days
    kept = ngettext(
        "No row for %(number)s. Rows are kept for %(days)s day.",
        "No row for %(number)s. Rows are kept for %(days)s days.",
        days,
    )
    why = refusal_by_settings(number) or _(
        "A first request leaves no row if a limit of the IP address, the country or the "
        "site refuses it: see the hourly counts."
    )
    return f"{kept % {'number': number, 'days': number_format(days)}} {why}"


def refusal_by_settings(number: str) -> str:
    """Return why the site sends nothing to a number; empty if it does."""
    try:
        read_phone_number(number)
    except RegionNotSupported as error:
        text = _("The site sends no messages to %(region)s: see ALLOWED_REGIONS.")
        return text % {"region": error.region}
    except NotSMSCapable:
        return _(
            "The site sends no messages to numbers of this type: see REFUSED_NUMBER_TYPES."
        )
    except PhoneNumberError:
        return _("The country has not assigned this number, so the site sends nothing to it.")
    return ""


def _readings(text: str) -> Iterator[phone.PhoneNumber]:
    for region in (None, *_regions()):
        if number := _read(text, region):
            yield number
    # As some gateways and exports write it: 14155552671, 0014155552671.
    if number := _read(f"+{text.removeprefix('00')}", None):
        yield number


def _read(text: str, region: str | None) -> phone.PhoneNumber | None:
    try:
        return phone.read_any(text, default_region=region)
    except PhoneNumberError:
        return None


def _regions() -> list[str]:
    """Return the regions of a number without its country code, the likeliest first."""
    settings = get_settings()
    regions = [settings.DEFAULT_REGION, *sorted(settings.ALLOWED_REGIONS or ())]
    known = (each for each in regions if each and each != phone.SATELLITE_REGION)
    return list(dict.fromkeys(known))
