"""Somebody who knows a phone number and nothing else, and looks closely at the answers.

What a stranger does is a story. It is played with numbers of every kind, each on a site without
a past and at the same time of a clock that stands still, and must be answered the same.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.contrib.auth.models import User
from django.test import Client

from django_sms_otp import testing
from django_sms_otp.delivery import code_of
from django_sms_otp.models import HourlyCount, Limit, OTPCode

from ..conftest import PHONE, body_of, wrong
from .number_kinds import Kind, create

__all__ = ["NEIGHBOUR", "OWN_NUMBER", "Answer", "Stage", "Stranger", "is_sent_to", "stage"]

NOW = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
"""With microseconds: a time that is answered to the second would show."""

NEIGHBOUR, OWN_NUMBER = "+14155552672", "+14155552673"
"""Of the same prefix and country, without an account. The stranger holds one of the two."""

ADDRESS = "203.0.113.7"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Answer:
    """All that an HTTP client sees, but for the time it took.

    :param body: byte for byte, with "id 1", "id 2" and so on in place of each request id.
    """

    status: int
    headers: frozenset[tuple[str, str]]
    body: str


class Stranger:
    """Asks for codes and guesses, and keeps the answers."""

    def __init__(self, clock: time_machine.Traveller) -> None:
        self.clock = clock
        self.answers: list[Answer] = []
        self.request_id: str | None = None
        self._ids: dict[str, str] = {}
        self._client = Client(REMOTE_ADDR=ADDRESS)

    def asks(self, expected: str | None = "", *, number: str = PHONE, **body: object) -> None:
        """Ask for a code; ``expected``: the stable word of the refusal; ``None``: any."""
        told = self._post("get-code", expected, phone_number=number, **body)
        self.request_id = told.get("request_id", self.request_id)

    def guesses(self, expected: str = "invalid_code", **body: object) -> None:
        """Try a code on the number; a wrong one, where none is given."""
        body = {"phone_number": PHONE, "code": self.wrong_code(), **body}
        self._post("auth-code", expected, **body)

    def guesses_by_id(self, expected: str = "invalid_code") -> None:
        """Try a wrong code on the newest request, or on one that there never was."""
        request_id = self.request_id or str(uuid.UUID(int=0))
        self._post("auth-code", expected, request_id=request_id, code=self.wrong_code())

    def waits(self, **duration: float) -> None:
        self.clock.shift(timedelta(**duration))

    def right_code(self) -> str:
        """Return what only the number's holder knows; or nobody, where it was withheld."""
        code = code_of(OTPCode.objects.filter(phone_number=PHONE).latest("created_at"))
        assert code
        return code

    def wrong_code(self) -> str:
        was_asked = OTPCode.objects.filter(phone_number=PHONE).exists()
        return wrong(self.right_code()) if was_asked else "123456"

    def _post(self, path: str, expected: str | None, **body: object) -> dict[str, Any]:
        answer = self._client.post(f"/auth/sms/{path}/", body, content_type="application/json")
        told = body_of(answer)
        assert expected in {None, told.get("code", "")}, told
        assert not answer.cookies
        self.answers.append(
            Answer(
                status=answer.status_code,
                headers=frozenset(answer.headers.items()),
                body=UUID.sub(self._name_of, answer.content.decode()),
            )
        )
        return told

    def _name_of(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(found[0], f"id {len(self._ids) + 1}")


Stage = Callable[[Callable[[Stranger], object], Kind], list[Answer]]


@contextmanager
def stage() -> Iterator[Stage]:
    """Give what plays a story with a number of a kind, and returns the answers."""
    with time_machine.travel(NOW, tick=False) as clock:

        def play(story: Callable[[Stranger], object], kind: Kind) -> list[Answer]:
            clock.move_to(NOW)
            for model in (OTPCode, Limit, HourlyCount, User):
                model._default_manager.all().delete()
            testing.outbox.clear()
            create(kind, [PHONE])
            stranger = Stranger(clock)
            story(stranger)
            return stranger.answers

        yield play


def is_sent_to(number: str) -> bool:
    """Tell whether a message went to a number since the story began."""
    return number in [message.to for message in testing.outbox]
