"""Targets and origins of the attacks: a server, numbers, addresses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import call_command

from tests.support.clock import Clock
from tests.support.server import Server

from .figures import Row

__all__ = [
    "HOME",
    "START",
    "Attack",
    "Target",
    "empty_the_database",
    "neighbours",
    "networks_of_6to4",
    "networks_of_one_home",
    "same_network",
    "spellings",
    "strangers",
]

START = datetime(2030, 1, 1, tzinfo=UTC)
"""Of simulated time."""

HOME = "203.0.113.7"
"""The address of a number's holder (RFC 5737: for documentation)."""


Attack = Callable[["Target"], Row]


@dataclass(frozen=True, slots=True)
class Target:
    """A server under attack, and its clock."""

    server: Server
    clock: Clock

    @classmethod
    @contextmanager
    def started(cls, *, workers: int, sms_otp: Mapping[str, Any]) -> Iterator[Target]:
        """Start a server with default settings, except for ``sms_otp``."""
        with TemporaryDirectory(prefix="sms-otp-attacks-") as name:
            clock = Clock(Path(name) / "clock")
            # Loaded once, before the processes are forked: that halves the start.
            options = ["--preload", f"--workers={workers}", "--threads=8"]
            gateway = {"TEST_SERVER_BACKEND": "tests.attacks.hooks.Gateway"}
            server = Server(
                Path(name), options=options, sms_otp=sms_otp, clock=clock, variables=gateway
            )
            try:
                yield cls(server, clock)
            finally:
                server.stop()

    def hit_by(self, attacks: Iterable[Attack]) -> Iterator[Row]:
        """Run attacks, each on an empty database, and yield their rows."""
        for attack in attacks:
            empty_the_database()
            self.server.forget_messages()
            self.clock.release()
            yield attack(self)


def empty_the_database() -> None:
    """Delete all rows, those of permissions too, which no attack needs."""
    call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)


def neighbours(count: int) -> list[str]:
    """Return numbers that differ in their last four digits only: one prefix."""
    return [f"+1415555{number:04}" for number in range(2000, 2000 + count)]


def spellings(phone: str) -> Iterator[str]:
    """Yield a North American number in one spelling after the other, for ever."""
    area, exchange, line = phone[2:5], phone[5:8], phone[8:]
    full_width = str.maketrans(
        "+0123456789", "\uff0b" + "".join(map(chr, range(0xFF10, 0xFF1A)))
    )
    spelled = (
        phone,
        f" +1 {area} {exchange} {line} ",
        f"+1 ({area}) {exchange}-{line}",
        f"+1.{area}.{exchange}.{line}",
        phone.translate(full_width),
    )
    return itertools.cycle(spelled)


def strangers() -> Iterator[str]:
    """Yield ever new addresses (RFC 2544: for benchmarks)."""
    first = int(IPv4Address("198.18.0.1"))
    return (str(IPv4Address(first + number)) for number in itertools.count())


def same_network(count: int) -> list[str]:
    """Return addresses of one IPv6 network of /64 (RFC 3849: for documentation)."""
    first = int(IPv6Address("2001:db8:0:1::1"))
    return [str(IPv6Address(first + number * 2**40)) for number in range(count)]


def networks_of_one_home(count: int) -> list[str]:
    """Return addresses in 8 networks of /64 of one IPv6 /48, each in a /56 of its own."""
    first = int(IPv6Address("2001:db8:1::1"))
    return [str(IPv6Address(first + (number % 8) * 2**72)) for number in range(count)]


def networks_of_6to4(count: int) -> list[str]:
    """Return addresses in as many networks of one IPv4 address, by 6to4 (RFC 3056)."""
    first = int(IPv6Address("2002:cb00:7109::1"))
    return [str(IPv6Address(first + number * 2**64)) for number in range(count)]
