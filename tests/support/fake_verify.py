"""Twilio Verify on this machine: one code for a number and service, 5 messages, 5 guesses.

Once it is approved or deleted a verification is not found any more. ``answers`` has it answer
by script, as tests/support/fake_twilio.py does, and without arguments as Verify again.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .fake_twilio import Answer, FakeTwilio, Request, refusal, serving

__all__ = ["ACCOUNT_SID", "SERVICE_SID", "FakeVerify", "Verification", "backend", "fake_verify"]

ACCOUNT_SID = "AC" + "1" * 32
SERVICE_SID = "VA" + "4" * 32
MOST = 5


def backend(base_url: str, /, **options: Any) -> dict[str, Any]:
    """Return an entry of ``SMS_OTP_BACKENDS``."""
    given = {
        "account_sid": ACCOUNT_SID,
        "auth_token": "token-of-the-account-7f3a",
        "service_sid": SERVICE_SID,
        "timeout": 5,
        "base_url": base_url,
        **options,
    }
    return {"BACKEND": "django_sms_otp.backends.twilio_verify.SMSBackend", "OPTIONS": given}


@dataclass(kw_only=True)
class Verification:
    service_sid: str
    to: str
    channel: str
    code: str
    sid: str = field(default_factory=lambda: "VE" + secrets.token_hex(16))
    sends: int = 0
    checks: int = 0
    status: str = "pending"

    def answer(self, status: int) -> Answer:
        shown = {
            "sid": self.sid,
            "service_sid": self.service_sid,
            "account_sid": ACCOUNT_SID,
            "to": self.to,
            "channel": self.channel,
            "status": self.status,
            "valid": self.status == "approved",
            "date_created": "2026-01-15T10:00:00Z",
            "date_updated": "2026-01-15T10:00:00Z",
        }
        return Answer(status=status, body=json.dumps(shown))


@dataclass(kw_only=True)
class FakeVerify(FakeTwilio):
    """
    :param locales: that the template has.
    :param approves_twice: a right guess is right again and again.
    """

    code_length: int = 6
    locales: frozenset[str] = frozenset({"en", "de"})
    approves_twice: bool = False
    verifications: list[Verification] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def code(self, to: str) -> str:
        """Return the code of a number's open verification."""
        return self.open(to).code

    def open(self, to: str) -> Verification:
        """Return a number's open verification."""
        return next(each for each in self._pending() if each.to == to)

    def begin(self, to: str, code: str) -> None:
        """Have a verification that was not asked for by a request of ours."""
        self.verifications.append(
            Verification(service_sid=SERVICE_SID, to=to, channel="sms", code=code, sends=1)
        )

    def expire(self, to: str) -> None:
        self.open(to).status = "expired"

    def requests_for(self, resource: str) -> list[Request]:
        """Return the requests for ``Verifications``, or for ``VerificationCheck``."""
        return [each for each in self.requests if each.path.endswith(f"/{resource}")]

    def answer_to(self, request: Request) -> Answer:
        if self.script:
            return self.next_answer()
        _, _, _, service_sid, *rest = request.path.split("/")
        handlers: dict[str, Callable[..., Answer]] = {
            "Verifications": self._update if len(rest) > 1 else self._start,
            "VerificationCheck": self._check,
        }
        with self._lock:
            if not rest:
                body = {"sid": service_sid, "code_length": self.code_length}
                return Answer(status=200, body=json.dumps(body))
            return handlers[rest[0]](service_sid, request.form, *rest[1:])

    def _start(self, service_sid: str, form: dict[str, str]) -> Answer:
        if form.get("Locale", "en") not in self.locales:
            return refusal(404, 20404)
        found = self._find(service_sid=service_sid, to=form["To"])
        if found is None:
            code = "".join(secrets.choice("0123456789") for _ in range(self.code_length))
            found = Verification(
                service_sid=service_sid, to=form["To"], channel=form["Channel"], code=code
            )
            self.verifications.append(found)
        if found.checks >= MOST:
            return refusal(429, 60202)
        if found.sends >= MOST:
            return refusal(429, 60203)
        found.sends += 1
        found.code = form.get("CustomCode", found.code)
        return found.answer(201)

    def _check(self, service_sid: str, form: dict[str, str]) -> Answer:
        names = {"sid": form.get("VerificationSid"), "to": form.get("To")}
        given = {name: value for name, value in names.items() if value}
        found = self._find(service_sid=service_sid, **given)
        if found is None:
            return refusal(404, 20404)
        if found.checks >= MOST:
            return refusal(429, 60202)
        found.checks += 1
        answer = found.answer(200)
        if form["Code"] == found.code:
            found.status = "approved"
            answer = found.answer(200)
            found.status = "pending" if self.approves_twice else "approved"
        return answer

    def _update(self, service_sid: str, form: dict[str, str], sid: str) -> Answer:
        found = self._find(service_sid=service_sid, sid=sid)
        if found is None:
            return refusal(404, 20404)
        found.status = form["Status"]
        return found.answer(200)

    def _find(self, **given: str) -> Verification | None:
        return next(
            (
                each
                for each in self._pending()
                if all(getattr(each, name) == value for name, value in given.items())
            ),
            None,
        )

    def _pending(self) -> list[Verification]:
        return [each for each in self.verifications if each.status == "pending"]


@contextmanager
def fake_verify() -> Iterator[FakeVerify]:
    with serving(FakeVerify(base_url="")) as verify:
        yield verify
