"""The list of issued codes. It holds no code and no seed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from ..conf import get_settings
from ..exceptions import Contention
from ..models import CodeState, OTPCode, OTPCodeQuerySet
from ..services import invalidate_codes
from .base import PhoneAdmin, staff_name
from .formatting import badge, format_time_briefly, stacked
from .large_tables import BoundedDates, RecentList, RecentValuesFilter
from .story.urls import story_urls
from .words import describe_control, describe_failure, meaning_of

INVALIDATED = gettext_noop("Invalidated the code.")

HELP_TEXTS = {
    "ip_address": _("Stored only with STORE_IP_ADDRESS."),
    "counted_at": _("When the quota of the number counted the latest message."),
}

REQUEST_FIELDS = (
    *("id", "number", "story", "region", "purpose", "account"),
    *("ip_address", "channel", "language"),
    *("withheld", "exempt", "recorded"),
)
CODE_FIELDS = (
    *("badge", "code_length", "failed_attempts"),
    *("created_at", "expires_at", "redeemed_at", "superseded_at"),
)
DELIVERY_FIELDS = (
    *("delivery", "failure", "backend", "message_id", "send_count"),
    *("counted_at", "claimed_at", "sent_at", "delivered_at", "undelivered_by"),
)


class ListedCodes(BoundedDates, OTPCodeQuerySet):  # type: ignore[override]  # as_manager()
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
        *("created", "recipient", "badge", "way", "receipt"),
        *("exempt", "recorded", "failed_attempts"),
    )
    # The only column with an index.
    sortable_by = ("created",)
    list_filter = (
        StateFilter,
        "delivery_state",
        ("purpose", RecentValuesFilter),
        ("region", RecentValuesFilter),
        ("channel", RecentValuesFilter),
        ("backend", RecentValuesFilter),
        ("withheld_by", RecentValuesFilter),
        "exempt",
        ("recorded", RecentValuesFilter),
    )
    fieldsets = (
        (_("Request"), {"fields": REQUEST_FIELDS}),
        (_("Code"), {"fields": CODE_FIELDS}),
        (_("Delivery"), {"fields": DELIVERY_FIELDS}),
    )
    actions = ("invalidate",)

    def has_invalidate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_sms_otp.invalidate_otpcode")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        codes = ListedCodes(self.model).order_by("-created_at")
        purposes = get_settings().purposes
        by_purpose = {name: each.max_attempts for name, each in purposes.items()}
        most = get_settings().MAX_ATTEMPTS
        return codes.with_state(timezone.now(), most, by_purpose=by_purpose).defer("seed")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RecentList]:
        return RecentList

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        return super().get_form(*args, help_texts=HELP_TEXTS, **kwargs)

    @admin.display(description=_("created at"), ordering="created_at")
    def created(self, row: Any) -> str:
        return format_time_briefly(row.created_at)

    def get_urls(self) -> list[Any]:
        return [*story_urls(self.admin_site), *super().get_urls()]

    @admin.display(description=_("phone number"))
    def recipient(self, row: Any) -> str:
        return stacked(self.number(row), row.region, self.story(row))

    @admin.display(description=_("channel"))
    def way(self, row: Any) -> str:
        return stacked(row.channel, row.backend)

    @admin.display(description=_("delivery"))
    def receipt(self, row: Any) -> str:
        # A failed delivery is the state of the code already.
        is_told = row.state == CodeState.DELIVERY_FAILED
        sends = ngettext("%(count)d message", "%(count)d messages", row.send_count) % {
            "count": row.send_count
        }
        return stacked(
            "" if is_told else self.delivery(row),
            row.delivery_error,
            describe_failure(row),
            row.withheld_by,
            meaning_of(row.withheld_by),
            sends if row.send_count > 1 else "",
        )

    @admin.display(description=_("withheld by"))
    def withheld(self, row: Any) -> str:
        return describe_control(row.withheld_by) or self.get_empty_value_display()

    @admin.display(description=_("delivery error"))
    def failure(self, row: Any) -> str:
        words = describe_failure(row)
        text = f"{row.delivery_error}: {words}" if words else row.delivery_error
        return text or self.get_empty_value_display()

    @admin.display(description=_("state"))
    def badge(self, row: Any) -> str:
        return badge(row.state, CodeState(row.state).label)

    @admin.display(description=_("delivery"))
    def delivery(self, row: Any) -> str:
        return badge(row.delivery_state, row.get_delivery_state_display())

    @admin.action(permissions=["invalidate"], description=_("Invalidate the selected codes"))
    def invalidate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = 0
        for otp_code in queryset.iterator():
            try:
                is_changed = invalidate_codes([otp_code], by=staff_name(request))
            except Contention:
                text = gettext("%(limit)s is in use right now. Please try again.")
                self.message_user(request, text % {"limit": otp_code}, messages.WARNING)
                continue
            if is_changed:
                self.log_change(request, otp_code, gettext(INVALIDATED))
                count += 1
        text = ngettext(
            "%(count)d live code was invalidated.",
            "%(count)d live codes were invalidated.",
            count,
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)
