from __future__ import annotations

from collections.abc import Sequence

from ..base import (
    CREATED,
    PHONE_NUMBER,
    Answers,
    Post,
    Site,
    Visitor,
    django_users,
    other_than,
)
from .models import Code

__all__ = ["site"]


class BareSite(Site):
    table = "bare_code"
    is_old = "expires_at < now() - interval '30 days'"

    def accounts(self, count: int) -> Sequence[str]:
        return [django_users(count)]

    def codes(self, rows: int, numbers: int) -> str:
        return f"""
            INSERT INTO bare_code (phone_number, code, expires_at, redeemed_at)
            SELECT {PHONE_NUMBER.format(numbers=numbers)}, lpad((n % 1000000)::text, 6, '0'),
                {CREATED.format(rows=rows)}, {CREATED.format(rows=rows)}
            FROM generate_series(0, {rows - 1}) n
        """

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
