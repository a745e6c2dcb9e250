"""How one logs in at a site, in words that are the same for every contestant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

__all__ = [
    "CREATED",
    "PHONE_NUMBER",
    "Answers",
    "Post",
    "Site",
    "Visitor",
    "django_users",
    "other_than",
    "people",
]

FIRST = 4_152_000_000

PHONE_NUMBER = f"'+1' || ({FIRST} + n % {{numbers}})"
"""SQL for the number of visitor ``n``, where there are so many."""

CREATED = "now() - interval '40 days' - ({rows} - n) * interval '1 second'"
"""SQL for the time of code ``n`` of so many: longer ago than a month."""

Answers = Mapping[str, Any]
"""A JSON object that a site has answered."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a phone and an address of their own.

    :param number: from 0 on.
    """

    number: int

    @property
    def phone_number(self) -> str:
        return f"+1{FIRST + self.number}"

    @property
    def address(self) -> str:
        """Of the network for benchmarks (RFC 2544), and those beside it."""
        return f"198.{18 + self.number // 65536}.{self.number // 256 % 256}.{self.number % 256}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A request to a site.

    :param expected: the status that it must answer with.
    """

    path: str
    body: Mapping[str, str]
    expected: int
    headers: Mapping[str, str] = field(default_factory=dict)


class Site:
    """One contestant's. Its methods measure nothing, and nothing of them is measured.

    :cvar table: where the codes are.
    :cvar is_old: SQL that tells which of them a purge deletes.
    :cvar purge_command: of the contestant's own; ``None``: it has none.
    """

    table: ClassVar[str]
    is_old: ClassVar[str]
    purge_command: ClassVar[str | None] = None

    def prepare(self, visitors: Iterable[Visitor]) -> None:
        """Make the accounts, where a login does not."""

    def accounts(self, count: int) -> Sequence[str]:
        """Return SQL that makes the accounts of the first visitors in an empty database."""
        raise NotImplementedError

    def codes(self, rows: int, numbers: int) -> str:
        """Return SQL that adds expired codes, evenly to the first ``numbers`` visitors."""
        raise NotImplementedError

    def get_code(self, visitor: Visitor) -> Post:
        """Ask for a code."""
        raise NotImplementedError

    def auth_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        """Redeem a code.

        :param asked: what :meth:`get_code` was answered.
        """
        raise NotImplementedError

    def wrong_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        """Send another code than the right one."""
        raise NotImplementedError

    def code(self, visitor: Visitor, asked: Answers) -> str:
        """Find out, past the site, which code was sent."""
        raise NotImplementedError


def django_users(count: int) -> str:
    """Return SQL that makes users of Django's own model, named by their numbers."""
    return f"""
        INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,
            is_staff, is_active, date_joined)
        SELECT '!', false, {PHONE_NUMBER.format(numbers=count)}, '', '', '', false, true, now()
        FROM generate_series(0, {count - 1}) n
    """


def people(table: str, count: int) -> str:
    """Return SQL that makes users of :mod:`benchmarks.peers.sites.people`."""
    return f"""
        INSERT INTO {table} (password, mobile, is_active)
        SELECT '!', {PHONE_NUMBER.format(numbers=count)}, true
        FROM generate_series(0, {count - 1}) n
    """


def other_than(code: str) -> str:
    """Return a code of the same length that is not ``code``."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"
