"""The list of verified phone numbers."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import VerifiedPhone
from .base import PhoneAdmin


@admin.register(VerifiedPhone)
class VerifiedPhoneAdmin(PhoneAdmin):
    """Staff may remove a number from its user. Only the number's holder can add it."""

    list_display = ("number", "account", "verified_at", "last_used_at", "primary")
    fields = ("number", "account", "verified_at", "last_used_at", "primary")
    ordering = ("-pk",)

    @admin.display(description=_("primary"), boolean=True)
    def primary(self, row: VerifiedPhone) -> bool:
        # The column holds true or null; Django would show null as "unknown".
        return bool(row.is_primary)
