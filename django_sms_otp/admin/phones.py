"""The list of verified phone numbers."""

from __future__ import annotations

from django.contrib import admin

from ..models import VerifiedPhone
from .base import PhoneAdmin


@admin.register(VerifiedPhone)
class VerifiedPhoneAdmin(PhoneAdmin):
    """Numbers are bound by their holders, never here; staff may unbind one."""

    list_display = ("number", "account", "verified_at", "is_primary")
    fields = ("number", "account", "verified_at", "is_primary")
    ordering = ("-pk",)
