from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.utils import timezone

from django_sms_otp.models import OTPCode, VerifiedPhone

from ..base import Answers, Visitor
from ..own.site import OwnSite
from .views import code_of

__all__ = ["site"]


class StatementsSite(OwnSite):
    def prepare(self, visitors: Iterable[Visitor]) -> None:
        names = [visitor.phone_number for visitor in visitors]
        users = User.objects.bulk_create([User(username=name) for name in names])
        VerifiedPhone.objects.bulk_create(
            VerifiedPhone(user_id=user.pk, phone_number=name, verified_at=timezone.now())
            for user, name in zip(users, names, strict=True)
        )

    def code(self, visitor: Visitor, asked: Answers) -> str:
        return code_of(OTPCode.objects.get(pk=asked["request_id"]))


site = StatementsSite()
