"""A case is a request, and what it has ``openapi.yaml`` keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.factories import UserFactory, VerifiedPhoneFactory
from tests.support.openapi import operations

ROOT = "/auth/sms"
JSON = "application/json"
WAIT = ("field retry_after", "header Retry-After")
OTHER_PHONE = "+14155552672"


@dataclass
class Site:
    """What a case may use. It goes back to what it was after the case."""

    client: Client
    settings: Any
    monkeypatch: pytest.MonkeyPatch

    def call(
        self,
        operation: str,
        body: Any = None,
        content_type: str = JSON,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Any:
        """Send a request. What is left out is that of a good request: see ``GOOD``."""
        called, good = operations()[operation], GOOD[operation]
        body = good.body if body is None else body
        path = good.path(self) if path is None else path
        return self.client.generic(
            called.method,
            ROOT + called.template.format_map(path),
            body if isinstance(body, str) else json.dumps(body),
            content_type,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            query_params=query,
        )

    def log_in(self, *phone_numbers: str) -> User:
        """Log the holder of these numbers in, who has no password."""
        user = UserFactory.create()
        user.set_password(None)
        user.save()
        for phone_number in phone_numbers:
            VerifiedPhoneFactory.create(phone_number=phone_number, user=user)
        self.client.force_login(user)
        return user


@dataclass(frozen=True)
class Good:
    """A request that is accepted.

    :param path: makes what it needs, and returns the parameters of the path.
    """

    body: Any = ""
    path: Callable[[Site], Mapping[str, str]] = lambda site: {}


GOOD: dict[str, Good] = {}
"""By operation."""

GUESSES: dict[str, str] = {}
"""For each operation that sends a code, the one that takes it."""

Request = Callable[[Site], Any]


@dataclass(frozen=True)
class Case:
    operation: str
    status: int
    shows: frozenset[str]
    request: Request

    def __str__(self) -> str:
        return f"{self.operation}-{self.status}-{'-'.join(sorted(self.shows))}"


CASES: list[Case] = []


def case(
    operation: str, status: int, code: str = "", *, shows: tuple[str, ...] = ()
) -> Callable[[Request], Request]:
    """Register a request that is answered this status and code.

    :param shows: what else of the document the answer keeps: see ``promises``.
    """

    def register(request: Request) -> Request:
        codes = (f"code {code}",) if code else ()
        CASES.append(Case(operation, status, frozenset((*codes, *shows)), request))
        return request

    return register


def shown_by(response: Any) -> set[str]:
    """Return what an answer shows, in the words of ``promises``."""
    is_json = response.headers.get("Content-Type") == JSON
    body = response.json() if is_json else {}
    shown = {f"header {name}" for name in response.headers}
    shown |= {"header Set-Cookie"} if response.cookies else set()
    shown |= {f"field {name}" for name in body}
    shown |= {f"code {body['code']}"} if "code" in body else set()
    return shown
