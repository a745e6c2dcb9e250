"""Sites of some processes, and people who log in to them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.server import Answer, Server, digits

from .database import database_seconds
from .processes import idle_seconds, processor_seconds

__all__ = ["CLIENTS", "Site", "Turn", "address", "phone"]

CLIENTS = 8
FIRST_ADDRESS = int(IPv4Address("198.18.0.1"))
"""RFC 2544: for benchmarks."""


def phone(number: int) -> str:
    """Return the number of a person."""
    area, line = divmod(number, 8_000_000)
    return f"+1{(415, 212, 312)[area]}{2_000_000 + line}"


def address(number: int) -> str:
    """Return where a person comes from: each has an address of their own."""
    return str(IPv4Address(FIRST_ADDRESS + number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """
    :param rate: things done in a second.
    :param site: seconds of the processors that the site's processes had, for each.
    :param database: the same, of PostgreSQL's.
    :param busy: share of the machine's processors that was in use, by anybody.
    """

    rate: float
    site: float
    database: float
    busy: float


class Site:
    """Logs people in over HTTP. A message is a line of a file."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._read_to = 0
        self._codes: dict[str, str] = {}
        self._reading = threading.Lock()

    @classmethod
    @contextmanager
    def started(
        cls,
        *,
        workers: int,
        threads: int = 1,
        limits: Mapping[str, str | None] | None = None,
        connections_stay: bool = True,
        valkey: str = "",
    ) -> Iterator[Site]:
        """
        :param limits: merged over the app's.
        :param valkey: where limits are kept; empty: in the database.
        """
        sms_otp: dict[str, Any] = {"TRUSTED_PROXY_COUNT": 1, "LIMITS": dict(limits or {})}
        variables = {"DJANGO_SETTINGS_MODULE": "benchmarks.sizing.site_settings"}
        if valkey:
            sms_otp["LIMITS_CACHE"] = "limits"
            variables["SIZING_VALKEY"] = valkey
        with TemporaryDirectory(prefix="sms-otp-sizing-") as folder:
            server = Server(
                Path(folder),
                options=[
                    f"--workers={workers}",
                    f"--threads={threads}",
                    "--worker-class=gthread",
                ],
                database={"CONN_MAX_AGE": None if connections_stay else 0},
                sms_otp=sms_otp,
                variables=variables,
            )
            with server:
                yield cls(server)

    @property
    def processor_seconds(self) -> float:
        return processor_seconds(self.server.pid)

    def log_in(self, people: Iterable[int], *, clients: int = CLIENTS) -> None:
        """
        :raises RuntimeError: somebody could not.
        """
        with ThreadPoolExecutor(clients) as pool:
            for _ in pool.map(self.log_one_in, people):
                pass

    def log_one_in(self, person: int) -> None:
        answer = self.ask(person)
        code = self._code(answer.body["request_id"])
        answer = self.server.post(
            "auth-code",
            forwarded_for=address(person),
            phone_number=phone(person),
            code=code,
        )
        if answer.status != 200:
            raise RuntimeError(f"{answer}\n{self.server.log()}")

    def ask(self, person: int) -> Answer:
        """Ask for a code.

        :raises RuntimeError: none was sent.
        """
        answer = self.server.post(
            "get-code", forwarded_for=address(person), phone_number=phone(person)
        )
        if answer.status != 202:
            raise RuntimeError(f"{answer}\n{self.server.log()}")
        return answer

    def turn(
        self,
        do: Callable[[int], object],
        people: Iterator[int],
        *,
        clients: int,
        seconds: float,
    ) -> Turn:
        """Let so many clients at a time do something for as long."""
        taking = threading.Lock()

        def work(end: float) -> int:
            count = 0
            while time.perf_counter() < end:
                with taking:
                    person = next(people)
                do(person)
                count += 1
            return count

        before = self.processor_seconds, database_seconds(), idle_seconds(), time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            count = sum(pool.map(work, [before[-1] + seconds] * clients))
        after = self.processor_seconds, database_seconds(), idle_seconds(), time.perf_counter()
        site, database, idle, taken = (x - y for x, y in zip(after, before, strict=True))
        return Turn(
            rate=count / taken,
            site=site / count,
            database=database / count,
            busy=1 - idle / taken / (os.cpu_count() or 1),
        )

    def _code(self, request_id: str) -> str:
        with self._reading:
            with self.server.messages_file.open("rb") as file:
                file.seek(self._read_to)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read_to += len(whole)
            for message in map(json.loads, whole.splitlines()):
                self._codes[message["request_id"]] = digits(message)
            return self._codes.pop(request_id)
