"""The list of limits: of phone numbers, of what many numbers share, and of backends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, gettext_noop, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from ..conf import backend_aliases
from ..exceptions import Contention
from ..limits.addresses import network_of
from ..limits.keys import LimitKey
from ..models import Limit, LimitKind
from ..services import forget_limit, give_back_messages, unlock_number
from .base import NOT_FOR_YOU, ReadOnlyAdmin, may_see_numbers, staff_name
from .formatting import badge, format_time_briefly
from .search import ExplainedList, explain_no_code, explain_unreadable, whole_numbers
from .status import status_of
from .story.links import link_to

UNLOCKED = gettext_noop("Lifted the lockout.")
GIVEN_BACK = gettext_noop("Restored the message quota.")
FORGOTTEN = gettext_noop("Reset the counts.")
CLOSED = gettext_noop("Closed the circuit.")

Change = Callable[[Limit, str], bool]
"""Changes a row in the name of a member of staff. Returns whether there was anything to do."""

MASKED_KINDS = (LimitKind.NUMBER, LimitKind.PREFIX)
"""Kinds of rows whose keys only some staff may see. Others may not search for them either:
whoever sees ``+1********71`` would find the hidden digits by trying."""


MOST_PLACES = 300
"""More than there are countries."""


class LimitList(ExplainedList):
    """Shows what stops many numbers above all other rows, on the first page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.page_num == 1:
            # By keys, which the index finds: an order by state would sort the whole table.
            # There are few rows of these kinds.
            circuits = self.queryset.filter(
                kind=LimitKind.CIRCUIT, subject__in=backend_aliases()
            )
            places = self.queryset.filter(kind__in=[LimitKind.SITE, LimitKind.COUNTRY])
            rows = [*circuits, *places[:MOST_PLACES]]
            stopping = [row for row in rows if status_of(row).badge]
            others = [row for row in self.result_list if row not in stopping]
            self.result_list = [*stopping, *others]


