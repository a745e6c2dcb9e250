"""Count the statements of each kind of request, in this process; print them as JSON.

Started by :mod:`tests.attacks.statements`, which sets the variables.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
from django.test import Client

from tests.support.clock import Clock
from tests.support.counting import statements_made
from tests.support.server import digits

PHONE, SECOND_PHONE = "+14155552671", "+14155552672"


class Counter:
    def __init__(self) -> None:
        self._client = Client(SERVER_NAME="localhost")
        self._clock = Clock(Path(os.environ["TEST_SERVER_CLOCK"]))
        self._clock.move_to(self._clock.now())
        self._messages = Path(os.environ["TEST_SERVER_MESSAGES"]) / "messages.jsonl"
        self.counts: dict[str, int] = {}

    def later(self, **duration: float) -> None:
        self._clock.advance(timedelta(**duration))

    def get_code(self, name: str, status: int, phone: str = PHONE) -> None:
        self._count(name, status, "get-code", phone_number=phone)

    def auth_code(self, name: str, status: int, *, off_by: int = 0) -> None:
        code = (int(self._last_code()) + off_by) % 10**6
        self._count(name, status, "auth-code", phone_number=PHONE, code=f"{code:06}")

    def _count(self, name: str, status: int, path: str, **body: str) -> None:
        with statements_made() as made:
            answer: Any = self._client.post(
                f"/auth/sms/{path}/", body, content_type="application/json"
            )
        if answer.status_code != status:
            raise RuntimeError(f"{name}: answered {answer.status_code} {answer.content!r}")
        self.counts[name] = len(made)

    def _last_code(self) -> str:
        messages = map(json.loads, self._messages.read_text().splitlines())
        return digits([each for each in messages if each["to"] == PHONE][-1])


def count() -> dict[str, int]:
    """Go through the life of a number, and return the statements of each step."""
    counter = Counter()
    counter.get_code("first sight of number and address", 202)
    counter.get_code("first sight of the number", 202, SECOND_PHONE)
    counter.auth_code("registration", 200)
    counter.get_code("known number", 202)
    counter.get_code("refused, first of an hour", 429)
    counter.get_code("refused", 429)
    counter.later(seconds=31)
    counter.get_code("same code again", 202)
    counter.auth_code("wrong code", 401, off_by=1)
    counter.auth_code("known user", 200)
    counter.later(days=1)
    counter.get_code("known number", 202)
    counter.auth_code("known user, a day later", 200)
    counter.later(days=1)
    counter.get_code("known number", 202)
    # Of the default lifetime, an hour, less than a third is left.
    counter.later(minutes=45)
    counter.get_code("new code for a live one", 202)
    for _ in range(5):
        counter.auth_code("wrong code", 401, off_by=1)
    counter.auth_code("too many attempts", 429, off_by=1)
    return counter.counts


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(count()))
