"""Whether this app does what it promises in :mod:`benchmarks.peers.targets`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from . import targets
from .contestants import BARE, OWN, PEERS, title
from .effort import Effort
from .results import Results

__all__ = ["broken_calls", "broken_promises"]


def broken_calls(efforts: Mapping[str, Effort]) -> list[str]:
    """Say which steps make too many function calls."""
    return [
        f"{step}: {ratio:.2f} times the calls of the bare app, not {targets.MOST_CALLS[step]}"
        for step, ratio in efforts[OWN].calls_beside(efforts[BARE]).items()
        if ratio > targets.MOST_CALLS[step]
    ]


def broken_promises(results: Results) -> list[str]:
    """Say what is promised and not kept."""
    return [
        *broken_calls(results.efforts),
        *_slower_than_promised(results),
        *_slower_than_a_peer(results),
        *_slow_to_start(results),
        *_growing(results),
        *_purging(results),
    ]


def _slower_than_promised(results: Results) -> Iterator[str]:
    logins = results.loads[OWN].logins
    if logins < targets.LEAST_LOGINS:
        # Two digits may be those of the promise.
        yield f"{logins:.3f} of the bare app's logins a second, not {targets.LEAST_LOGINS}"


def _slower_than_a_peer(results: Results) -> Iterator[str]:
    for name in (name for name in results.loads if name in PEERS):
        if results.loads[name].logins > results.loads[OWN].logins:
            yield f"{title(name)} has more logins a second"
        for step in ("get-code", "auth-code"):
            if results.shares[name][step].median < results.shares[OWN][step].median:
                yield f"{title(name)} takes less time for {step}"


def _slow_to_start(results: Results) -> Iterator[str]:
    start = results.starts[OWN]
    if start.seconds > targets.MOST_START_TIME:
        yield (
            f"adds {1000 * start.seconds:.0f} ms to the start of a site, "
            f"not {1000 * targets.MOST_START_TIME:.0f}"
        )
    if start.memory > targets.MOST_START_MEMORY:
        yield (
            f"adds {start.memory / 10**6:.1f} MB to a site's process, "
            f"not {targets.MOST_START_MEMORY / 10**6:.0f}"
        )


def _growing(results: Results) -> Iterator[str]:
    for rows, growth in results.growth.get(OWN, {}).items():
        if growth.times["login"] > targets.MOST_GROWTH:
            yield (
                f"a login beside {rows} rows takes {growth.times['login']:.2f} times as long, "
                f"not {targets.MOST_GROWTH}"
            )


def _purging(results: Results) -> Iterator[str]:
    purge = results.purges.get(OWN)
    if purge is None:
        return
    if purge.ratio > targets.MOST_PURGE:
        yield f"a purge takes {purge.ratio:.2f} times a DELETE's time, not {targets.MOST_PURGE}"
    if purge.longest > targets.LONGEST_BATCH:
        yield f"a batch of the purge takes {purge.longest:.3f} s, not {targets.LONGEST_BATCH}"