@admin.register(Limit)
class LimitAdmin(ReadOnlyAdmin):
    masked = "name"
    unmasked = "subject"
    # The order of an index.
    ordering = ("-is_kept", "-updated_at")
    sortable_by = ()
    list_display = ("name", "kind", "badge", "summary", "updated", "story")
    list_filter = ("kind",)
    fields = ("name", "story", "kind", "badge", "facts", "updated_at")
    search_fields = ("subject",)
    search_help_text = _(
        "A whole phone number, or a whole key, such as ip:203.0.113.7, country:JM, "
        "prefix:+1415555, site or circuit:default."
    )
    actions = ("unlock", "give_back", "forget", "close")
    # Do not offer to act on all of a million rows.
    actions_selection_counter = False

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_sms_otp.unlock_limit")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LimitList]:
        return LimitList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find whole keys only: a search for parts would unmask a number digit by digit."""
        if not search_term.strip():
            return queryset, False
        found = queryset.none()
        for key in _read_keys(search_term.strip()):
            if key.kind not in MASKED_KINDS or may_see_numbers(request):
                found |= queryset.filter(kind=key.kind, subject=key.subject)
        return found, False

    def explain_nothing_found(self, request: HttpRequest, search_term: str) -> str:
        """Return why a search has no result."""
        keys = _read_keys(search_term.strip())
        if not keys:
            text = gettext("Nor is it the whole key of a limit.")
            return f"{explain_unreadable(search_term)} {text}"
        if keys[0].kind in MASKED_KINDS and not may_see_numbers(request):
            return str(NOT_FOR_YOU)
        if keys[0].kind == LimitKind.NUMBER:
            return explain_no_code(keys[0].subject)
        return gettext("No row for %(key)s: nothing is counted for it.") % {"key": keys[0]}

    def get_list_display(self, request: HttpRequest) -> Any:
        names = super().get_list_display(request)
        if not may_see_numbers(request):
            return names
        return ["name_with_prefix" if name == "name" else name for name in names]

    @admin.display(description=_("key"))
    def name(self, row: Limit) -> str:
        return str(row)

    @admin.display(description=_("key"))
    def name_with_prefix(self, row: Limit) -> str:
        return str(row.key if row.kind == LimitKind.PREFIX else row)

    @admin.display(description=_("story"))
    def story(self, row: Limit) -> str:
        if not row.is_number:
            return self.get_empty_value_display()
        return link_to(row, site=self.admin_site.name)

    @admin.display(description=_("updated at"))
    def updated(self, row: Limit) -> str:
        return format_time_briefly(row.updated_at)

    @admin.display(description=_("state"))
    def badge(self, row: Limit) -> str:
        state = status_of(row).badge
        return badge(state.value, state.label) if state else self.get_empty_value_display()

    @admin.display(description=_("counted"))
    def summary(self, row: Limit) -> str:
        lines = ((line,) for line in status_of(row).summary())
        return format_html_join(mark_safe("<br>"), "{}", lines)

    @admin.display(description=_("counted"))
    def facts(self, row: Limit) -> str:
        line = '<tr><th scope="row">{}</th><td>{}</td></tr>'
        body = format_html_join("", line, status_of(row).facts())
        return format_html('<table class="sms-otp-facts"><tbody>{}</tbody></table>', body)

    @admin.action(permissions=["unlock"], description=_("Lift the lockout"))
    def unlock(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        numbers = [row for row in queryset if row.is_number]
        if len(numbers) < len(queryset):
            self._warn(request, _("Only phone numbers have lockouts that can be lifted."))
        done = ngettext_lazy(
            "The lockout of %(count)d phone number was lifted.",
            "The lockouts of %(count)d phone numbers were lifted.",
            "count",
        )
        self._change_and_count(request, numbers, UNLOCKED, _unlock, done)

    @admin.action(permissions=["unlock"], description=_("Restore the message quota"))
    def give_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        numbers = [row for row in queryset if row.is_number]
        if len(numbers) < len(queryset):
            why = _(
                "Only phone numbers have a message quota to restore: see the other actions."
            )
            self._warn(request, why)
        done = ngettext_lazy(
            "The message quota of %(count)d phone number was restored.",
            "The message quotas of %(count)d phone numbers were restored.",
            "count",
        )
        self._change_and_count(request, numbers, GIVEN_BACK, _give_back, done)

    @admin.action(permissions=["unlock"], description=_("Reset the counts"))
    def forget(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        others = (LimitKind.NUMBER, LimitKind.CIRCUIT)
        shared = [row for row in queryset if row.kind not in others]
        if len(shared) < len(queryset):
            why = _(
                "The counts of phone numbers and circuits are not reset: see the other actions."
            )
            self._warn(request, why)
        done = ngettext_lazy(
            "The counts of %(count)d limit were reset.",
            "The counts of %(count)d limits were reset.",
            "count",
        )
        self._change_and_count(request, shared, FORGOTTEN, _forget, done)

    @admin.action(permissions=["unlock"], description=_("Close the circuit"))
    def close(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        circuits = [row for row in queryset if row.kind == LimitKind.CIRCUIT]
        if len(circuits) < len(queryset):
            self._warn(request, _("Only backends have circuits that can be closed."))
        closed = self._change(request, circuits, CLOSED, _forget)
        for row in circuits:
            if row in closed:
                text = gettext("The circuit of “%(backend)s” is closed.")
                self.message_user(request, text % {"backend": row.subject}, messages.SUCCESS)
            else:
                self._warn(request, gettext("%(limit)s was left as it is.") % {"limit": row})

    def _warn(self, request: HttpRequest, text: Any) -> None:
        self.message_user(request, text, messages.WARNING)

    def _change_and_count(
        self,
        request: HttpRequest,
        rows: Sequence[Limit],
        log_text: str,
        change: Change,
        done: Any,
    ) -> None:
        """Change rows, if there are any, and say by ``done`` how many were changed."""
        if rows:
            count = len(self._change(request, rows, log_text, change))
            self.message_user(request, done % {"count": count}, messages.SUCCESS)

    def _change(
        self, request: HttpRequest, rows: Sequence[Limit], log_text: str, change: Change
    ) -> list[Limit]:
        """Change rows, and return the changed ones.

        :param log_text: for the history of the row, in English.
        """
        who = staff_name(request)
        changed = []
        for row in rows:
            try:
                is_changed = change(row, who)
            except Contention:
                text = gettext("%(limit)s is in use right now. Please try again.")
                self._warn(request, text % {"limit": row})
                continue
            if is_changed:
                changed.append(row)
                self.log_change(request, row, gettext(log_text))
        return changed


def _unlock(row: Limit, who: str) -> bool:
    return unlock_number(row.subject, by=who)


def _give_back(row: Limit, who: str) -> bool:
    return give_back_messages(row.subject, by=who)


def _forget(row: Limit, who: str) -> bool:
    return forget_limit(str(row.key), by=who)


def _read_keys(term: str) -> list[LimitKey]:
    """Read a search term as a whole key or number; an empty list means that it is neither."""
    key = LimitKey.parse(term)
    match key.kind:
        case LimitKind.PREFIX | LimitKind.SITE | LimitKind.CIRCUIT:
            return [key]
        case LimitKind.COUNTRY:
            return [LimitKey(key.kind, key.subject.upper())]
        case LimitKind.IP | LimitKind.FAILURES_IP:
            return [LimitKey(key.kind, each.subject) for each in _network_keys(key.subject)]
    numbers = [LimitKey(LimitKind.NUMBER, number) for number in whole_numbers(term)]
    # An IPv4 address may look like a number of some country.
    return [*_network_keys(term), *numbers]


def _network_keys(text: str) -> list[LimitKey]:
    try:
        return [LimitKey(LimitKind.IP, network_of(text.partition("/")[0]))]
    except ValueError:
        return []
