"""The pages that all lists share: read-only, with masked numbers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..db import non_atomic
from .accounts import may_see_users, name_of, user_url
from .large_tables import BoundedPaginator
from .search import ExplainedList, explain_no_code, explain_unreadable, whole_numbers
from .story.links import link_to

__all__ = ["NOT_FOR_YOU", "PhoneAdmin", "ReadOnlyAdmin", "may_see_numbers", "staff_name"]


NOT_FOR_YOU = _("Only staff who may see whole phone numbers can search for them.")


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """Shows rows that staff neither add, change nor delete.

    :cvar masked: the column that shows a masked number.
    :cvar unmasked: what stands in its place on a row's page, if staff have the permission.
    """

    masked = "number"
    unmasked = "phone_number"

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["django_sms_otp/admin.css"]}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leave the deletion to ``purge_otp_codes``: the rows hold attempts and lockouts."""
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if not may_see_numbers(request):
            return fieldsets
        return [
            (title, {**options, "fields": [self._unmasked(name) for name in options["fields"]]})
            for title, options in fieldsets
        ]

    def _unmasked(self, name: Any) -> Any:
        return self.unmasked if name == self.masked else name

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ExplainedList

    @non_atomic
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    def lookup_allowed(
        self, lookup: str, value: Any, request: HttpRequest | None = None
    ) -> bool:
        """Allow the lookups that the page offers, and no other.

        With ``?phone_number__startswith=`` staff could find out a masked number digit by digit.
        """
        names = [_parameter_name(each) for each in self.list_filter]
        dates = [f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")]
        return lookup.removesuffix("__exact") in names or lookup in dates


def _parameter_name(list_filter: Any) -> str:
    """Return the query parameter of an entry of ``list_filter``."""
    if isinstance(list_filter, tuple):
        return str(list_filter[0])
    return str(getattr(list_filter, "parameter_name", list_filter))


def may_see_numbers(request: HttpRequest) -> bool:
    """Return whether the user may see whole phone numbers, and search for them."""
    return request.user.has_perm("django_sms_otp.view_whole_phone_number")


def staff_name(request: HttpRequest) -> str:
    """Return how the log names the user. The user's own name may be a phone number."""
    return f"User {request.user.pk}"


class PhoneAdmin(ReadOnlyAdmin):
    """Shows rows with a phone number."""

    search_help_text = _("A whole phone number, however it is written.")
    search_fields = ("phone_number",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find whole numbers only: a search for parts would unmask a number digit by digit.

        Find nothing for staff who may not see whole numbers: a masked number has few digits
        left to try.
        """
        if not search_term.strip():
            return queryset, False
        numbers = whole_numbers(search_term) if may_see_numbers(request) else []
        return queryset.filter(phone_number__in=numbers), False

    def explain_nothing_found(self, request: HttpRequest, search_term: str) -> str:
        """Return why a search has no result."""
        if not may_see_numbers(request):
            return str(NOT_FOR_YOU)
        numbers = whole_numbers(search_term)
        return explain_no_code(numbers[0]) if numbers else explain_unreadable(search_term)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Offer no search that finds nothing."""
        found = super().get_changelist_instance(request)
        if not may_see_numbers(request):
            found.search_fields = ()
        return found

    @admin.display(description=_("phone number"))
    def number(self, row: Any) -> str:
        return phone.mask(row.phone_number)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None and may_see_users(request):
            prefetch_related_objects([row], "user")
        return row

    @admin.display(description=_("story"))
    def story(self, row: Any) -> str:
        return link_to(row, site=self.admin_site.name)

    @admin.display(description=_("user"))
    def account(self, row: Any) -> str:
        """Link the user: by name if the row was read for staff who may see users."""
        if row.user_id is None:
            return self.get_empty_value_display()
        user = row._meta.get_field("user").get_cached_value(row, default=None)
        name = name_of(user) if user else row.user_id
        url = user_url(row.user_id, site=self.admin_site.name)
        return format_html('<a href="{}">{}</a>', url, name) if url else str(name)
