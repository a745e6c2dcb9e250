from __future__ import annotations

import os
from pathlib import Path

from benchmarks.notes import Notes

from ..base import Answers, Post, Site, Visitor, other_than

__all__ = ["site"]


class OwnSite(Site):
    def __init__(self) -> None:
        self._notes = Notes(Path(os.environ["BENCHMARK_NOTES"]))

    def get_code(self, visitor: Visitor) -> Post:
        body = {"phone_number": visitor.phone_number}
        return Post(path="/auth/sms/get-code/", body=body, expected=202)

    def auth_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, code, expected=200)

    def wrong_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, other_than(code), expected=401)

    def code(self, visitor: Visitor, asked: Answers) -> str:
        return self._notes.code(visitor.phone_number)


def _guess(visitor: Visitor, code: str, *, expected: int) -> Post:
    body = {"phone_number": visitor.phone_number, "code": code}
    return Post(path="/auth/sms/auth-code/", body=body, expected=expected)


site = OwnSite()
