"""A worker of one engine: a process that works off a queue of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.test import override_settings
from django_tasks_db.models import DBTaskResult
from kombu.connection import Connection

from django_sms_otp.testing import override_sms_otp
from tests.support.engines import DATABASE, celery_app
from tests.support.server import environment

from .orders import Orders

__all__ = ["VISIBILITY", "Worker", "wait_until"]

PATIENCE = 30.0
VISIBILITY = 2
"""Seconds after which Redis hands out a job once more whose worker has gone."""


class Worker:
    """
    :param broker: Celery's; ``None``: the engine is Django's Tasks framework.
    """

    def __init__(self, folder: Path, broker: str | None) -> None:
        self.folder, self.orders = folder, Orders(folder)
        self.queue = f"sms-{uuid.uuid4().hex[:8]}"
        self._broker = broker
        self._sms_otp = {
            "DELIVERY": "celery" if broker else "tasks",
            "DELIVERY_QUEUE": self.queue,
        }
        self._config: dict[str, Any] = {"worker_prefetch_multiplier": 1}
        if broker and broker.startswith("redis"):
            self._config["broker_transport_options"] = {"visibility_timeout": VISIBILITY}
        self._log = (folder / "worker.log").open("w+")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def redelivers(self) -> bool:
        """Whether a job goes to another worker whose worker was killed."""
        return self._broker is not None

    @contextmanager
    def site(self, **keys: Any) -> Iterator[None]:
        """Have this process be a site whose messages this worker sends."""
        with ExitStack() as stack:
            stack.enter_context(override_sms_otp(**self._sms_otp, **keys))
            if self._broker is None:
                stack.enter_context(override_settings(TASKS=DATABASE))
            else:
                stack.enter_context(celery_app(self._broker, **self._config))
            yield

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process and self._process.poll() is None:
            return
        variables = {
            "DJANGO_SETTINGS_MODULE": "tests.support.workers.settings",
            "TEST_WORKER_SMS_OTP": json.dumps(self._sms_otp),
            "TEST_BROKER": self._broker or "",
            "TEST_CELERY": json.dumps(self._config),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._command()],
            env=environment(self.folder) | variables,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Kill it with all its children, as a machine does that loses power."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def come_to_rest(self) -> None:
        """Let it write down that its job is done: without the row it would end with an error.

        A job whose worker was killed is never done, so there is no waiting for long.
        """
        if self._broker is None:
            deadline = time.monotonic() + 1
            while DBTaskResult.objects.running().exists() and time.monotonic() < deadline:
                time.sleep(0.02)

    def stop(self) -> None:
        self.kill()
        self._log.close()
        if self._broker:
            with Connection(self._broker) as connection:
                connection.default_channel.queue_delete(self.queue)

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._lines("messages.jsonl")]

    def reports(self) -> list[str]:
        return self._lines("reports")

    def forget(self) -> None:
        self.orders.withdraw()
        for name in ("messages.jsonl", "reports"):
            (self.folder / name).unlink(missing_ok=True)

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text()

    def _lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    def _command(self) -> list[str]:
        if self._broker is None:
            command = ["db_worker", "--queue-name", self.queue, "--interval", "0.1"]
            return ["django", *command, "--no-startup-delay", "--no-reload"]
        command = [
            "celery",
            "-A",
            "tests.support.workers.celery_app",
            "worker",
            "--queues",
            self.queue,
        ]
        quiet = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        return [*command, "--concurrency", "1", "--hostname", f"{self.queue}@%h", *quiet]


def wait_until(is_so: Callable[[], bool], worker: Worker) -> None:
    """Wait for what another process does, and show its log where it does not."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, worker.log()
        time.sleep(0.05)
