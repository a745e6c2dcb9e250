"""The forms of the login in a page of the site's own."""

from __future__ import annotations

from typing import Any

from django.template import RequestContext

from .forms import CodeForm, NumberForm
from .pages import Page
from .views import CodeView, LoginView

__all__ = ["code_part", "number_part"]

Part = dict[str, Any]


def number_part(context: RequestContext) -> Part | None:
    """Return what the form for a number needs; ``None`` for who is logged in."""
    view = LoginView()
    if not _is_for(context, view):
        return None
    if isinstance(context.get("view"), LoginView):
        return {}  # A template of our own view: it has all, and errors too.
    form = NumberForm(initial=view.get_initial())
    return view.get_context_data(form=form, action=view.address(view.ask_page))


def code_part(context: RequestContext) -> Part | None:
    """Return what the form for the code needs; ``None`` if this browser waits for none."""
    view = CodeView()
    if not _is_for(context, view):
        return None
    if isinstance(context.get("view"), CodeView):
        return {}
    return view.get_context_data(form=CodeForm())


def _is_for(context: RequestContext, view: Page) -> bool:
    view.setup(context.request)
    view.leads_to = str(context.get("next") or "")
    return view.elsewhere() is None
