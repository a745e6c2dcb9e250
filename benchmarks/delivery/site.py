"""A site whose first gateway fails, and the people who ask it for codes."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django_sms_otp.backends.composite.circuit_state import Circuit
from django_sms_otp.backends.composite.circuits import FRESH_FOR, KEY_PREFIX
from django_sms_otp.models import Limit
from django_sms_otp.services import forget_limit
from tests.server import Server

from .figures import Row, Timed
from .gateway import Gateway

__all__ = ["Site", "Size", "rows"]

TIMEOUT = 2.5
"""Seconds that the site waits for a gateway."""

ALL_HAVE_SEEN = FRESH_FOR + 0.2
"""Seconds until each process goes by what another one has written."""

KEY = f"{KEY_PREFIX}first"
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """
    :param workers: processes of the server, of one thread each.
    :param rounds: of working, failing and being mended.
    :param requests: in each part of a round.
    :param clients: that ask at a time.
    """

    workers: int
    rounds: int
    requests: int
    clients: int


@dataclass(kw_only=True)
class Site:
    server: Server
    size: Size
    first: Gateway
    second: Gateway
    phones: Iterator[str] = field(
        default_factory=lambda: (f"+1415{number:07}" for number in itertools.count(5552000))
    )

    @classmethod
    @contextmanager
    def started(cls, size: Size) -> Iterator[Site]:
        first, second = Gateway(), Gateway()
        with TemporaryDirectory(prefix="sms-otp-delivery-") as folder:
            server = Server(
                Path(folder),
                options=["--preload", f"--workers={size.workers}"],
                # All requests come from one address.
                sms_otp={"LIMITS": {"ip": None}},
                variables={
                    "DJANGO_SETTINGS_MODULE": "benchmarks.delivery.site_settings",
                    "BENCHMARK_BACKENDS": json.dumps(_backends(first, second)),
                },
            )
            try:
                yield cls(server=server, size=size, first=first, second=second)
            finally:
                server.stop()
                first.refuse()
                second.refuse()

    def met(self, fault: str, fail: Callable[[], None], expected: set[int]) -> Row:
        """Let the first gateway work and fail by turns, and return what people met."""
        healthy: list[Timed] = []
        before: list[Timed] = []
        after: list[Timed] = []
        self.ask(self.size.workers * 3)  # Each process has made its backends.
        for _ in range(self.size.rounds):
            healthy += self.ask(self.size.requests)
            fail()
            before += self.ask_until_passed_over()
            after += self.ask(self.size.requests)
            self.first.work()
            forget_limit(KEY)
            time.sleep(ALL_HAVE_SEEN)
        messages = self.first.messages + self.second.messages
        return Row(
            fault=fault,
            timeout=TIMEOUT,
            healthy=healthy,
            before=before,
            after=after,
            expected=frozenset(expected),
            most_messages=max(messages.values()),
        )

    def ask(self, times: int) -> list[Timed]:
        """Ask for codes, each for a new number."""
        with ThreadPoolExecutor(self.size.clients) as pool:
            waiting = [pool.submit(self._ask, next(self.phones)) for _ in range(times)]
            return [each.result() for each in waiting]

    def ask_until_passed_over(self) -> list[Timed]:
        """Ask for codes until the circuit is open, and all processes have seen it."""
        answers: list[Timed] = []
        deadline = time.monotonic() + PATIENCE
        while not self._is_passed_over():
            answers += self.ask(self.size.clients)
            if time.monotonic() > deadline:
                raise RuntimeError(f"No circuit has opened:\n{self.server.log()}")
        time.sleep(ALL_HAVE_SEEN)
        return answers

    def _ask(self, phone: str) -> Timed:
        started = time.perf_counter()
        answer = self.server.post("get-code", phone_number=phone)
        return Timed(answer.status, time.perf_counter() - started)

    @staticmethod
    def _is_passed_over() -> bool:
        row = Limit.objects.filter(key=KEY).first()
        return row is not None and not Circuit.from_json(row.state).is_closed


def rows(site: Site) -> Iterator[Row]:
    """Yield what people met with each fault."""
    yield site.met("refuses connections", site.first.refuse, {202})
    # Whoever meets it is told that nobody knows: a second message might be one too many.
    yield site.met("hangs", lambda: site.first.hang(2 * TIMEOUT), {202, 503})


def _backends(first: Gateway, second: Gateway) -> dict[str, Any]:
    failover = "django_sms_otp.backends.failover.SMSBackend"
    return {
        "default": {"BACKEND": failover, "OPTIONS": {"aliases": ["first", "second"]}},
        "first": _twilio(first),
        "second": _twilio(second),
    }


def _twilio(gateway: Gateway) -> dict[str, Any]:
    return {
        "BACKEND": "django_sms_otp.backends.twilio.SMSBackend",
        "OPTIONS": {
            "account_sid": "AC" + "0" * 32,
            "auth_token": "token",
            "from_number": "+15005550006",
            "timeout": TIMEOUT,
            "base_url": f"http://127.0.0.1:{gateway.port}",
        },
    }
