from __future__ import annotations

from drfpasswordless.models import CallbackToken

from ..base import Answers, Post, Site, Visitor, other_than

__all__ = ["site"]


class PasswordlessSite(Site):
    def get_code(self, visitor: Visitor) -> Post:
        return Post(path="/auth/mobile/", body={"mobile": visitor.phone_number}, expected=200)

    def auth_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, code, expected=200)

    def wrong_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, other_than(code), expected=400)

    def code(self, visitor: Visitor, asked: Answers) -> str:
        tokens = CallbackToken.objects.filter(user__mobile=visitor.phone_number)
        return str(tokens.get(is_active=True).key)


def _guess(visitor: Visitor, code: str, *, expected: int) -> Post:
    body = {"mobile": visitor.phone_number, "token": code}
    return Post(path="/auth/token/", body=body, expected=expected)


site = PasswordlessSite()
