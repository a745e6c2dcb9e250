"""A server that meets faults on demand, and whose clock a test can set."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ..server import Answer, Server
from .clock import Clock
from .plan import Plan

COOLDOWN = timedelta(seconds=31)
"""Longer than the first wait of the schedule."""

LONG_ENOUGH = timedelta(minutes=16)
"""Longer than every wait of the schedule, and than a code of the tests lives."""


class FaultyServer(Server):
    def __init__(self, folder: Path, *, workers: int, threads: int, **environment: str) -> None:
        self.plan = Plan(folder)
        self.clock = Clock(folder)
        options = [f"--workers={workers}", f"--threads={threads}", "--preload"]
        super().__init__(
            folder,
            application="tests.support.faults.wsgi",
            options=options,
            variables={"DJANGO_SETTINGS_MODULE": "tests.support.fault_settings", **environment},
        )

    def reset(self) -> None:
        self.plan.disarm()
        self.clock.reset()
        # A connection that an earlier test has closed costs one request.
        self.auth_code("+14155551999", "000000")

    def killed(self, point: str, path: str, **body: Any) -> None:
        """Post, and have the process killed at a point, so that no answer comes."""
        self.plan.arm("kill", point)
        with pytest.raises(ConnectionError):
            self.post(path, **body)

    def post_if_alive(self, path: str, **body: Any) -> Answer | None:
        """Post, and return ``None`` where the process was killed over it."""
        try:
            return self.post(path, **body)
        except ConnectionError:
            return None

    def get_code(self, phone_number: str) -> Answer:
        return self.post("get-code", phone_number=phone_number)

    def auth_code(self, phone_number: str, code: str) -> Answer:
        return self.post("auth-code", phone_number=phone_number, code=code)

    def newest_code(self, phone_number: str) -> str:
        return str(self.messages(phone_number)[-1]["body"]).rsplit(" ", 1)[-1]
