"""The admin panel: what was issued, read-only. No code, no seed, no whole number in lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import phone
from .conf import get_settings
from .exceptions import PhoneNumberError
from .models import CodeState, OTPCode, OTPCodeQuerySet, VerifiedPhone
from .services import invalidate_codes

if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
    AnyModelAdmin = admin.ModelAdmin[Any]
else:  # Django's own are no generics at run time.
    AnyPaginator, AnyModelAdmin = Paginator, admin.ModelAdmin

MOST_COUNTED = 10_000
"""Rows. To count a million takes longer than anybody waits for a page."""

MOST_LOOKED_AT = 1_000
"""Rows whose values a filter offers."""


class BoundedPaginator(AnyPaginator):
    """Counts up to a bound. Older rows are reached by the dates, the filters and the search."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list[:MOST_COUNTED]  # type: ignore[assignment]
        return rows.count()


class ListedCodes(OTPCodeQuerySet):
    """Codes with a ``datetimes`` for the date hierarchy that does not read every row."""

    def datetimes(self, field_name: str, kind: str, *args: Any, **kwargs: Any) -> Any:
        """List every year, month or day from the first row to the last, empty ones included."""
        span = self.aggregate(first=Min(field_name), last=Max(field_name))
        return list(_periods(span["first"], span["last"], kind)) if span["first"] else []


def _periods(first: datetime, last: datetime, kind: str) -> Iterator[datetime]:
    zone = timezone.get_current_timezone()
    first, last = first.astimezone(zone), last.astimezone(zone)
    period = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind != "day":
        period = period.replace(day=1)
    if kind == "year":
        period = period.replace(month=1)
    while period <= last:
        yield period
        period = _next_period(period, kind)


def _next_period(period: datetime, kind: str) -> datetime:
    if kind == "year":
        return period.replace(year=period.year + 1)
    days = 32 if kind == "month" else 1
    following = period + timedelta(days=days)
    return following.replace(day=1) if kind == "month" else following


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state.value, state.label) for state in CodeState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class RecentValuesFilter(admin.AllValuesFieldListFilter):
    """Offers the values of the newest rows; Django's own reads the whole table for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        newest = OTPCode.objects.order_by("-created_at").values_list(self.field_path, flat=True)
        self.lookup_choices = sorted(set(newest[:MOST_LOOKED_AT]))  # type: ignore[assignment]


def _parameter(list_filter: Any) -> str:
    """Return the query parameter of an entry of ``list_filter``."""
    if isinstance(list_filter, tuple):
        return str(list_filter[0])
    return str(getattr(list_filter, "parameter_name", list_filter))


class PhoneAdmin(AnyModelAdmin):
    """Read-only rows with a phone number, masked but for those who may see it whole."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_help_text = _("A whole phone number, however it is written.")
    search_fields = ("phone_number",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(
        self, lookup: str, value: Any, request: HttpRequest | None = None
    ) -> bool:
        """Only what the page offers: ``?phone_number__startswith=`` would unmask by trying."""
        parameters = {_parameter(each) for each in self.list_filter}
        exact = {f"{each}__exact" for each in parameters}
        dates = {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}
        return lookup in parameters | exact | dates

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a whole number only: a part of one would unmask by trying."""
        if not search_term.strip():
            return queryset, False
        region = get_settings().DEFAULT_REGION
        try:
            number = phone.parse_phone_number(search_term, default_region=region)
        except PhoneNumberError:
            return queryset.none(), False
        return queryset.filter(phone_number=number.e164), False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        whole = request.user.has_perm("django_sms_otp.view_whole_phone_number")
        names = super().get_fields(request, obj)
        return ["phone_number" if whole and name == "number" else name for name in names]

    @admin.display(description=_("phone number"))
    def number(self, row: Any) -> str:
        return phone.mask(row.phone_number)

    @admin.display(description=_("user"))
    def account(self, row: Any) -> str:
        """Link the user by primary key: a name may be the whole phone number."""
        if row.user_id is None:
            return self.get_empty_value_display()
        meta = get_user_model()._meta
        try:
            url = reverse(
                f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.user_id]
            )
        except NoReverseMatch:
            return str(row.user_id)
        return format_html('<a href="{}">{}</a>', url, row.user_id)


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
        "failed_attempts",
        "send_count",
        "expires_at",
        "redeemed_at",
        "delivery_state",
        "backend",
    )
    list_filter = (
        StateFilter,
        "delivery_state",
        ("purpose", RecentValuesFilter),
        ("region", RecentValuesFilter),
        ("backend", RecentValuesFilter),
    )
    fields = (
        "id",
        "number",
        "region",
        "purpose",
        "badge",
        "account",
        "code_length",
        "failed_attempts",
        "created_at",
        "expires_at",
        "redeemed_at",
        "superseded_at",
        "ip_address",
        "channel",
        "backend",
        "send_count",
        "delivery_state",
        "delivery_error",
        "message_id",
        "claimed_at",
        "sent_at",
        "delivered_at",
    )
    actions = ("invalidate",)

    class Media:
        css = {"all": ["django_sms_otp/admin.css"]}

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
        label = CodeState(row.state).label
        return format_html(
            '<span class="sms-otp-badge sms-otp-badge-{}">{}</span>', row.state, label
        )

    @admin.action(permissions=["invalidate"], description=_("Invalidate the selected codes"))
    def invalidate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = invalidate_codes(queryset.iterator())
        text = ngettext(
            "%(count)d live code was invalidated.",
            "%(count)d live codes were invalidated.",
            count,
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


@admin.register(VerifiedPhone)
class VerifiedPhoneAdmin(PhoneAdmin):
    """Numbers are bound by their holders, never here; staff may unbind one."""

    list_display = ("number", "account", "verified_at", "is_primary")
    fields = ("number", "account", "verified_at", "is_primary")
    ordering = ("-pk",)
