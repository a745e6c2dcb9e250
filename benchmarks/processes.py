"""The processes of one site: a worker that takes commands, and gunicorn."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .postgresql import Config, own_database

__all__ = ["ROOT", "Place", "Server", "Worker", "placed", "served", "working"]

ROOT = Path(__file__).resolve().parents[1]
"""This checkout."""

PATIENCE = 120.0
"""Seconds. Other packages read a whole table for one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a site runs.

    :param site: a folder in :mod:`benchmarks.sites`.
    :param folder: holds links to the packages to import, and the file of noted codes.
    :param variables: added to the environment.
    """

    site: str
    python: str
    folder: Path
    database: Config
    variables: Mapping[str, str]

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": f"benchmarks.sites.{self.site}.settings",
            "BENCHMARK_DATABASE": json.dumps(dict(self.database)),
            "BENCHMARK_NOTES": str(self.notes),
            "PYTHONHASHSEED": "0",  # The same order of every set, and so the same calls.
            "PYTHONPATH": str(self.folder),
            **self.variables,
        }


@contextmanager
def placed(
    site: str,
    server: Config,
    *,
    label: str = "",
    app: Path = ROOT,
    python: str = sys.executable,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Place]:
    """Prepare a site on an empty database, with all its tables.

    :param label: tells databases of one site apart.
    :param app: the checkout whose ``django_sms_otp`` the site imports.
    """
    if not (app / "django_sms_otp").is_dir():
        sys.exit(f"{app} holds no folder django_sms_otp.")
    with (
        tempfile.TemporaryDirectory(prefix="sms-otp-benchmark-") as name,
        own_database(server, f"benchmark_{site}{label}") as database,
    ):
        folder = Path(name)
        # Whatever is installed: the app of that checkout, and these benchmarks.
        (folder / "django_sms_otp").symlink_to(app.resolve() / "django_sms_otp")
        (folder / "benchmarks").symlink_to(ROOT / "benchmarks")
        place = Place(
            site=site,
            python=python,
            folder=folder,
            database=database,
            variables=variables or {},
        )
        options = ["--run-syncdb", "--skip-checks", "--verbosity=0", "--no-input"]
        migrate = [python, "-m", "django", "migrate", *options]
        subprocess.run(migrate, env=place.environment, cwd=folder, check=True)
        yield place


class Worker:
    """A process that answers each line of JSON by another one."""

    def __init__(self, place: Place, module: str) -> None:
        self._name = f"{module} of {place.site}"
        self._process = subprocess.Popen(
            [place.python, "-m", module],
            env=place.environment,
            cwd=place.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, command: str, *arguments: object) -> Any:
        """Return the answer to a command.

        :raises RuntimeError: it failed; standard error says why.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps([command, *arguments])}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._name} failed: {command}.")
        return json.loads(answer)

    def stop(self) -> None:
        # It ends with its input.
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.wait(PATIENCE)


@contextmanager
def working(place: Place, module: str) -> Iterator[Worker]:
    worker = Worker(place, module)
    try:
        yield worker
    finally:
        worker.stop()


@dataclass(frozen=True, slots=True)
class Server:
    """A gunicorn on the loopback address.

    :param pid: of its first process, the parent of all others.
    """

    port: int
    pid: int


@contextmanager
def served(place: Place, *, workers: int = 2, threads: int = 1) -> Iterator[Server]:
    """Run gunicorn with a site."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = [
        f"--workers={workers}",
        f"--threads={threads}",
        f"--bind=127.0.0.1:{port}",
        f"--timeout={PATIENCE:.0f}",
        "--backlog=512",
        "--log-level=error",
    ]
    process = subprocess.Popen(
        [place.python, "-m", "gunicorn", *options, "benchmarks.sites.wsgi"],
        env=place.environment,
        cwd=place.folder,
    )
    try:
        _wait_for(port, process)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("gunicorn did not start.")
