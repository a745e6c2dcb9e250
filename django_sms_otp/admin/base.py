"""What all lists have in common: rows that nobody edits, and that may be a million."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..conf import get_settings
from ..db.transactions import non_atomic
from ..exceptions import PhoneNumberError

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
    """Counts up to a bound. Older rows are reached by the dates, the filters and the search.

    :ivar counted: the same rows, asked for in the way that is the quickest to count.
    """

    counted: Any = None

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list if self.counted is None else self.counted
        # In no order: any so many rows are as good.
        return int(rows.order_by()[:MOST_COUNTED].count())


class RecentValuesFilter(admin.AllValuesFieldListFilter):
    """Offers the values of the newest rows; Django's own reads the whole table for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _field, request, _params, model, model_admin = args
        newest = model._default_manager.order_by(*model_admin.get_ordering(request))
        values = set(newest.values_list(self.field_path, flat=True)[:MOST_LOOKED_AT])
        # An empty value has no name to click on.
        self.lookup_choices = sorted(values - {""})  # type: ignore[assignment]


def _parameter(list_filter: Any) -> str:
    """Return the query parameter of an entry of ``list_filter``."""
    if isinstance(list_filter, tuple):
        return str(list_filter[0])
    return str(getattr(list_filter, "parameter_name", list_filter))


class FixedOrder(ChangeList):
    """A list in the one order that has an index: ``?o=`` could sort a million rows."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        self.params.pop(ORDER_VAR, None)
        return super().get_ordering(request, queryset)


class ReadOnlyAdmin(AnyModelAdmin):
    """Rows that are looked at, never added or changed."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["django_sms_otp/admin.css"]}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @non_atomic
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    def lookup_allowed(
        self, lookup: str, value: Any, request: HttpRequest | None = None
    ) -> bool:
        """Only what the page offers: ``?phone_number__startswith=`` would unmask by trying."""
        parameters = {_parameter(each) for each in self.list_filter}
        exact = {f"{each}__exact" for each in parameters}
        dates = {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}
        return lookup in parameters | exact | dates


class PhoneAdmin(ReadOnlyAdmin):
    """Rows with a phone number, masked but for those who may see it whole."""

    search_help_text = _("A whole phone number, however it is written.")
    search_fields = ("phone_number",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a whole number only: a part of one would unmask by trying."""
        if not search_term.strip():
            return queryset, False
        number = whole_number(search_term)
        return queryset.filter(phone_number=number) if number else queryset.none(), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        if not may_see_whole_numbers(request):
            return sets
        return [(title, {**each, "fields": _whole(each["fields"])}) for title, each in sets]

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


def _whole(names: Iterable[Any]) -> list[Any]:
    return ["phone_number" if name == "number" else name for name in names]


def may_see_whole_numbers(request: HttpRequest) -> bool:
    return request.user.has_perm("django_sms_otp.view_whole_phone_number")


def whole_number(text: str) -> str | None:
    """Read what staff search for as a whole phone number; ``None``: it is none.

    Of any type and region: the site may have sent to some that it refuses by now.
    """
    region = get_settings().DEFAULT_REGION
    try:
        number = phone.parse_phone_number(
            text,
            default_region=region,
            allowed_regions=phone.supported_regions(),
            refused_types=(),
        )
    except PhoneNumberError:
        return None
    return number.e164


def badge(value: str, label: Any) -> str:
    return format_html('<span class="sms-otp-badge sms-otp-badge-{}">{}</span>', value, label)


def in_short(moment: datetime) -> str:
    """Write a time for a column: in figures, to the minute."""
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")


def place(region: str) -> str:
    """Write a region for people: the one of no country has a number for a name."""
    if region != phone.SATELLITE_REGION:
        return region
    return gettext("satellite and global networks")


def stacked(first: str, *others: str) -> str:
    """Write facts into one column, the first of them above the others."""
    lines = [format_html('<span class="quiet">{}</span>', other) for other in others if other]
    return format_html_join(
        mark_safe("<br>"), "{}", ((line,) for line in (first, *lines) if line)
    )
