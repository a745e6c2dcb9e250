from __future__ import annotations

from collections.abc import Iterable

from django.contrib.sessions.backends.db import SessionStore

from ..base import Answers, Post, Site, Visitor
from .models import Member

__all__ = ["site"]

API = "/_allauth/app/v1/auth/code"


class AllauthSite(Site):
    def prepare(self, visitors: Iterable[Visitor]) -> None:
        for visitor in visitors:
            Member.objects.get_or_create(mobile=visitor.phone_number)

    def get_code(self, visitor: Visitor) -> Post:
        body = {"phone": visitor.phone_number}
        # Its word for "go on and log in".
        return Post(path=f"{API}/request", body=body, expected=401)

    def auth_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(asked, code, expected=200)

    def wrong_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(asked, _other_than(code), expected=400)

    def code(self, visitor: Visitor, asked: Answers) -> str:
        session = SessionStore(_session_token(asked))
        stages = session["account_login"]["state"]["stages"]
        return str(stages["login_by_code"]["data"]["code"])


def _session_token(asked: Answers) -> str:
    return str(asked["meta"]["session_token"])


def _other_than(code: str) -> str:
    """Return another code, of letters and digits."""
    return f"{code[:-1]}{'B' if code.endswith('C') else 'C'}"


def _guess(asked: Answers, code: str, *, expected: int) -> Post:
    headers = {"X-Session-Token": _session_token(asked)}
    body = {"code": code}
    return Post(path=f"{API}/confirm", body=body, expected=expected, headers=headers)


site = AllauthSite()
