"""The views behind the buttons of a story. Each action leaves a log line and a history."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.utils.translation import gettext as _

from ...exceptions import Contention, Unavailable
from ...services import export_number
from ..base import may_see_numbers, staff_name
from .actions import ACTIONS, Action
from .finding import row_of
from .gathering import Story
from .links import OF
from .obstacles import decisions
from .page import Page, check_may_see, shown, story_at
from .seen import is_seen, mark_of

__all__ = ["ActionPages"]

EXPORTED = gettext_noop("Exported what is kept about the number.")
FILE = "phone-number.json"

CHANGED = gettext_lazy(
    "Something has changed meanwhile, so nothing was done. Please look again."
)


class ActionPages(Page):
    """Do something about a story, or ask first."""

    def act(self, request: HttpRequest, kind: str, key: str, name: str) -> HttpResponse:
        story = _story(request, kind, key)
        action = ACTIONS.get(name)
        if action is None:
            raise Http404
        if not request.user.has_perm(f"django_sms_otp.{action.permission}"):
            raise PermissionDenied
        form = action.form_for(story, request.POST or None)
        if request.method == "POST" and (form.is_valid() or not form.fields):
            if is_seen(request.POST.get("seen", ""), story, action):
                self._do(request, action, story, form)
            else:
                messages.warning(request, CHANGED)
            return redirect(self.address_of(story))
        context = {
            "title": action.label,
            "number": shown(request, story.number.e164),
            "action": action,
            "form": form,
            "seen": mark_of(story, action),
            "decided": [each.text for each in decisions(story) if action.depends_on(story)],
            "kind": kind,
            "key": key,
        }
        return self.answer(request, "confirm", context)

    def export(self, request: HttpRequest, kind: str, key: str) -> HttpResponse:
        """Download everything that is kept. It is posted, because it leaves a trace."""
        story = _story(request, kind, key)
        if not may_see_numbers(request):
            raise PermissionDenied
        if request.method != "POST":
            return redirect(self.url(OF, kind, key))
        if not is_seen(request.POST.get("seen", ""), story):
            messages.warning(request, CHANGED)
            return redirect(self.address_of(story))
        e164 = story.number.e164
        data = export_number(e164, by=staff_name(request))
        _log(request, row_of(e164), EXPORTED)
        headers = {"Content-Disposition": f'attachment; filename="{FILE}"'}
        style = {"indent": 2, "ensure_ascii": False}
        return JsonResponse(
            data, encoder=DjangoJSONEncoder, json_dumps_params=style, headers=headers
        )

    def _do(self, request: HttpRequest, action: Action, story: Story, form: Any) -> None:
        try:
            done = action.do(story, form, staff_name(request))
        except Contention:
            text = _("This number is in use right now. Please try again.")
            messages.warning(request, text)
            return
        except Unavailable as error:
            messages.warning(request, error.text)
            return
        if not done.is_done:
            messages.warning(request, done.text or _("There was nothing to do."))
            return
        tell = messages.success if done.is_sure else messages.warning
        tell(request, done.text)
        # What was erased has had a row before.
        rows = (done.row, row_of(story.number.e164), story.limit, story.verified, story.newest)
        _log(request, next(filter(None, rows), None), action.log_text)


def _story(request: HttpRequest, kind: str, key: str) -> Story:
    """:raises Http404: the address stands for no number."""
    check_may_see(request, kind)
    story = story_at(kind, key)
    if story is None:
        raise Http404
    return story


def _log(request: HttpRequest, row: Any, text: str) -> None:
    """Write into the history of a row. Its name there is masked."""
    user: Any = request.user
    if row is not None:
        LogEntry.objects.log_actions(user.pk, [row], CHANGE, gettext(text), single_object=True)
