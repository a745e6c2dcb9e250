"""People who ask for codes and type wrong ones, whatever else the database does meanwhile."""

from __future__ import annotations

import itertools
import math
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.server import Server

from .fill import USERS_AN_ADDRESS, address_of, phone_of

__all__ = ["Phase", "Traffic", "quantile"]

CLIENTS = 4
BREATH = 0.1
"""Seconds between two requests of a client: the server is busy, and not overrun."""

WARM_UP = 100
"""Requests."""

STRANGERS = 6_000_000
"""Numbers from here on belong to nobody."""

KNOWN = 9_000


class Phase(Enum):
    """What goes on while a request begins."""

    WARM_UP = auto()
    PURGE = auto()
    BUSY = auto()
    """A loop keeps one processor busy, and asks no database."""

    ALONE = auto()


@dataclass
class Traffic:
    """Goes on until it is stopped.

    :param people: who ask, each once.
    :param phase: set it to what goes on from now on.
    :param times: seconds of each request, by the phase in which it began.
    """

    server: Server
    people: Iterator[int]
    phase: Phase = Phase.WARM_UP
    times: dict[Phase, list[float]] = field(
        default_factory=lambda: {each: [] for each in Phase}
    )
    _over: threading.Event = field(default_factory=threading.Event)
    _clients: list[Future[None]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def running(cls, database: str, *, users: int) -> Iterator[Traffic]:
        """
        :param users: those of the database: every other request is of one.
        """
        known = random.sample(range(1, users), KNOWN)
        strangers = itertools.count(STRANGERS, USERS_AN_ADDRESS)
        people = itertools.chain.from_iterable(zip(known, strangers, strict=False))
        with (
            TemporaryDirectory(prefix="sms-otp-scale-") as folder,
            Server(
                Path(folder),
                options=["--workers=2", "--threads=2"],
                database={"NAME": database, "CONN_MAX_AGE": 600},
                sms_otp={"TRUSTED_PROXY_COUNT": 1},
            ) as server,
            ThreadPoolExecutor(CLIENTS) as pool,
        ):
            # A list: its iterator may be asked by several threads.
            traffic = cls(server, iter(list(people)))
            traffic._clients += [pool.submit(traffic._go_on) for _ in range(CLIENTS)]
            try:
                yield traffic
            finally:
                traffic._over.set()
                for client in traffic._clients:
                    client.result()

    def warm_up(self) -> None:
        """Wait until each process has loaded what it loads with its first requests."""
        while len(self.times[Phase.WARM_UP]) < WARM_UP:
            time.sleep(BREATH)
            for client in self._clients:
                if client.done():
                    client.result()

    def _go_on(self) -> None:
        for user in self.people:
            if self._over.is_set():
                return
            phone, address = phone_of(user), address_of(user)
            self._ask("get-code", 202, address, phone_number=phone)
            self._ask("auth-code", 401, address, phone_number=phone, code="wrong")
        raise RuntimeError("Everybody has asked.")

    def _ask(self, path: str, status: int, address: str, **body: str) -> None:
        phase, start = self.phase, time.perf_counter()
        answer = self.server.post(path, forwarded_for=address, **body)
        self.times[phase].append(time.perf_counter() - start)
        if answer.status != status:
            raise RuntimeError(f"{path}: {answer}")
        time.sleep(BREATH)


def quantile(times: list[float], share: float) -> float:
    """Return the seconds that such a share of the answers did not exceed."""
    return sorted(times)[math.ceil(len(times) * share) - 1]
