"""Measures the admin's dashboard beside many codes."""

from __future__ import annotations

import statistics
import sys

from ..postgresql import Config, connect, prewarm, server
from ..processes import placed, working
from ..tables import table
from .fill import CODES_OF_A_USER, fill
from .growth import buffers

__all__ = ["report"]

MOST = 300
"""A promise: milliseconds of the median."""

SPANS = ("today", "7d", "30d")

OPENINGS = 40

WARM_UP = 3

SPREAD = """
INSERT INTO django_sms_otp_hourlycount (event, region, hour, backend, count)
SELECT event, 'X' || chr(64 + country), hour - month * interval '30 days', gateway, count
FROM django_sms_otp_hourlycount, generate_series(1, 20) country,
    generate_series(0, 1) month, unnest(ARRAY['default', 'other']) gateway
ON CONFLICT DO NOTHING
"""
"""The counts of two months, of twenty more countries and two gateways."""


def report(*, rows: int) -> list[str]:
    """Print a table; return the broken promises."""
    on = server(shared_buffers=buffers())
    with placed("staff", on) as place:
        fill(place.database, rows // CODES_OF_A_USER)
        with working(place, "benchmarks.scale.opening") as worker:
            worker.tell("count")
            _spread(place.database)
            print(prewarm(place.database), file=sys.stderr, flush=True)
            turns = [
                {span: worker.tell("open", span) for span in SPANS}
                for _ in range(WARM_UP + OPENINGS)
            ][WARM_UP:]
    found = {span: [turn[span] * 1000 for turn in turns] for span in SPANS}
    medians = {span: round(statistics.median(times)) for span, times in found.items()}
    lines = [(span, f"{min(found[span]):.0f}", f"{medians[span]}", f"{MOST}") for span in SPANS]
    print(table(("span", "quickest, ms", "median, ms", "at most"), lines))
    return [f"{span}: {median} ms" for span, median in medians.items() if median > MOST]


def _spread(database: Config) -> None:
    with connect(database) as connection:
        connection.execute(SPREAD)
        connection.execute("VACUUM ANALYZE")
