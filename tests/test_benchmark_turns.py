"""How contestants share a round over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from benchmarks.peers.over_http import logins
from benchmarks.peers.plan import QUICK
from benchmarks.peers.process import Contestant

PLAN = replace(QUICK, logins=12, turns=3)


@dataclass
class Site:
    """Counts its visitors, each of whom takes ``pace`` seconds."""

    name: str
    pace: float
    diary: list[str]
    is_served: bool = False
    known: int = 0
    served_beside: set[bool] = field(default_factory=set)
    rival: Site | None = None

    @contextmanager
    def served(self) -> Iterator[int]:
        self.is_served = True
        yield 8000
        self.is_served = False

    def tell(self, command: str, *arguments: Any) -> Any:
        assert self.is_served
        if command == "welcome":
            _port, _clients, self.known, _seconds = arguments
            return None
        (count,) = arguments
        self.diary.append(self.name)
        assert self.rival is not None
        self.served_beside.add(self.rival.is_served)
        coming = min(count, self.known)
        self.known -= coming
        return self.pace * coming, [self.pace] * coming


@pytest.fixture
def sites() -> tuple[Site, Site]:
    diary: list[str] = []
    quick, slow = Site("quick", 0.1, diary), Site("slow", 0.2, diary)
    quick.rival, slow.rival = slow, quick
    return quick, slow


def test_each_has_all_of_its_visitors_in_turns(sites: tuple[Site, Site]) -> None:
    quick, slow = logins([cast("Contestant", each) for each in sites], PLAN)
    assert (quick.rate, slow.rate) == pytest.approx((10, 5))
    assert (len(quick.seconds), len(slow.seconds)) == (12, 12)
    assert [each.known for each in sites] == [0, 0]


def test_turns_lie_side_by_side_and_each_other_is_backwards(sites: tuple[Site, Site]) -> None:
    logins([cast("Contestant", each) for each in sites], PLAN)
    assert sites[0].diary == ["quick", "slow", "slow", "quick", "quick", "slow"]


def test_all_servers_live_through_all_turns(sites: tuple[Site, Site]) -> None:
    logins([cast("Contestant", each) for each in sites], PLAN)
    assert [each.served_beside for each in sites] == [{True}, {True}]
    assert not any(each.is_served for each in sites)
