"""Pages of limits rows whose links and forms do not hold the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from ..models import Limit
from .base import FixedOrder, ReadOnlyAdmin
from .handles import handle_of, key_of

__all__ = ["SealedAdmin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """What Django's own pages see of a row. They put ``pk``, a phone number, into links."""

    pk: str
    text: str

    def __str__(self) -> str:
        return self.text


class SealedList(FixedOrder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A pop-up would hand the key to the page that opened it.
        self.is_popup = False
        # Here, and not in the admin class: with search fields there, Django's view for
        # autocompletion would list the keys of all rows.
        self.search_fields = ("key",)

    def url_for_result(self, result: Any) -> str:
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_change",
            args=[handle_of(result.key)],
            current_app=self.model_admin.admin_site.name,
        )


class SealedAdmin(ReadOnlyAdmin):
    # No page stands for a million rows: what is ticked is acted on, and nothing else.
    actions_selection_counter = False
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SealedList]:
        return SealedList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Limit | None:
        key = key_of(object_id)
        return super().get_object(request, key) if key else None

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # A site's own actions on this page (Django 6.1) would come with the key.
        context = {"original": _stand_in(object_id), "action_form": None}
        return super().change_view(request, object_id, form_url, context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        return super().history_view(request, object_id, {"object": _stand_in(object_id)})

    def action_checkbox(self, obj: Any) -> SafeString:
        return super().action_checkbox(StandIn(pk=handle_of(obj.key), text=str(obj)))

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Read the handles that are ticked back into keys."""
        post = request.POST.copy()
        keys = [key_of(handle) for handle in post.getlist(ACTION_CHECKBOX_NAME)]
        post.setlist(ACTION_CHECKBOX_NAME, [key for key in keys if key])
        post["select_across"] = "0"
        request.POST = post  # type: ignore[assignment]
        return super().response_action(request, *args, **kwargs)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        """Write to Django's log of actions, which would keep the whole key otherwise."""
        staff: Any = request.user
        entry: LogEntry = LogEntry.objects.create(
            user=staff,
            content_type=ContentType.objects.get_for_model(obj),
            object_id=handle_of(obj.key),
            object_repr=str(obj),
            action_flag=CHANGE,
            change_message=message,
        )
        return entry


def _stand_in(handle: str) -> StandIn:
    return StandIn(pk=handle, text=str(Limit(key=key_of(handle) or "")))
