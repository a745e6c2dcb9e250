"""Assesses numbers by Twilio Lookup: was the SIM swapped, was the number handed on?

https://www.twilio.com/docs/lookup/v2-api/sim-swap and
https://www.twilio.com/docs/lookup/v2-api/reassigned-number
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.utils.dateparse import parse_datetime

from ..backends.registry import borrow
from ..backends.twilio.base import TwilioBackend
from ..conf import DEFAULT_ALIAS
from ..controls.hooks import NumberRisk, NumberUse, Risk
from ..exceptions import DeliveryRefused, InvalidSettings

__all__ = ["TwilioRisk"]

SIM_SWAP, REASSIGNED_NUMBER = "sim_swap", "reassigned_number"

REGIONS_OF_REASSIGNED = frozenset({"US"})
"""The register of disconnected numbers, which Twilio asks, is that of the United States."""


class TwilioRisk(NumberRisk):
    """Ask Twilio Lookup. A site names this class, or a subclass, in ``NUMBER_RISK``.

    A SIM that was swapped, within the period that the account has agreed upon with Twilio, asks
    for more. It does not if the number was used or bound since: then its user has the new SIM.
    A number that was disconnected since its last use is refused.
    """

    alias: ClassVar[str] = DEFAULT_ALIAS
    """The backend whose account is asked: one of the two Twilio backends."""

    packages: ClassVar[Sequence[str]] = (SIM_SWAP, REASSIGNED_NUMBER)
    """What to ask for. Each has a price, and Twilio grants access to each on request."""

    swapped: ClassVar[Risk] = Risk.ASK_FOR_MORE
    reassigned: ClassVar[Risk] = Risk.REFUSE
    unknown: ClassVar[Risk] = Risk.FINE
    """The verdict if Twilio knows nothing of a number, as in most countries."""

    def assess(self, use: NumberUse) -> Risk:
        """Return the gravest verdict.

        :raises DeliveryError: Twilio gave no answer in the ``timeout`` of the backend.
        :raises InvalidSettings: ``alias`` names no Twilio backend.
        """
        found = self._look_up(use)
        is_swapped = _is_swapped(_of(found, SIM_SWAP), use.last_used_at)
        is_reassigned = _is_reassigned(_of(found, REASSIGNED_NUMBER))
        if is_swapped is None and is_reassigned is None:
            return self.unknown
        verdicts = {self.swapped} if is_swapped else set()
        if is_reassigned:
            verdicts.add(self.reassigned)
        gravest = (Risk.REFUSE, Risk.ASK_FOR_MORE)
        return next((each for each in gravest if each in verdicts), Risk.FINE)

    def _look_up(self, use: NumberUse) -> object:
        packages, parameters = list(self.packages), {}
        if REASSIGNED_NUMBER in packages:
            if use.last_used_at and use.phone_number.region in REGIONS_OF_REASSIGNED:
                day = use.last_used_at.astimezone(UTC)
                parameters["last_verified_date"] = f"{day:%Y%m%d}"
            else:
                packages.remove(REASSIGNED_NUMBER)
        if not packages:
            return None
        with borrow(self.alias) as backend:
            if not isinstance(backend, TwilioBackend):
                raise InvalidSettings(
                    f"{type(self).__qualname__}.alias must name a Twilio backend of "
                    f"SMS_OTP_BACKENDS, which {self.alias!r} is not."
                )
            try:
                return backend.look_up(use.phone_number.e164, packages, **parameters)
            except DeliveryRefused:
                return None  # Twilio does not know this number.


def _of(found: object, package: str) -> Mapping[str, Any]:
    """Return the answer of a package. Twilio may give ``null`` in its place."""
    answer = getattr(found, package, None)
    return answer if isinstance(answer, Mapping) else {}


def _is_swapped(answer: Mapping[str, Any], last_used_at: datetime | None) -> bool | None:
    """Return whether the SIM is another one than at the last use; ``None``: nobody knows."""
    last = answer.get("last_sim_swap")
    if not isinstance(last, Mapping):
        return None
    at = _time(last.get("last_sim_swap_date"))
    if at and last_used_at and at <= last_used_at:
        return False
    return _yes_or_no(last.get("swapped_in_period"))


def _is_reassigned(answer: Mapping[str, Any]) -> bool | None:
    return _yes_or_no(answer.get("is_number_reassigned"))


def _yes_or_no(value: object) -> bool | None:
    words = {"yes": True, "true": True, "no": False, "false": False}
    return words.get(str(value).lower())


def _time(value: object) -> datetime | None:
    try:
        found = parse_datetime(str(value))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
