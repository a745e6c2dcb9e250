"""The list of verified phone numbers."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from ..auth.linked_numbers import have_a_primary
from ..db import database_alias, lock_users
from ..logs import log_fields
from ..models import Limit, LimitKind, OTPCode, VerifiedPhone
from ..results import LinkedNumber
from ..services.numbers import announce_removal, find, numbers_of
from .accounts import may_see_users
from .base import PhoneAdmin, staff_name
from .formatting import format_time_briefly

logger = logging.getLogger("django_sms_otp")

REMOVED = gettext_noop("Removed the number from its account.")


@admin.register(VerifiedPhone)
class VerifiedPhoneAdmin(PhoneAdmin):
    """Staff may remove a number from its user. Only the number's holder can add it."""

    list_display = ("number", "account", "verified", "last_used", "primary", "is_test", "story")
    fields = ("number", "story", "account", "verified_at", "last_used_at", "primary", "is_test")
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        # By a query of its own: the users may be in another database.
        return rows.prefetch_related("user") if may_see_users(request) else rows

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("django_sms_otp.delete_verifiedphone")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with _numbers_taken([obj]):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with _numbers_taken([*queryset]):
            super().delete_queryset(request, queryset)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for row in queryset:
            extra = log_fields("number_removed", phone_number=row.phone_number)
            text = "%s removed the number %s of user %s."
            logger.info(text, staff_name(request), row, row.user_id, extra=extra)
            # The history of the deleted row belongs to no story.
            if kept := _kept_row(row.phone_number):
                self.log_change(request, kept, gettext(REMOVED))
        return super().log_deletions(request, queryset)

    @admin.display(description=_("verified at"), ordering="verified_at")
    def verified(self, row: VerifiedPhone) -> str:
        return format_time_briefly(row.verified_at)

    @admin.display(description=_("last used at"), ordering="last_used_at")
    def last_used(self, row: VerifiedPhone) -> str:
        at = row.last_used_at
        return format_time_briefly(at) if at else self.get_empty_value_display()

    @admin.display(description=_("primary"), boolean=True)
    def primary(self, row: VerifiedPhone) -> bool:
        # The column holds true or null; Django would show null as "unknown".
        return bool(row.is_primary)


def _kept_row(e164: str) -> Limit | OTPCode | None:
    """Return a row of a number that stays when its account loses it."""
    limits = Limit.objects.filter(kind=LimitKind.NUMBER, subject=e164)
    codes = OTPCode.objects.filter(phone_number=e164).defer("seed")
    return limits.first() or codes.order_by("-created_at").first()


@contextmanager
def _numbers_taken(rows: Collection[VerifiedPhone]) -> Iterator[None]:
    """Delete these rows within: their users keep a primary number, and hear of it."""
    user_ids = {row.user_id for row in rows}
    with ExitStack() as stack:
        for alias in {database_alias(VerifiedPhone), database_alias(get_user_model())}:
            stack.enter_context(transaction.atomic(using=alias))
        # As every change of an account's numbers does.
        users = lock_users(user_ids)
        lost = [*_numbers_of(users, rows)]
        yield
        for user_id in user_ids:
            have_a_primary(user_id)
        for user, number in lost:
            announce = partial(announce_removal, user, number)
            transaction.on_commit(announce, using=database_alias(VerifiedPhone))


def _numbers_of(
    users: Mapping[Any, AbstractBaseUser], rows: Iterable[VerifiedPhone]
) -> Iterator[tuple[AbstractBaseUser, LinkedNumber]]:
    """Yield the numbers that these rows are. A resolver may keep numbers elsewhere."""
    for row in rows:
        user = users.get(row.user_id)
        number = user and find(numbers_of(user), str(row.pk))
        if user and number:
            yield user, number
