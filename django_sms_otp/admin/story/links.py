"""The addresses of stories. No phone number is part of one."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from ...models import Limit, OTPCode, VerifiedPhone

__all__ = ["ACT", "CODE", "EXPORT", "FIND", "KINDS", "OF", "USER", "link_to", "story_url"]

CODE = "code"

KINDS = {"limit": Limit, CODE: OTPCode, "phone": VerifiedPhone}
"""The rows that stand for a number in an address."""

USER = "user"
"""Stands for the main number of a user."""

FIND, OF = "django_sms_otp_story", "django_sms_otp_story_of"
ACT, EXPORT = "django_sms_otp_story_act", "django_sms_otp_story_export"
"""The names of the addresses."""


def story_url(row: Any, *, site: str) -> str:
    """Return the address of the story of a row's number, or of a user.

    :param site: the name of the ``AdminSite``.
    """
    kind = next((name for name, model in KINDS.items() if isinstance(row, model)), USER)
    return reverse(f"admin:{OF}", args=[kind, quote(str(row.pk))], current_app=site)


def link_to(row: Any, *, site: str) -> str:
    """Return a link to the story of a row's number.

    :param site: the name of the ``AdminSite``.
    """
    url, label = story_url(row, site=site), _("Story of %(number)s") % {"number": row}
    return format_html('<a href="{}" aria-label="{}">{}</a>', url, label, _("story"))
