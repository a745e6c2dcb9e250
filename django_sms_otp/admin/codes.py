"""The list of issued codes. No code and no seed is in it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..conf import get_settings
from ..models import CodeState, OTPCode, OTPCodeQuerySet
from ..services import invalidate_codes
from .base import PhoneAdmin, RecentValuesFilter, badge
from .dates import BoundedDates


class ListedCodes(BoundedDates, OTPCodeQuerySet):
    pass


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state.value, state.label) for state in CodeState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(OTPCode)
class OTPCodeAdmin(PhoneAdmin):
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    list_display = (
        "created_at",
        "number",
        "purpose",
        "region",
        "badge",
        "delivery",
        "backend",
        "reason",
        "failed_attempts",
        "send_count",
        "expires_at",
        "redeemed_at",
    )
    list_filter = (
        StateFilter,
        "delivery_state",
        ("purpose", RecentValuesFilter),
        ("region", RecentValuesFilter),
        ("backend", RecentValuesFilter),
        ("reason", RecentValuesFilter),
    )
    fields = (
        "id",
        "number",
        "region",
        "purpose",
        "badge",
        "reason",
        "account",
        "code_length",
        "failed_attempts",
        "created_at",
        "expires_at",
        "redeemed_at",
        "superseded_at",
        "ip_address",
        "channel",
        "language",
        "backend",
        "send_count",
        "delivery",
        "delivery_error",
        "message_id",
        "counted_at",
        "claimed_at",
        "sent_at",
        "delivered_at",
    )
    actions = ("invalidate",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Codes go by ``purge_otp_codes``: a deleted one would forget its attempts."""
        return False

    def has_invalidate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_sms_otp.invalidate_otpcode")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        codes = ListedCodes(self.model).order_by("-created_at")
        return codes.with_state(timezone.now(), get_settings().MAX_ATTEMPTS).defer("seed")

    @admin.display(description=_("state"))
    def badge(self, row: Any) -> str:
        return badge(row.state, CodeState(row.state).label)

    @admin.display(description=_("delivery"))
    def delivery(self, row: Any) -> str:
        return badge(row.delivery_state, row.get_delivery_state_display())

    @admin.action(permissions=["invalidate"], description=_("Invalidate the selected codes"))
    def invalidate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = invalidate_codes(queryset.iterator())
        text = ngettext(
            "%(count)d live code was invalidated.",
            "%(count)d live codes were invalidated.",
            count,
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)
