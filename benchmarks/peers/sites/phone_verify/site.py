from __future__ import annotations

from collections.abc import Sequence

from phone_verify.models import SMSVerification

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

__all__ = ["site"]


class PhoneVerifySite(Site):
    table = "sms_verification"
    is_old = "created_at < now() - interval '30 days'"
    purge_command = "cleanup_phone_verifications"

    def accounts(self, count: int) -> Sequence[str]:
        return [django_users(count)]

    def codes(self, rows: int, numbers: int) -> str:
        # It keeps one code a number: each row is another number's.
        return f"""
            INSERT INTO sms_verification (id, created_at, modified_at, security_code,
                phone_number, session_token, is_verified, failed_attempts)
            SELECT md5(n::text)::uuid, {CREATED.format(rows=rows)},
                {CREATED.format(rows=rows)}, lpad((n % 1000000)::text, 6, '0'),
                {PHONE_NUMBER.format(numbers=rows)},
                md5(n::text) || md5((-n)::text) || md5((n + {rows})::text) || md5('a' || n),
                true, 0
            FROM generate_series(0, {rows - 1}) n
        """

    def get_code(self, visitor: Visitor) -> Post:
        body = {"phone_number": visitor.phone_number}
        return Post(path="/phone/register", body=body, expected=200)

    def auth_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, asked, code, expected=200)

    def wrong_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, asked, other_than(code), expected=400)

    def code(self, visitor: Visitor, asked: Answers) -> str:
        code = SMSVerification.objects.get(phone_number=visitor.phone_number)
        return str(code.security_code)


def _guess(visitor: Visitor, asked: Answers, code: str, *, expected: int) -> Post:
    body = {
        "phone_number": visitor.phone_number,
        "session_token": asked["session_token"],
        "security_code": code,
    }
    return Post(path="/log-in", body=body, expected=expected)


site = PhoneVerifySite()
