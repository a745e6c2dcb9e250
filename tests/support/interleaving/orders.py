"""Every order of the steps of several calls: stateless model checking.

A depth-first walk over the choices. An order is run from its beginning to its end; then the
last choice that has an alternative is changed, and all before it are made again.

Most orders differ in nothing but steps that commute. *Sleep sets* leave those out (Godefroid,
"Partial-Order Methods for the Verification of Concurrent Systems", 1996, chapter 5): where all
orders that begin with step ``a`` have been walked through, and ``b`` is tried in its place,
``a`` sleeps until a step is made with which it does not commute. An order that makes ``a``
before that is one of those already known, with commuting steps swapped. Of all orders that are
the same but for such swaps one is run to its end, so that every outcome of the calls and every
final state of the database is still met. An order in which all that could go on sleep is known,
and cut.

*Twins* are calls that are one and the same object. An order and its mirror image, in which the
twins are swapped, come to the same; the one in which the earlier twin is the first of them to
write stands for both.

A bound on *preemptions* leaves out more: orders in which more than so many calls are stopped
although they could go on. Most errors need one or two of them (Musuvathi and Qadeer, "Iterative
Context Bounding", 2007). What the bound and sleep sets leave out together is more than each of
them alone would: the order that stands for one within the bound may lie beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .caller import Call, Step
from .footprints import Footprint
from .scheduler import Queued, Scheduler


class Violation(AssertionError):
    """In some order something does not hold."""


class Diverged(Exception):
    """The same choices led elsewhere than before: a call depends on more than the order."""


class Known(Exception):
    """Whatever goes on here, it will be an order that is known."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was run to its end.

    :param outcomes: what each call returned or raised.
    :param steps: the number of the call that went on, and what it did.
    """

    outcomes: Sequence[object]
    steps: Sequence[tuple[int, str]]

    def steps_of(self, number: int) -> tuple[str, ...]:
        return tuple(text for caller, text in self.steps if caller == number)

    def __str__(self) -> str:
        return "\n".join(f"  call {number}: {text}" for number, text in self.steps)


@dataclass(slots=True)
class Count:
    """What became of the orders that were begun."""

    orders: int = 0
    known: int = 0
    queued: int = 0


@dataclass(slots=True)
class _Choice:
    """A point of an order at which somebody goes on.

    :ivar asleep: who sleeps, and what their steps touch.
    :ivar made: what the step that was taken touches.
    """

    steps: Mapping[int, Step]
    asleep: dict[int, Footprint]
    barred: set[int]
    taken: int = -1
    made: Footprint = field(default_factory=Footprint)

    def take_next(self) -> bool:
        """Take the first alternative, or the next; tell whether there was one."""
        if self.taken in self.steps and self.taken not in self.barred:
            self.asleep[self.taken] = self.made
        left = self.steps.keys() - self.asleep.keys() - self.barred
        self.taken = min(left, default=-1)
        return bool(left)

    def preempts(self, number: int) -> bool:
        return self.taken != number and number in self.steps.keys() - self.barred

    def still_asleep(self) -> dict[int, Footprint]:
        return {
            number: footprint
            for number, footprint in self.asleep.items()
            if footprint.commutes_with(self.made)
        }


class _Walk:
    def __init__(
        self, calls: Sequence[Call], *, reduced: bool = True, preemptions: int | None = None
    ) -> None:
        self._calls = calls
        self._reduced = reduced
        self._preemptions = preemptions
        self._choices: list[_Choice] = []
        self._depth = 0

    def choose(self, steps: Mapping[int, Step]) -> int:
        if self._depth == len(self._choices):
            barred = self._later_twins(steps)
            barred |= self._beyond(steps.keys() - barred)
            choice = _Choice(steps, self._asleep(), barred)
            if not choice.take_next():
                raise Known
            self._choices.append(choice)
        choice = self._choices[self._depth]
        if choice.steps != steps:
            raise Diverged(f"{choice.steps} became {steps} after\n{self.order([])}")
        self._depth += 1
        return choice.taken

    def note(self, made: Footprint) -> None:
        """The step that was chosen last has been made, and touched this."""
        self._choices[self._depth - 1].made = made

    def bar(self) -> None:
        """The last choice is none."""
        self._choices[-1].barred.add(self._choices[-1].taken)

    def go_back(self) -> bool:
        """Change the last choice that has an alternative; tell whether there was one."""
        self._depth = 0
        while self._choices:
            if self._choices[-1].take_next():
                return True
            self._choices.pop()
        return False

    def order(self, outcomes: Sequence[object]) -> Order:
        made = self._choices[: self._depth]
        taken = [(choice.taken, choice.steps[choice.taken].text) for choice in made]
        return Order(outcomes, taken)

    def _asleep(self) -> dict[int, Footprint]:
        return self._choices[-1].still_asleep() if self._reduced and self._choices else {}

    def _later_twins(self, steps: Mapping[int, Step]) -> set[int]:
        if not self._reduced:
            return set()
        made = [(choice.taken, choice.steps[choice.taken]) for choice in self._choices]
        wrote = {number for number, step in made if step.footprint.writes}
        about_to_write = [
            number
            for number, step in steps.items()
            if number not in wrote and step.footprint.writes
        ]
        return {
            number
            for number in about_to_write
            for earlier in steps.keys() - wrote
            if earlier < number and self._calls[earlier] is self._calls[number]
        }

    def _beyond(self, able: set[int]) -> set[int]:
        """Return which of those that can go on may not, because of the bound."""
        if self._preemptions is None or not self._choices:
            return set()
        last = self._choices[-1].taken
        made = sum(later.preempts(earlier.taken) for earlier, later in pairwise(self._choices))
        return able - {last} if made >= self._preemptions and last in able else set()


def explore(
    scheduler: Scheduler,
    calls: Sequence[Call],
    *,
    restore: Callable[[], None],
    check: Callable[[Order], None],
    reduced: bool = True,
    preemptions: int | None = None,
) -> Count:
    """Run ``calls`` in every order, and count the orders.

    :param restore: called before each order; puts the database back.
    :param check: called after each order; asserts what must hold.
    :param reduced: leave out what differs in nothing but steps that commute, and twins.
    :param preemptions: leave out orders with more of them.
    :raises Violation: from the first order in which ``check`` fails; tells that order.
    """
    walk = _Walk(calls, reduced=reduced, preemptions=preemptions)
    count = Count()
    while True:
        restore()
        try:
            outcomes = scheduler.run(calls, walk.choose, walk.note)
        except Known:
            count.known += 1
        except Queued:
            walk.bar()
            count.queued += 1
        else:
            count.orders += 1
            _check(check, walk.order(outcomes))
        if not walk.go_back():
            return count


def _check(check: Callable[[Order], None], order: Order) -> None:
    try:
        check(order)
    except AssertionError as error:
        raise Violation(f"{error}\nin this order:\n{order}") from error
