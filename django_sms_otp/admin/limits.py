"""The list of limits: of phone numbers, of what many numbers share, and of backends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from ..conf import backend_aliases
from ..exceptions import Contention
from ..limits.addresses import network_of
from ..limits.keys import LimitKey
from ..models import Limit, LimitKind
from ..services import forget_limit, unlock_number
from .base import ReadOnlyAdmin, may_see_numbers, staff_name, whole_number
from .formatting import badge, format_time_briefly
from .status import status_of

UNLOCKED = gettext_noop("Lifted the lockout.")
FORGOTTEN = gettext_noop("Forgot what was counted.")
CLOSED = gettext_noop("Closed the circuit.")

MASKED_KINDS = (LimitKind.NUMBER, LimitKind.PREFIX)
"""Kinds of rows whose keys only some staff may see. Others may not search for them either:
whoever sees ``+1********71`` would find the hidden digits by trying."""


class LimitList(ChangeList):
    """Shows open circuits above all other rows, on the first page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.page_num == 1:
            # By alias, which the index finds: an order by state would sort the whole table.
            circuits = self.queryset.filter(
                kind=LimitKind.CIRCUIT, subject__in=backend_aliases()
            )
            opened = [row for row in circuits if status_of(row).badge]
            others = [row for row in self.result_list if row not in opened]
            self.result_list = [*opened, *others]


@admin.register(Limit)
class LimitAdmin(ReadOnlyAdmin):
    masked = "name"
    unmasked = "subject"
    # The order of an index.
    ordering = ("-has_failures", "-updated_at")
    sortable_by = ()
    list_display = ("name", "kind", "badge", "summary", "updated")
    list_filter = ("kind",)
    fields = ("name", "kind", "badge", "facts", "updated_at")
    search_fields = ("subject",)
    search_help_text = _(
        "A whole phone number, or a whole key, such as ip:203.0.113.7, country:JM, "
        "prefix:+1415555, site or circuit:default."
    )
    actions = ("unlock", "forget", "close")
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
        key = _read_key(search_term.strip())
        if key is None or (key.kind in MASKED_KINDS and not may_see_numbers(request)):
            return queryset.none(), False
        return queryset.filter(kind=key.kind, subject=key.subject), False

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
        if numbers:
            count = len(self._change(request, numbers, UNLOCKED))
            text = ngettext(
                "The lockout of %(count)d phone number was lifted.",
                "The lockouts of %(count)d phone numbers were lifted.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @admin.action(permissions=["unlock"], description=_("Forget what was counted"))
    def forget(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        others = (LimitKind.NUMBER, LimitKind.CIRCUIT)
        shared = [row for row in queryset if row.kind not in others]
        if len(shared) < len(queryset):
            why = _("Phone numbers and circuits are not forgotten: see the other actions.")
            self._warn(request, why)
        if shared:
            count = len(self._change(request, shared, FORGOTTEN))
            text = ngettext(
                "What %(count)d limit had counted was forgotten.",
                "What %(count)d limits had counted was forgotten.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @admin.action(permissions=["unlock"], description=_("Close the circuit"))
    def close(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        circuits = [row for row in queryset if row.kind == LimitKind.CIRCUIT]
        if len(circuits) < len(queryset):
            self._warn(request, _("Only backends have circuits that can be closed."))
        closed = self._change(request, circuits, CLOSED)
        for row in circuits:
            if row in closed:
                text = gettext("The circuit of “%(backend)s” is closed.")
                self.message_user(request, text % {"backend": row.subject}, messages.SUCCESS)
            else:
                self._warn(request, gettext("%(limit)s was left as it is.") % {"limit": row})

    def _warn(self, request: HttpRequest, text: Any) -> None:
        self.message_user(request, text, messages.WARNING)

    def _change(
        self, request: HttpRequest, rows: Sequence[Limit], log_text: str
    ) -> list[Limit]:
        """Unlock or forget rows, and return the changed ones.

        :param log_text: for the history of the row, in English.
        """
        who = staff_name(request)
        changed = []
        for row in rows:
            try:
                is_changed = (
                    unlock_number(row.subject, by=who)
                    if row.is_number
                    else forget_limit(str(row.key), by=who)
                )
            except Contention:
                text = gettext("%(limit)s is in use right now. Please try again.")
                self._warn(request, text % {"limit": row})
                continue
            if is_changed:
                changed.append(row)
                self.log_change(request, row, gettext(log_text))
        return changed


def _read_key(term: str) -> LimitKey | None:
    """Read a search term as a whole key; ``None`` means that it is not one."""
    key = LimitKey.parse(term)
    match key.kind:
        case LimitKind.PREFIX | LimitKind.SITE | LimitKind.CIRCUIT:
            return key
        case LimitKind.COUNTRY:
            return LimitKey(key.kind, key.subject.upper())
        case LimitKind.IP | LimitKind.FAILURES_IP:
            network = _network_key(key.subject)
            return network and LimitKey(key.kind, network.subject)
    number = whole_number(term)
    return LimitKey(LimitKind.NUMBER, number) if number else _network_key(term)


def _network_key(text: str) -> LimitKey | None:
    try:
        return LimitKey(LimitKind.IP, network_of(text.partition("/")[0]))
    except ValueError:
        return None
