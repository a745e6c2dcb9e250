"""What staff may do to a code."""

from __future__ import annotations

from collections.abc import Iterable

from ..models import OTPCode
from ..rounds import NumberRow, in_rounds


def invalidate_codes(otp_codes: Iterable[OTPCode]) -> int:
    """Make live codes useless; return how many were live."""
    return sum(_invalidate(otp_code) for otp_code in otp_codes)


def _invalidate(otp_code: OTPCode) -> int:
    def supersede(row: NumberRow) -> int:
        with row.replaced_by(row.state):
            live = row.codes.live(row.now).filter(pk=otp_code.pk)
            return live.update(superseded_at=row.now)

    return in_rounds(otp_code.phone_number, supersede)
