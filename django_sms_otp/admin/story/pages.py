"""The pages of stories: whose it is, and the story itself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from ...models import OTPCode
from ..accounts import may_see_users, name_of, user_url
from ..base import may_see_numbers
from .actions import offered_to
from .finding import find, row_of
from .links import FIND, KINDS, USER
from .obstacles import obstacles_of
from .page import Page, check_may_see, shown, story_at
from .seen import mark_of
from .timeline import timeline_of

__all__ = ["StoryPages"]


class StoryPages(Page):
    """Find a story, and read it."""

    def find(self, request: HttpRequest) -> HttpResponse:
        """Ask whose story it is. The answer is posted, so no number gets into an address."""
        check_may_see(request)
        text = request.POST.get("who", "")
        rows: list[Any] = []
        if request.method == "POST":
            found = find(request, text)
            if len(found.rows) == 1:
                return redirect(self._address_of(found.rows[0]))
            rows = found.rows
            if found.why:
                messages.warning(request, found.why)
        context = {
            "title": _("Why did this person get no code?"),
            "who": text,
            "found": [(_label(row), self._address_of(row)) for row in rows],
        }
        return self.answer(request, "find", context)

    def show(self, request: HttpRequest, kind: str, key: str) -> HttpResponse:
        check_may_see(request, kind)
        story = story_at(kind, key)
        if story is None:
            return self._without_number(request, unquote(key))
        # The buttons are about the number that is shown, whatever becomes of the user's.
        if kind == USER and (row := row_of(story.number.e164)):
            return redirect(self.address(row))
        names_users = may_see_users(request)
        answer, *others = obstacles_of(story)
        offered = offered_to(request.user, story)
        context = {
            "title": _("Story of %(number)s") % {"number": shown(request, story.number.e164)},
            "story": story,
            "user_name": name_of(story.user) if story.user and names_users else "",
            "user_url": user_url(story.user.pk, site=self.site.name) if story.user else "",
            "others": [(row, self.address(row)) for row in story.others],
            "answer": answer,
            "obstacles": others,
            "actions": [
                (action, action.form_for(story), mark_of(story, action))
                for action in offered
                if not action.asks_first
            ],
            "more": [action for action in offered if action.asks_first],
            "may_export": may_see_numbers(request),
            "seen": mark_of(story),
            "kind": kind,
            "key": key,
            "timeline": timeline_of(story, names_users=names_users),
        }
        return self.answer(request, "story", context)

    def _without_number(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Lead to the number that was a user's, if they have none any more."""
        codes = OTPCode.objects.filter(user_id=user_id).defer("seed")
        code = codes.order_by("-created_at").first()
        if code is None:
            messages.warning(request, _("This user has no phone number."))
            return redirect(self.url(FIND))
        text = _(
            "This user has no phone number any more. This is the number of their last login."
        )
        messages.warning(request, text)
        return redirect(self.address(code))

    def _address_of(self, row: Any) -> str:
        """A request leads to its own place in the story of its number."""
        place = f"#code-{row.short_id}" if isinstance(row, OTPCode) else ""
        return self.address(row) + place


def _label(row: Any) -> str:
    return str(row) if isinstance(row, tuple(KINDS.values())) else name_of(row)
