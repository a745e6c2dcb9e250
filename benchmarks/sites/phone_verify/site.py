from __future__ import annotations

from phone_verify.models import SMSVerification

from ..base import Answers, Post, Site, Visitor, other_than

__all__ = ["site"]


class PhoneVerifySite(Site):
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
