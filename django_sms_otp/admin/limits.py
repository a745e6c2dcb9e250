"""The list of limits: what is counted against a number, what many share, and a backend."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from ..exceptions import Contention
from ..limits.addresses import network_of
from ..logs import log_fields
from ..models import Limit
from ..services import forget_limit, unlock_number
from .base import (
    FixedOrder,
    ReadOnlyAdmin,
    badge,
    in_short,
    may_see_whole_numbers,
    whole_number,
)
from .circuits import CircuitStanding
from .numbers import NumberStanding
from .shared import SharedStanding
from .standing import Kind, Standing

logger = logging.getLogger("django_sms_otp")

UNLOCKED = gettext_noop("Lifted the lockout.")
FORGOTTEN = gettext_noop("Forgot what was counted.")
CLOSED = gettext_noop("Closed the circuit.")


class KindFilter(admin.SimpleListFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind.value, kind.label) for kind in Kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case None:
                return queryset
            case Kind.NUMBER:
                # Most rows are: the list's own order finds a page of them soonest.
                return queryset.filter(key__startswith="+")
            case Kind.SITE:
                return queryset.filter(key="site")
            case kind:
                return _starting_with(queryset, f"{kind}:")


def _starting_with(rows: QuerySet[Any], start: str) -> QuerySet[Any]:
    """Filter by the start of the key, in words that each database finds in its index: there
    may be a handful among a million rows."""
    rows = rows.filter(key__startswith=start)
    match connections[rows.db].vendor:
        case "sqlite":
            return rows.filter(key__gte=start, key__lt=start[:-1] + chr(ord(start[-1]) + 1))
        case "mysql":
            return rows.filter(key__istartswith=start)
        case _:
            return rows


class LimitList(FixedOrder):
    """The list in the order of the table's index, but open circuits on top."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.page_num == 1:
            # There is a row for each backend; an order by state would sort all the others too.
            circuits = _starting_with(self.queryset, f"{Kind.CIRCUIT}:").order_by()
            opened = [row for row in circuits if standing_of(row).badge]
            opened.sort(key=lambda row: row.updated_at, reverse=True)
            keys = {row.key for row in opened}
            rest = (row for row in self.result_list if row.key not in keys)
            self.result_list = [*opened, *rest]


