from __future__ import annotations

from collections.abc import Sequence

from drfpasswordless.models import CallbackToken

from ..base import (
    CREATED,
    PHONE_NUMBER,
    Answers,
    Post,
    Site,
    Visitor,
    other_than,
    people,
)

__all__ = ["site"]


class PasswordlessSite(Site):
    table = "drfpasswordless_callbacktoken"
    is_old = "created_at < now() - interval '30 days'"

    def accounts(self, count: int) -> Sequence[str]:
        return [
            people("passwordless_customer", count),
            f"""
            INSERT INTO authtoken_token (key, user_id, created)
            SELECT md5(n::text), n + 1, now() FROM generate_series(0, {count - 1}) n
            """,
        ]

    def codes(self, rows: int, numbers: int) -> str:
        return f"""
            INSERT INTO drfpasswordless_callbacktoken
                (id, created_at, is_active, to_alias, to_alias_type, user_id, key, type)
            SELECT md5(n::text)::uuid, {CREATED.format(rows=rows)}, false,
                {PHONE_NUMBER.format(numbers=numbers)}, 'MOBILE', n % {numbers} + 1,
                lpad((n % 1000000)::text, 6, '0'), 'AUTH'
            FROM generate_series(0, {rows - 1}) n
        """

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
