"""What staff may do to codes and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..db.rounds import LimitRow, NumberRow, change_row, in_rounds
from ..models import OTPCode


def invalidate_codes(otp_codes: Iterable[OTPCode]) -> int:
    """Make live codes useless; return how many were live."""
    return sum(_invalidate(otp_code) for otp_code in otp_codes)


def _invalidate(otp_code: OTPCode) -> int:
    def supersede(row: NumberRow) -> int:
        with row.replaced_by(row.state):
            return sum(row.write(row.supersession(otp_code)))

    return in_rounds(otp_code.phone_number, supersede)


def unlock_number(e164: str) -> bool:
    """Lift a lockout: forget the failed attempts of a number. Return whether there were any."""

    def forget(row: NumberRow) -> bool:
        had_any = row.state.is_held
        row.replace(row.state.unlocked())
        return had_any

    return in_rounds(e164, forget)


def forget_limit(key: str) -> bool:
    """Forget what a shared row has counted, a block by the breaker included; or close a
    backend's circuit. Return whether there was anything.

    :param key: of an IP address, a prefix, a country, the site or a circuit.
    :raises ValueError: a phone number's row, which knows more than counts.
    """
    if key.startswith("+"):
        raise ValueError("A number's row is not forgotten: see unlock_number().")
    # Here: few processes ever need them, and all would load them.
    from ..backends.composite import circuits

    if key.startswith(circuits.KEY_PREFIX):
        return circuits.close(key.removeprefix(circuits.KEY_PREFIX))
    had_any = False

    def forget(row: LimitRow) -> Mapping[str, Any]:
        nonlocal had_any
        had_any = bool(row.data)
        return {}

    change_row(key, forget)
    return had_any
