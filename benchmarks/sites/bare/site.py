from __future__ import annotations

from ..base import Answers, Post, Site, Visitor, other_than
from .models import Code

__all__ = ["site"]


class BareSite(Site):
    def get_code(self, visitor: Visitor) -> Post:
        return Post(
            path="/get-code/", body={"phone_number": visitor.phone_number}, expected=200
        )

    def auth_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, code, expected=200)

    def wrong_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, other_than(code), expected=400)

    def code(self, visitor: Visitor, asked: Answers) -> str:
        return Code.objects.filter(phone_number=visitor.phone_number).latest("id").code


def _guess(visitor: Visitor, code: str, *, expected: int) -> Post:
    body = {"phone_number": visitor.phone_number, "code": code}
    return Post(path="/auth-code/", body=body, expected=expected)


site = BareSite()
