"""Starts a site and has Locust load it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.server import Server

__all__ = ["LOCUSTFILE", "Load", "Result", "run"]

LOCUSTFILE = Path(__file__).with_name("locustfile.py")

ROW = re.compile(r"^(?:POST|SMS) +(\S.*?) +(\d+) +(\d+)\(", re.MULTILINE)
"""Of the first table: the name, how many requests, how many failures."""

STOP_TIMEOUT = 40
"""Seconds for those who are logging in when the time is up: longer than the cooldown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """
    :param users: people at a time.
    :param pause: seconds that each takes to read and type, about.
    :param cooldown: seconds before somebody may ask again.
    """

    users: int
    seconds: int
    pause: float
    cooldown: float
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Result:
    """
    :param requests: how many, by endpoint and what they were for.
    :param failures: how many of them had an unexpected answer.
    :param printed: Locust's own tables.
    :param log: the site's.
    """

    requests: Mapping[str, int]
    failures: Mapping[str, int]
    exit_code: int
    printed: str
    log: str

    @property
    def is_right(self) -> bool:
        """Whether somebody logged in, and nobody got an answer that they should not."""
        logged_in = self.requests.get("auth-code", 0) > 0
        return self.exit_code == 0 and logged_in and "Traceback" not in self.log


def run(load: Load, folder: Path) -> Result:
    """Load a site on the database of the tests.

    :param folder: an empty one, for the site's messages.
    """
    server = Server(
        folder,
        options=["--preload", f"--workers={load.workers}", "--threads=8"],
        variables={
            "DJANGO_SETTINGS_MODULE": "benchmarks.load.site_settings",
            "LOAD_COOLDOWN": str(load.cooldown),
        },
    )
    with server:
        done = subprocess.run(
            _command(load, server),
            env=os.environ
            | {"SMS_OTP_MESSAGES": str(server.messages_file), "SMS_OTP_PAUSE": str(load.pause)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )
        log = server.log()
    rows = _figures(done.stdout)
    return Result(
        requests={name: requests for name, requests, _ in rows},
        failures={name: failures for name, _, failures in rows},
        exit_code=done.returncode,
        printed=done.stdout,
        log=log,
    )


def _command(load: Load, server: Server) -> list[str]:
    return [
        *(sys.executable, "-m", "locust", f"--locustfile={LOCUSTFILE}", f"--host={server.url}"),
        *("--headless", "--only-summary"),
        *(f"--users={load.users}", f"--spawn-rate={load.users}"),
        *(f"--run-time={load.seconds}s", f"--stop-timeout={STOP_TIMEOUT}s"),
    ]


def _figures(printed: str) -> list[tuple[str, int, int]]:
    """Read what Locust has printed: its files lack the last second."""
    found = ROW.findall(printed)
    return [(name, int(requests), int(failures)) for name, requests, failures in found]
