"""How the cost of a login, and the database, grow with logins and with rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.durability import with_page_images
from django_sms_otp.models import OTPCode

from . import database
from .costs import Cost
from .lines import Line
from .plan import Plan
from .sites import Site

__all__ = ["Growth", "Point", "measure"]

WARM_UP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """
    :param sizes: bytes by kind of table, with indexes.
    :param first: of a first login; ``None``: nobody has logged in for the first time.
    :param again: of a login of somebody with an account.
    """

    people: int
    codes: int
    sizes: Mapping[str, int]
    first: Cost | None
    again: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """
    :param real: points by logins over HTTP.
    :param filled: points by rows that were copied.
    :param after_checkpoint: of a login while each page goes into the log whole, once.
    """

    real: list[Point]
    filled: list[Point]
    after_checkpoint: Cost

    def line(self, table: str) -> Line:
        """Return how a table grows with people, or that of codes with codes."""
        xs = [each.codes if table == "codes" else each.people for each in self.real]
        return Line.through(xs, [each.sizes[table] for each in self.real])

    @property
    def line_of_copies(self) -> Line:
        """Return how the table of codes grows by rows that nobody has changed."""
        return Line.through(
            [each.codes for each in self.filled], [each.sizes["codes"] for each in self.filled]
        )


def measure(plan: Plan) -> Growth:
    """Measure an empty database at each of the plan's points."""
    with Site.started(workers=2) as site:
        # Each process has made its connection.
        site.log_in(range(WARM_UP))
        measured = _Measured(site, plan)
        real = list(measured.by_logins())
        filled = list(measured.by_copies())
        with with_page_images():
            after = measured.cost_again(plan.people[-1])
    return Growth(real=real, filled=filled, after_checkpoint=after)


class _Measured:
    def __init__(self, site: Site, plan: Plan) -> None:
        self._site, self._plan = site, plan
        # Somebody else each time: a number has a quota.
        self._turn = itertools.count()

    def by_logins(self) -> Iterator[Point]:
        done = WARM_UP
        for people in self._plan.people:
            first = _cost(self._site, range(done, people))
            done = people
            yield self._point(people, first)

    def by_copies(self) -> Iterator[Point]:
        for codes in self._plan.codes:
            database.fill(codes)
            yield self._point(self._plan.people[-1], None)

    def cost_again(self, people: int) -> Cost:
        """Return what a login of somebody with an account takes."""
        turns = itertools.islice(self._turn, self._plan.sample)
        return _cost(self._site, [turn % people for turn in turns])

    def _point(self, people: int, first: Cost | None) -> Point:
        codes = OTPCode.objects.count()
        sizes = {name: database.size(models) for name, models in database.TABLES.items()}
        database.vacuum()
        again = self.cost_again(people)
        return Point(people=people, codes=codes, sizes=sizes, first=first, again=again)


def _cost(site: Site, people: Sequence[int]) -> Cost:
    def told() -> tuple[float, float, int]:
        return site.processor_seconds, database.database_seconds(), database.written()

    before = told()
    site.log_in(people)
    of_site, of_database, written = (
        (after - start) / len(people) for start, after in zip(before, told(), strict=True)
    )
    return Cost(site=of_site, database=of_database, written=written)
