"""What a state of a page is: who sees it, how they get there, and what time it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import time_machine

from django_sms_otp.testing import override_sms_otp

from .person import Person

__all__ = ["STATES", "Scene", "State", "standing_still", "state"]

NOON = datetime.fromisoformat("2026-05-01T12:00Z")


class Scene:
    """A person, and the two clocks that stand still for them: the server's and the page's."""

    def __init__(self, person: Person, clock: time_machine.Traveller) -> None:
        self.person, self.page, self.clock = person, person.page, clock
        self.now = NOON
        self.wait(seconds=0)

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)
        self.clock.move_to(self.now)
        self.page.clock.set_fixed_time(self.now)


@contextmanager
def standing_still(person: Person) -> Iterator[Scene]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield Scene(person, clock)


Way = Callable[[Scene], None]


@dataclass(frozen=True, kw_only=True)
class State:
    """A page as it is to be looked at.

    :param way: how a person gets there.
    :param locale: their language.
    :param policy: entries of ``SMS_OTP`` of the site.
    """

    name: str
    way: Way
    locale: str = "en-US"
    policy: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def reach(self, person: Person) -> None:
        with self._policy(), standing_still(person) as scene:
            self.way(scene)

    def _policy(self) -> AbstractContextManager[Any, Any]:
        return override_sms_otp(**self.policy) if self.policy else nullcontext()


STATES: list[State] = []


def state(
    *, among: list[State] = STATES, locale: str = "en-US", **policy: Any
) -> Callable[[Way], Way]:
    """Add what the decorated function leads to. Its docstring says what is shown."""

    def add(way: Way) -> Way:
        name = way.__name__.replace("_", "-")
        among.append(State(name=name, way=way, locale=locale, policy=policy))
        return way

    return add
