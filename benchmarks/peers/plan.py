"""How much is measured: all of it, or a little of everything."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Plan"]

MILLION = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    :param starts: processes of a contestant whose start is measured.
    :param calls: requests whose function calls are counted, of each kind.
    :param rounds: in which the contestants take turns.
    :param requests: of a contestant in a round, of each kind, at most.
    :param logins: of a contestant in a round, over HTTP, at most.
    :param turns: in which those of a round are made.
    :param clients: that log in at a time.
    :param rows: sizes of the table; none: nothing is measured beside expired rows.
    :param seconds: after which a contestant begins no more in its turn.
    :param repeats: the rounds of what takes minutes.
    :param purges: of so many rows as ``purged``, of a contestant.
    """

    starts: int
    calls: int
    rounds: int
    requests: int
    logins: int
    turns: int
    clients: int = 8
    rows: tuple[int, ...]
    seconds: float
    repeats: int
    purges: int
    purged: int


FULL = Plan(
    starts=60,
    calls=30,
    rounds=15,
    requests=25,
    logins=500,
    turns=25,
    rows=(0, MILLION, 10 * MILLION),
    seconds=5,
    repeats=3,
    purges=9,
    purged=MILLION,
)

QUICK = Plan(
    starts=2,
    calls=5,
    rounds=2,
    requests=5,
    logins=20,
    turns=2,
    rows=(0, 10_000),
    seconds=5,
    repeats=1,
    purges=1,
    purged=10_000,
)
