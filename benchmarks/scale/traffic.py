"""People who ask for codes and type wrong ones, while the purge runs and while it does not."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.server import Server

from .fill import phone_of

__all__ = ["Traffic", "quantile"]

CLIENTS = 4
BREATH = 0.1
"""Seconds between two requests of a client: the server is busy, and not overrun."""

WARM_UP = 100
"""Requests."""

FIRST = 6_000_000


@dataclass
class Traffic:
    """Goes on until it is stopped. ``take`` hands out the times since it was last called."""

    server: Server
    _times: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST))

    @classmethod
    @contextmanager
    def running(cls, database: str) -> Iterator[Traffic]:
        with (
            TemporaryDirectory(prefix="sms-otp-scale-") as folder,
            Server(
                Path(folder),
                options=["--workers=2", "--threads=2"],
                database={"NAME": database, "CONN_MAX_AGE": 600},
                sms_otp={"LIMITS": {"ip": None}},
            ) as server,
            ThreadPoolExecutor(CLIENTS) as pool,
        ):
            traffic = cls(server)
            clients = [pool.submit(traffic._go_on) for _ in range(CLIENTS)]
            try:
                yield traffic
            finally:
                traffic._over.set()
                for client in clients:
                    client.result()

    def warm_up(self) -> None:
        """Wait until each process has loaded what it loads with its first requests."""
        while len(self._times) < WARM_UP:
            time.sleep(BREATH)

    def take(self) -> list[float]:
        taken, self._times = self._times, []
        return taken

    def _go_on(self) -> None:
        while not self._over.is_set():
            phone = phone_of(next(self._numbers))
            self._ask("get-code", 202, phone_number=phone)
            self._ask("auth-code", 401, phone_number=phone, code="wrong")

    def _ask(self, path: str, status: int, **body: str) -> None:
        start = time.perf_counter()
        answer = self.server.post(path, **body)
        self._times.append(time.perf_counter() - start)
        if answer.status != status:
            raise RuntimeError(f"{path}: {answer}")
        time.sleep(BREATH)


def quantile(times: list[float], share: float) -> float:
    """Return the seconds that such a share of the answers did not exceed."""
    return sorted(times)[math.ceil(len(times) * share) - 1]
