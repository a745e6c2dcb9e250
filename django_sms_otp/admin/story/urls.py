"""The addresses of stories, in the admin of issued codes."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.admin import AdminSite
from django.http import HttpResponse
from django.urls import URLPattern, path

from ...db import non_atomic
from .acting import ActionPages
from .links import ACT, EXPORT, FIND, OF
from .pages import StoryPages

__all__ = ["story_urls"]

View = Callable[..., HttpResponse]


def story_urls(site: AdminSite) -> list[URLPattern]:
    def wrapped(view: View) -> View:
        # The services behind the pages own their transactions.
        return non_atomic(site.admin_view(view))

    pages, actions = StoryPages(site), ActionPages(site)
    of = "story/<str:kind>/<str:key>/"
    return [
        path("story/", wrapped(pages.find), name=FIND),
        path(of, wrapped(pages.show), name=OF),
        path(f"{of}export/", wrapped(actions.export), name=EXPORT),
        path(f"{of}<str:name>/", wrapped(actions.act), name=ACT),
    ]
