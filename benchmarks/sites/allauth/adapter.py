"""What allauth leaves to the site: where numbers are kept, and how to send."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter

from .models import Member


class PhoneAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def set_phone(self, user: Member, phone: str, verified: bool) -> None:  # noqa: FBT001
        Member.objects.filter(pk=user.pk).update(mobile=phone)

    def get_phone(self, user: Member) -> tuple[str, bool]:
        return user.mobile, True

    def set_phone_verified(self, user: Member, phone: str) -> None:
        """Numbers are verified here as they are stored."""

    def get_user_by_phone(self, phone: str) -> Member | None:
        user: Member | None = Member.objects.filter(mobile=phone).first()
        return user

    def send_verification_code_sms(self, user: Any, phone: str, code: str, **_: Any) -> None:
        """Do nothing with a message."""
