"""The views of the dashboard. They need the permission to view hourly counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ...db import non_atomic
from ...stats.rollup import roll_up
from ..base import may_see_numbers
from .csv_files import lines_of
from .figures import read_waiting
from .report import Report
from .sections import sections
from .spans import SPANS, Span, SpanForm
from .tiles import tiles

__all__ = ["dashboard_urls"]

NAME = "django_sms_otp_hourlycount_dashboard"

ON_OPENING = timedelta(milliseconds=100)
ON_DEMAND = timedelta(seconds=10)
"""How long a page may count codes, if it is behind."""


def dashboard_urls(model_admin: ModelAdmin[Any]) -> list[URLPattern]:
    def view(request: HttpRequest, table: str = "") -> HttpResponse | StreamingHttpResponse:
        if not model_admin.has_view_permission(request):
            raise PermissionDenied
        return _csv(request, table) if table else _page(request, model_admin)

    view = model_admin.admin_site.admin_view(non_atomic(view))
    return [
        path("dashboard/", view, name=NAME),
        path("dashboard/<slug:table>.csv", view, name=f"{NAME}_csv"),
    ]


def _page(request: HttpRequest, model_admin: ModelAdmin[Any]) -> HttpResponse:
    # The counts first: the page shows what they say.
    counted = roll_up(time_limit=ON_DEMAND if "count" in request.GET else ON_OPENING)
    form = SpanForm(request.GET or None)
    span = form.chosen()
    report = Report(span, shows_numbers=may_see_numbers(request))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Dashboard"),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "form": form if form.errors else _dates(span),
        "span": span,
        "zone": timezone.get_current_timezone_name(),
        "spans": [(name, f"?span={name}", label) for name, label in SPANS.items()],
        "counted_until": counted.until,
        "query": _query(span),
        "tiles": tiles(
            report.all,
            report.before(),
            month=report.cost_of_month(),
            waiting=read_waiting(span.now),
            at=span.now,
        ),
        "sections": sections(report),
        "tables": list(_tables(report)),
    }
    return TemplateResponse(request, "admin/django_sms_otp/dashboard.html", context)


def _tables(report: Report) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the tables that have no chart above them, each with its title and its note."""
    about = _("Times are approximate, from the message to the redemption.")
    newest = _("Of the newest 10,000 codes at most.")
    yield _("Countries"), report.countries(), about
    yield _("Backends"), report.backends(), about
    yield _("Busiest prefixes"), report.prefixes(), newest
    yield _("What stood in the way"), report.controls(), ""


def _dates(span: Span) -> SpanForm:
    return SpanForm(initial={"since": span.first, "until": span.last})


def _query(span: Span) -> str:
    if span.name:
        return urlencode({"span": span.name})
    return urlencode({"since": span.first.isoformat(), "until": span.last.isoformat()})


def _csv(request: HttpRequest, name: str) -> StreamingHttpResponse:
    span = SpanForm(request.GET).chosen()
    table = Report(span, shows_numbers=may_see_numbers(request)).tables.get(name)
    if table is None:
        raise Http404
    roll_up(time_limit=ON_OPENING)
    file = f"sms-otp-{name}-{span.first.isoformat()}-{span.last.isoformat()}.csv"
    return StreamingHttpResponse(
        lines_of(table()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )
