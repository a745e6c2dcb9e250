"""The keys of limits: what a limit counts against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

__all__ = [
    "CIRCUIT",
    "COUNTRY",
    "FAILURES_IP",
    "IP",
    "LOOKUP",
    "NUMBER",
    "PREFIX",
    "SITE",
    "LimitKey",
]

NUMBER, IP, FAILURES_IP, PREFIX, COUNTRY, SITE, LOOKUP, CIRCUIT = (
    "number",
    "ip",
    "failures_ip",
    "prefix",
    "country",
    "site",
    "lookup",
    "circuit",
)


@dataclass(frozen=True, slots=True, order=True)
class LimitKey:
    """Identifies one row of limits.

    :param kind: ``number``, ``ip``, ``failures_ip``, ``prefix``, ``country``, ``site``,
        ``lookup`` or ``circuit``.
    :param subject: the phone number in E.164, the network, the prefix, the region or the
        backend's alias; empty for the site and its look-ups.
    """

    kind: str
    subject: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key such as ``ip:203.0.113.7``, ``country:JM`` or ``site``."""
        kind, _, subject = text.partition(":")
        return cls(kind, subject)

    def __str__(self) -> str:
        return f"{self.kind}:{self.subject}" if self.subject else self.kind
