from __future__ import annotations

import uuid
from collections.abc import Sequence

from django_sms_otp.delivery.composing import code_of
from django_sms_otp.models import OTPCode

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


class OwnSite(Site):
    table = "django_sms_otp_otpcode"
    is_old = "created_at < now() - interval '30 days' AND expires_at < now()"
    purge_command = "purge_otp_codes"

    def accounts(self, count: int) -> Sequence[str]:
        number = PHONE_NUMBER.format(numbers=count)
        return [
            django_users(count),
            f"""
            INSERT INTO django_sms_otp_verifiedphone
                (user_id, phone_number, verified_at, is_primary)
            SELECT n + 1, {number}, now(), true FROM generate_series(0, {count - 1}) n
            """,
            f"""
            INSERT INTO django_sms_otp_limit (key, state, version, updated_at, held)
            SELECT {number}, '{{}}', n, now() - interval '1 day', false
            FROM generate_series(0, {count - 1}) n
            """,
        ]

    def codes(self, rows: int, numbers: int) -> str:
        created = CREATED.format(rows=rows)
        return f"""
            INSERT INTO django_sms_otp_otpcode (id, phone_number, region, purpose, context,
                seed, key_id, code_length, created_at, expires_at, send_count,
                failed_attempts, redeemed_at, channel, language, backend, message_id,
                delivery_state, delivery_error, undelivered_by, counted_at, claimed_at,
                sent_at, reason)
            SELECT md5(n::text)::uuid, {PHONE_NUMBER.format(numbers=numbers)}, 'US', 'login',
                '', md5((-n)::text), '0123456789abcdef', 6, {created},
                {created} + interval '1 hour', 1, 0, {created} + interval '20 seconds',
                'sms', 'en-us', 'default', '', 'sent', '', '', {created}, {created},
                {created}, ''
            FROM generate_series(0, {rows - 1}) n
        """

    def get_code(self, visitor: Visitor) -> Post:
        body = {"phone_number": visitor.phone_number}
        return Post(path="/auth/sms/get-code/", body=body, expected=202)

    def auth_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, code, expected=200)

    def wrong_code(self, visitor: Visitor, asked: Answers, code: str) -> Post:
        return _guess(visitor, other_than(code), expected=401)

    def code(self, visitor: Visitor, asked: Answers) -> str:
        code = code_of(OTPCode.objects.get(pk=uuid.UUID(asked["request_id"])))
        assert code is not None
        return code


def _guess(visitor: Visitor, code: str, *, expected: int) -> Post:
    body = {"phone_number": visitor.phone_number, "code": code}
    return Post(path="/auth/sms/auth-code/", body=body, expected=expected)


site = OwnSite()
