"""The pages of stories: whose it is, and the story itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from ... import phone
from ...auth.users import get_user_resolver
from ...db import non_atomic
from ...models import Limit, OTPCode
from ..accounts import may_see_users, name_of, user_url
from ..base import may_see_numbers
from .finding import find, row_of
from .gathering import gather
from .links import FIND, KINDS, OF, story_url
from .obstacles import obstacles_of
from .timeline import timeline_of

__all__ = ["StoryPages"]

MEDIA = Media(css={"all": ["django_sms_otp/admin.css", "django_sms_otp/story.css"]})
VIEWS = ("view_otpcode", "view_limit")
"""Who may see a story: it shows both tables."""


class StoryPages:
    """The views of one ``AdminSite``."""

    def __init__(self, site: AdminSite) -> None:
        self.site = site

    @property
    def urls(self) -> list[URLPattern]:
        return [
            path("story/", self._view(self.find), name=FIND),
            path("story/<str:kind>/<str:key>/", self._view(self.show), name=OF),
        ]

    def _view(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        # The services behind the pages own their transactions.
        return non_atomic(self.site.admin_view(view))

    def find(self, request: HttpRequest) -> HttpResponse:
        """Ask whose story it is. The answer is posted, so no number gets into an address."""
        check_may_see(request)
        text = request.POST.get("who", "")
        rows: list[Any] = []
        if request.method == "POST":
            found = find(request, text)
            if len(found.rows) == 1:
                return redirect(self._address(found.rows[0]))
            rows = found.rows
            if found.why:
                messages.warning(request, found.why)
        context = {
            "title": _("Why did somebody get no code?"),
            "who": text,
            "found": [(_label(request, row), self._address(row)) for row in rows],
        }
        return self._answer(request, "find", context)

    def show(self, request: HttpRequest, kind: str, key: str) -> HttpResponse:
        check_may_see(request)
        e164 = number_of(kind, unquote(key))
        if e164 is None:
            messages.warning(request, _("This user has no phone number."))
            return redirect(f"admin:{FIND}")
        story = gather(e164)
        names_users = may_see_users(request)
        obstacles = obstacles_of(story)
        context = {
            "title": _("Story of %(number)s") % {"number": _shown(request, e164)},
            "story": story,
            "user_name": name_of(story.user) if story.user and names_users else "",
            "user_url": user_url(story.user.pk) if story.user else "",
            "others": [(row, story_url(row, site=self.site.name)) for row in story.others],
            "answer": obstacles[0],
            "obstacles": obstacles[1:],
            "timeline": timeline_of(story, names_users=names_users),
        }
        return self._answer(request, "story", context)

    def _address(self, row: Any) -> str:
        if isinstance(row, OTPCode) and (limit := _limit_of(row)):
            return f"{story_url(limit, site=self.site.name)}#code-{row.short_id}"
        return story_url(row, site=self.site.name)

    def _answer(
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


def check_may_see(request: HttpRequest) -> None:
    """:raises PermissionDenied: the member of staff may not see the tables of a story."""
    if not request.user.has_perms([f"django_sms_otp.{name}" for name in VIEWS]):
        raise PermissionDenied


def number_of(kind: str, key: str) -> str | None:
    """Return the number that an address stands for; ``None`` if a user has none.

    :raises Http404: there is no such row.
    """
    try:
        if kind == "user":
            return _number_of_user(key)
        row: Any = KINDS[kind]._default_manager.filter(pk=key).first()
    except (KeyError, ValueError, ValidationError):
        raise Http404 from None
    if row is None or (isinstance(row, Limit) and not row.is_number):
        raise Http404
    return str(row.subject if isinstance(row, Limit) else row.phone_number)


def _number_of_user(key: str) -> str | None:
    user = get_user_model()._default_manager.filter(pk=key).first()
    if user is None:
        raise Http404
    numbers = get_user_resolver().numbers_of(user)
    return numbers[0].phone_number.e164 if numbers else None


def _limit_of(code: OTPCode) -> Limit | None:
    row = row_of(code.phone_number)
    return row if isinstance(row, Limit) else None


def _shown(request: HttpRequest, e164: str) -> str:
    return e164 if may_see_numbers(request) else phone.mask(e164)


def _label(request: HttpRequest, row: Any) -> str:
    if isinstance(row, tuple(KINDS.values())):
        return str(row)
    return name_of(row)
