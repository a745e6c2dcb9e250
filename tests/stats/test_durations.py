"""Times from the message to the redemption, out of a histogram."""

from __future__ import annotations

from math import inf

import pytest

from django_sms_otp.stats.durations import LONGER, event_within, percentile

TEN, FIFTEEN, MINUTE = (event_within(bound) for bound in (10, 15, 60))


@pytest.mark.parametrize(
    ("counts", "share", "seconds"),
    [
        ({}, 0.5, None),
        ({"sent": 3}, 0.5, None),
        ({TEN: 2}, 0.5, 7.5),  # Spread evenly from 5 to 10.
        ({TEN: 10, FIFTEEN: 10}, 0.5, 10),
        ({TEN: 10, FIFTEEN: 10}, 0.95, 14.5),
        ({TEN: 94, MINUTE: 6}, 0.95, 47.5),
        ({TEN: 94, LONGER: 6}, 0.95, inf),
        ({LONGER: 1}, 0.5, inf),
    ],
)
def test_a_percentile(counts: dict[str, int], share: float, seconds: float | None) -> None:
    assert percentile(counts, share) == seconds
