"""A contestant at work: a process in an environment of its own, on a database of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .contestants import ROOT
from .databases import Config, own_database

__all__ = ["WORKERS", "Contestant", "environment", "started"]

PATIENCE = 120.0
"""Seconds: a table of millions that is read from end to end takes some."""

WORKERS = 2


class Contestant:
    """
    :param name: the folder of its site in :mod:`benchmarks.peers.sites`.
    :param python: of its environment.
    """

    def __init__(self, name: str, python: str, database: Config) -> None:
        self.name, self.python, self.database = name, python, database
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.peers.inside"],
            env=environment(name, database),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, command: str, *arguments: object) -> Any:
        """Have a command carried out, and return its answer.

        :raises RuntimeError: it failed; why is on standard error.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps([command, *arguments])}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} failed to tell its {command}.")
        return json.loads(answer)

    @contextmanager
    def served(self) -> Iterator[int]:
        """Start gunicorn with this site, and yield its port on the loopback address."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        gunicorn = [
            "gunicorn",
            f"--workers={WORKERS}",
            f"--bind=127.0.0.1:{port}",
            f"--timeout={PATIENCE:.0f}",
        ]
        process = subprocess.Popen(
            [self.python, "-m", *gunicorn, "--log-level=error", "benchmarks.peers.sites.wsgi"],
            env=environment(self.name, self.database),
            cwd=ROOT,
        )
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def stop(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.wait(PATIENCE)


def environment(name: str, database: Config) -> dict[str, str]:
    """Return the variables of a process that runs a contestant's site."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": f"benchmarks.peers.sites.{name}.settings",
        "BENCHMARK_DATABASE": json.dumps(dict(database)),
        # The same order of every set, and so the same calls, in each run.
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),
    }


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("gunicorn did not start.")


@contextmanager
def started(
    name: str, server: Config, *, python: str = sys.executable, label: str = ""
) -> Iterator[Contestant]:
    """Start a contestant on an empty database.

    :param label: tells databases of one contestant apart.
    """
    with own_database(server, f"benchmark_{name}{label}") as database:
        contestant = Contestant(name, python, database)
        try:
            yield contestant
        finally:
            contestant.stop()
