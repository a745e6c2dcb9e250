"""What the pages of stories share: who may see them, whose they are, how they answer."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import Media
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from ... import phone
from ...auth.users import get_user_resolver
from ...models import Limit, OTPCode
from ..accounts import may_see_users
from ..base import may_see_numbers
from .finding import row_of
from .gathering import Story, gather
from .links import CODE, FIND, KINDS, USER, story_url

__all__ = ["Page", "check_may_see", "shown", "story_at"]

MEDIA = Media(css={"all": ["django_sms_otp/admin.css", "django_sms_otp/story.css"]})

VIEWS = ("view_otpcode", "view_limit")
"""Who may see a story: it shows both tables."""


class Page:
    """Views of one ``AdminSite``."""

    def __init__(self, site: AdminSite) -> None:
        self.site = site

    def address(self, row: Any) -> str:
        return story_url(row, site=self.site.name)

    def url(self, name: str, *args: str) -> str:
        """Return the address of a page of this site."""
        return reverse(f"admin:{name}", args=args, current_app=self.site.name)

    def address_of(self, story: Story) -> str:
        """Return the address of a story. What has named its number may not do so any more."""
        code = story.found_by
        if code is not None and OTPCode.objects.filter(pk=code.pk).exists():
            return self.address(code)
        row = row_of(story.number.e164)
        return self.address(row) if row else self.url(FIND)

    def answer(
        self, request: HttpRequest, name: str, context: dict[str, Any]
    ) -> TemplateResponse:
        request.current_app = self.site.name
        everything = {
            **self.site.each_context(request),
            "opts": OTPCode._meta,
            "media": MEDIA,
            **context,
        }
        return TemplateResponse(request, f"admin/django_sms_otp/story/{name}.html", everything)


def check_may_see(request: HttpRequest, kind: str = "") -> None:
    """:param kind: what names the number in the address.
    :raises PermissionDenied: the member of staff may not see the tables of a story, or users.
    """
    if not request.user.has_perms([f"django_sms_otp.{name}" for name in VIEWS]):
        raise PermissionDenied
    if kind == USER and not may_see_users(request):
        raise PermissionDenied


def story_at(kind: str, key: str) -> Story | None:
    """Return the story that an address stands for; ``None`` if a user has no number.

    :raises Http404: there is no such row.
    """
    key = unquote(key)
    e164 = _number_of(kind, key)
    if e164 is None:
        return None
    return gather(e164, found_by=key if kind == CODE else "")


def _number_of(kind: str, key: str) -> str | None:
    try:
        if kind == USER:
            return _number_of_user(key)
        row: Any = KINDS[kind]._default_manager.filter(pk=key).first()
    except (KeyError, ValueError, ValidationError):
        raise Http404 from None
    if row is None or (isinstance(row, Limit) and not row.is_number):
        raise Http404
    return str(row.subject if isinstance(row, Limit) else row.phone_number)


def shown(request: HttpRequest, e164: str) -> str:
    """Return a number as the member of staff may see it."""
    return e164 if may_see_numbers(request) else phone.mask(e164)


def _number_of_user(key: str) -> str | None:
    user = get_user_model()._default_manager.filter(pk=key).first()
    if user is None:
        raise Http404
    numbers = get_user_resolver().numbers_of(user)
    return numbers[0].phone_number.e164 if numbers else None
