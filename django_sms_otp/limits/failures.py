"""The wrong guesses at the codes of a number: how many, whose, and the waits. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .rates import Rate, free_at

__all__ = [
    "ASKERS_LEAVE",
    "KNOWN",
    "MOST_KEPT",
    "STRANGERS",
    "STRANGERS_LEAVE",
    "AtCode",
    "Claimant",
    "FailureBudget",
    "Failures",
    "Guesses",
    "Lock",
    "id_group",
]

STRANGERS, KNOWN = "strangers", "known"
"""Two groups of callers. The group of an asker is named by their tag."""

MOST_KEPT = 100
"""Bounds the size of a row. No rate of a number allows more uses in a window."""

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 30, 3600
"""NIST SP 800-63B-4, 3.2.2: waits "from 30 seconds up to an hour"."""

TENTH = 10

STRANGERS_LEAVE, ASKERS_LEAVE = 2, 1
"""Tenths of the consecutive failures that these callers leave to others. So who asked for a
code can log in after strangers are locked out, and known callers after all others are."""

ATTACKED_TENTHS = 3
"""After so many tenths, made by askers, each further asker has one guess at a code. Otherwise
ten messages would disable a number within hours."""


def id_group(code: str) -> str:
    """Return the group of callers that bring the ``request_id`` of a code.

    :param code: the short id of the code.
    """
    return f"id:{code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureBudget:
    """The wrong guesses that a number takes, over any number of codes.

    :param free: consecutive failures of a group before its first wait.
    :param rates: the most failures of a group in a window.
    :param most: consecutive failures of all groups that disable the number.
    """

    free: int
    rates: Sequence[Rate]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Whose guess it is.

    :param group: the group of callers that a wrong guess counts for.
    :param leaves: tenths of the consecutive failures that the caller must leave to others.
    :param shares_with: a group whose guesses at the code use up the same allowance; empty if
        there is none.
    """

    group: str
    leaves: int
    shares_with: str = ""

    def most(self, budget: FailureBudget) -> int:
        """Return how many consecutive failures of all groups lock this caller out."""
        return budget.most - self.leaves * (budget.most // TENTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lockout: no guess is evaluated.

    :param until: its end; ``None`` if waiting does not help.
    """

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong guesses of one group since the last success.

    :param recent: times of the newest ones, oldest first, in seconds since the epoch.
    """

    consecutive: int = 0
    recent: tuple[float, ...] = ()

    def with_one(self, now: datetime, *, in_a_row: bool = True) -> Failures:
        recent = (*self.recent, now.timestamp())[-MOST_KEPT:]
        return Failures(self.consecutive + in_a_row, recent)

    def without(self, failed_at: datetime, *, in_a_row: bool = True) -> Failures:
        """Remove one failure, if it is here."""
        others = tuple(at for at in self.recent if at != failed_at.timestamp())
        if len(others) == len(self.recent):
            return self
        return Failures(max(0, self.consecutive - in_a_row), others)

    def merged_with(self, other: Failures) -> Failures:
        recent = sorted({*self.recent, *other.recent})
        consecutive = max(self.consecutive, other.consecutive)
        return Failures(consecutive, tuple(recent[-MOST_KEPT:]))

    def free_at(self, budget: FailureBudget, now: float) -> float | None:
        """Return the end of the wait before the next guess, or ``None`` if there is no wait."""
        waits = [free_at([(at, 1) for at in self.recent], rate, now) for rate in budget.rates]
        if self.recent and self.consecutive >= budget.free:
            doublings = min(self.consecutive - budget.free, 10)
            wait = min(FIRST_WAIT_SECONDS * 2**doublings, LONGEST_WAIT_SECONDS)
            waits.append(self.recent[-1] + wait)
        return max((wait for wait in waits if wait is not None and wait > now), default=None)


@dataclass(frozen=True, slots=True)
class AtCode:
    """Wrong guesses at one code. No success gives them back while the code lives.

    :param expires_at: the end of the code's life, in seconds since the epoch.
    :param by: the number of guesses of each group.
    """

    expires_at: float
    by: Mapping[str, int]

    def plus(self, group: str, count: int) -> AtCode:
        return replace(self, by={**self.by, group: max(0, self.by.get(group, 0) + count)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """The wrong guesses at the codes of a number.

    :param consecutive: guesses of all groups since the last success.
    :param groups: the same by group. The oldest groups are forgotten, the sum is not.
    :param codes: guesses at the codes that may be live, by the short id of the code.
    """

    consecutive: int = 0
    groups: Mapping[str, Failures] = field(default_factory=dict)
    codes: Mapping[str, AtCode] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Guesses:
        groups, codes = data.get("groups", {}), data.get("codes", {})
        return cls(
            consecutive=data.get("consecutive", 0),
            groups={name: Failures(count, tuple(at)) for name, (count, at) in groups.items()},
            codes={name: AtCode(ends, by) for name, (ends, by) in codes.items()},
        )

    def to_json(self) -> dict[str, Any]:
        data = {
            "consecutive": self.consecutive,
            "groups": {
                n: [each.consecutive, [*each.recent]] for n, each in self.groups.items()
            },
            "codes": {n: [each.expires_at, dict(each.by)] for n, each in self.codes.items()},
        }
        return {name: value for name, value in data.items() if value}

    def as_one_group(self) -> Failures:
        """Return the guesses of all groups as if one had made them."""
        recent = sorted(at for each in self.groups.values() for at in each.recent)
        return Failures(self.consecutive, tuple(recent[-MOST_KEPT:]))

    def of(self, group: str) -> Failures:
        """Return the guesses of a group at any code, since the last success."""
        return self.groups.get(group, Failures())

    def at_code(self, code: str, *groups: str) -> int:
        """Return how many guesses of these groups at this code were wrong."""
        by = self.codes[code].by if code in self.codes else {}
        return sum(by.get(group, 0) for group in groups)

    def allowance(self, claimant: Claimant, budget: FailureBudget, *, at_code: int) -> int:
        """Return how many guesses at one code a caller has.

        :param at_code: the guesses that the caller has at a code while nobody attacks the
            number.
        """
        named = self.of(STRANGERS).consecutive + self.of(KNOWN).consecutive
        most = max(budget.free, budget.most * ATTACKED_TENTHS // TENTH)
        is_attacked = self.consecutive - named >= most
        return 1 if is_attacked and claimant.leaves == ASKERS_LEAVE else at_code

    def has_room_for(self, code: str, group: str, now: datetime) -> bool:
        """Return whether the row can count a guess of this group at this code.

        What is counted for a live code must not be forgotten. So a row that is full takes no
        new groups.
        """
        if code not in self.codes:
            return len(self._live(now)) < MOST_KEPT
        return group in self.codes[code].by or len(self.codes[code].by) < MOST_KEPT

    def with_one(
        self,
        group: str,
        code: str,
        now: datetime,
        expires_at: datetime,
        *,
        in_a_row: bool = True,
    ) -> Guesses:
        """Count a wrong guess.

        :param code: the short id of the code.
        :param expires_at: the end of the code's life.
        :param in_a_row: whether it counts for the lockout. It counts for waits and for the code
            in any case.
        """
        # The group that failed last comes last.
        others = {name: each for name, each in self.groups.items() if name != group}
        groups = [*others.items(), (group, self.of(group).with_one(now, in_a_row=in_a_row))]
        codes = self._live(now)
        counted = codes.get(code, AtCode(expires_at.timestamp(), {})).plus(group, 1)
        return Guesses(
            consecutive=self.consecutive + in_a_row,
            groups=dict(groups[-MOST_KEPT:]),
            codes={**codes, code: counted},
        )

    def without(
        self, failed_at: datetime, group: str, code: str, *, in_a_row: bool = True
    ) -> Guesses:
        """Give back a guess that was counted and not evaluated.

        A success may have cleared the group meanwhile, but not what is counted for the code.

        :param in_a_row: whether it counted for the lockout.
        """
        codes = dict(self.codes)
        if code in codes:
            codes[code] = codes[code].plus(group, -1)
        failures = self.of(group).without(failed_at, in_a_row=in_a_row)
        if failures == self.of(group):
            return replace(self, codes=codes)
        groups = {**self.groups, group: failures}
        if not (failures.consecutive or failures.recent):
            del groups[group]
        consecutive = max(0, self.consecutive - in_a_row)
        return Guesses(consecutive=consecutive, groups=groups, codes=codes)

    def merged_with(self, other: Guesses) -> Guesses:
        """Return the guesses of two numbers that have become one. No wait and no lockout ends
        by that."""
        return Guesses(
            consecutive=max(self.consecutive, other.consecutive),
            groups={
                name: self.of(name).merged_with(other.of(name))
                for name in {**self.groups, **other.groups}
            },
            codes={**self.codes, **other.codes},
        )

    def _live(self, now: datetime) -> dict[str, AtCode]:
        return {n: each for n, each in self.codes.items() if each.expires_at > now.timestamp()}

    def cleared(self) -> Guesses:
        """Forget the guesses of all groups, but none that was made at a live code."""
        return Guesses(codes=self.codes)
