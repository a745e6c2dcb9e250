"""A login, in words that fit every contestant's site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answers", "Post", "Site", "Visitor", "other_than"]

FIRST = 4_152_000_000
"""Such numbers exist, up to eight million from here on."""

Answers = Mapping[str, Any]
"""A JSON object that a site has answered."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a phone number and an address of their own.

    :param number: from 0 on.
    """

    number: int

    @property
    def phone_number(self) -> str:
        return f"+1{FIRST + self.number}"

    @property
    def address(self) -> str:
        """Return an address of the network for benchmarks (RFC 2544), or one beside it."""
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
    """A contestant's site. Nothing measures the time of these methods."""

    def prepare(self, visitors: Iterable[Visitor]) -> None:
        """Make the accounts where a login makes none."""

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
        """Return the code that was sent, without a request to the site."""
        raise NotImplementedError


def other_than(code: str) -> str:
    """Return a code of the same length that is not ``code``."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"
