"""What every group of controls is, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import cached_property

from ..auth.users import get_user_resolver
from ..conf import Settings
from ..db.rounds import NumberRow
from ..limits.shared import SharedState
from .breakers import Trip
from .callers import Caller
from .hooks import SendAttempt

__all__ = ["Controls", "Finding", "Subject"]


class Subject:
    """Whose message is judged.

    :param lifetime: of its code.
    """

    def __init__(
        self, *, attempt: SendAttempt, caller: Caller, lifetime: timedelta, settings: Settings
    ) -> None:
        self.attempt = attempt
        self.caller = caller
        self.lifetime = lifetime
        self.settings = settings

    @cached_property
    def verified(self) -> bool:
        """Whether the number opens an account, and so is exempt from fraud controls; asked
        only where one of them is on, and the number's own limits let the message pass. Who is
        refused may ask without end, and measure what was looked up."""
        if not (self.settings.rates("prefix") or self.settings.budget or self.settings.breaker):
            return False
        return self.opens_account

    @cached_property
    def opens_account(self) -> bool:
        """The same, whatever is on: looked up for who is blocked."""
        return get_user_resolver().is_verified(self.attempt.phone_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A control that would not let the message go.

    :param reason: the stable word that the API answers with.
    :param free_at: when it would; ``None``: nobody knows.
    :param is_soft: answered as if the message had been sent.
    """

    control: str
    reason: str
    free_at: datetime | None = None
    is_soft: bool = False


class Controls:
    """A group of controls over one message. What it asks elsewhere is asked once, however many
    rounds there are."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.settings = subject.settings
        self.number = subject.attempt.phone_number

    @classmethod
    def are_on(cls, settings: Settings) -> bool:
        """Tell whether the site has any of them on."""
        return True

    def row_keys(self) -> Iterable[str]:
        """Name the shared rows to read and replace. The same for every number, verified or not:
        otherwise the time that they take would tell."""
        return ()

    def watched_keys(self) -> Iterable[str]:
        """Name the shared rows to read only, which costs nothing."""
        return ()

    def findings(self, row: NumberRow) -> Iterator[Finding]:
        """Yield what speaks against the message, by what a round has read."""
        raise NotImplementedError

    def trips(self, row: NumberRow) -> Iterable[Trip]:
        """Return the breakers to trip, by what a round has read."""
        return ()

    def count(self, row: NumberRow, states: dict[str, SharedState], *, withheld: bool) -> None:
        """Count the message in the shared rows' new states."""

    def release(self) -> None:
        """Give back what was counted elsewhere: the message does not go out after all."""