@admin.register(Limit)
class LimitAdmin(ReadOnlyAdmin):
    # The order of the table's index.
    ordering = ("-has_failures", "-updated_at")
    list_display = ("name", "kind", "badge", "summary", "updated")
    list_filter = (KindFilter,)
    fields = ("name", "kind", "badge", "facts", "updated_at")
    search_help_text = _(
        "A whole phone number, or a whole key, such as ip:203.0.113.7, country:JM, "
        "prefix:+1415555, site or circuit:default."
    )
    actions = ("unlock", "forget", "close")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows go by ``purge_otp_codes``: to delete one would lift a lockout unseen."""
        return False

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_sms_otp.unlock_limit")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LimitList]:
        return LimitList

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> Any:
        if request.GET.get(KindFilter.parameter_name) in (None, Kind.NUMBER):
            return super().get_paginator(request, queryset, *args, **kwargs)
        # Numbers alone are held: so the list's index need not be passed over for those. But to
        # count takes the index of keys alone where nothing else is asked for.
        unheld = queryset.filter(held=False)
        pages: Any = super().get_paginator(request, unheld, *args, **kwargs)
        pages.counted = queryset
        return pages

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a whole key only: a part of one would unmask numbers by trying."""
        if not search_term.strip():
            return queryset, False
        key = _key(search_term.strip())
        return queryset.filter(key=key) if key else queryset.none(), False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_fields(request, obj)
        whole = may_see_whole_numbers(request)
        return ["key" if whole and name == "name" else name for name in names]

    @admin.display(description=_("key"))
    def name(self, row: Limit) -> str:
        return str(row)

    @admin.display(description=_("kind"))
    def kind(self, row: Limit) -> str:
        return str(Kind.of(row).label)

    @admin.display(description=_("updated at"))
    def updated(self, row: Limit) -> str:
        return in_short(row.updated_at)

    @admin.display(description=_("state"))
    def badge(self, row: Limit) -> str:
        state = standing_of(row).badge
        return badge(state.value, state.label) if state else self.get_empty_value_display()

    @admin.display(description=_("counted"))
    def summary(self, row: Limit) -> str:
        lines = ((line,) for line in standing_of(row).summary())
        return format_html_join(mark_safe("<br>"), "{}", lines)

    @admin.display(description=_("counted"))
    def facts(self, row: Limit) -> str:
        lines = ((fact.label, fact.text) for fact in standing_of(row).facts())
        body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', lines)
        return format_html('<table class="sms-otp-facts"><tbody>{}</tbody></table>', body)

    @admin.action(permissions=["unlock"], description=_("Lift the lockout"))
    def unlock(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        numbers = [row for row in queryset if row.is_number]
        if len(numbers) < len(queryset):
            self._warn(request, _("Only phone numbers have lockouts that can be lifted."))
        if numbers:
            count = len(self._act(request, numbers, unlock_number, UNLOCKED))
            text = ngettext(
                "The lockout of %(count)d phone number was lifted.",
                "The lockouts of %(count)d phone numbers were lifted.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @admin.action(permissions=["unlock"], description=_("Forget what was counted"))
    def forget(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        shared = [row for row in queryset if Kind.of(row) not in (Kind.NUMBER, Kind.CIRCUIT)]
        if len(shared) < len(queryset):
            said = _("Phone numbers and circuits are not forgotten: see the other actions.")
            self._warn(request, said)
        if shared:
            count = len(self._act(request, shared, forget_limit, FORGOTTEN))
            text = ngettext(
                "What %(count)d limit had counted was forgotten.",
                "What %(count)d limits had counted was forgotten.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @admin.action(permissions=["unlock"], description=_("Close the circuit"))
    def close(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        circuits = [row for row in queryset if Kind.of(row) is Kind.CIRCUIT]
        if len(circuits) < len(queryset):
            self._warn(request, _("Only backends have circuits that can be closed."))
        closed = self._act(request, circuits, forget_limit, CLOSED)
        for row in circuits:
            if row in closed:
                text = gettext("The circuit of “%(backend)s” is closed.")
                said = text % {"backend": row.key.partition(":")[2]}
                self.message_user(request, said, messages.SUCCESS)
            else:
                self._warn(request, gettext("%(limit)s was left as it is.") % {"limit": row})

    def _warn(self, request: HttpRequest, text: Any) -> None:
        self.message_user(request, text, messages.WARNING)

    def _act(
        self, request: HttpRequest, rows: Iterable[Limit], act: Callable[[str], bool], said: str
    ) -> list[Limit]:
        """Act on rows, note who changed which, and return those that did change.

        :param said: in English; the log of the site stays so.
        """
        changed = []
        for row in rows:
            try:
                is_changed = act(row.key)
            except Contention:
                text = gettext("%(limit)s is in use right now. Please try again.")
                self.message_user(request, text % {"limit": row}, messages.WARNING)
                continue
            if is_changed:
                changed.append(row)
                self.log_change(request, row, gettext(said))
                extra = log_fields("limit_changed", outcome=said, key=str(row))
                text = "User %s, limit %s: %s"
                logger.info(text, request.user.pk, row, said, extra=extra)
        return changed


def standing_of(row: Limit) -> Standing:
    match Kind.of(row):
        case Kind.NUMBER:
            return NumberStanding(row)
        case Kind.CIRCUIT:
            return CircuitStanding(row)
        case _:
            return SharedStanding(row)


def _key(term: str) -> str | None:
    """Return the key that a search is for; ``None``: it is for none."""
    kind, _colon, rest = term.partition(":")
    match kind:
        case Kind.PREFIX | Kind.SITE | Kind.CIRCUIT:
            return term
        case Kind.COUNTRY:
            return f"{kind}:{rest.upper()}"
        case Kind.IP:
            return _network_key(rest)
        case _:
            return whole_number(term) or _network_key(term)


def _network_key(text: str) -> str | None:
    try:
        return f"ip:{network_of(text.partition('/')[0])}"
    except ValueError:
        return None
