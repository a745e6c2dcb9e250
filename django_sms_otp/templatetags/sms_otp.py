"""The forms of the login for a page of the site's own. Its templates include them.

They need ``request``, as every page has that ``render`` makes.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext

from ..web.parts import code_part, number_part

register = template.Library()

LAYOUT = "django_sms_otp/web/part.html"


@register.simple_tag(takes_context=True)
def sms_otp_number_form(context: RequestContext) -> str:
    """Show the form that asks for a number. It leads to the page for the code."""
    return _render(context, "django_sms_otp/web/login.html", number_part(context))


@register.simple_tag(takes_context=True)
def sms_otp_code_form(context: RequestContext) -> str:
    """Show the form that asks for the code; nothing if this browser waits for none."""
    return _render(context, "django_sms_otp/web/code.html", code_part(context))


def _render(context: RequestContext, name: str, part: dict[str, Any] | None) -> str:
    page = context.template
    if part is None or page is None:
        return ""
    with context.push(**part, sms_otp_layout=LAYOUT):
        return page.engine.get_template(name).render(context)
