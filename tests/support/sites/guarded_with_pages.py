"""The same site, with the pages."""

from __future__ import annotations

from django.urls import include, path, re_path

from .guarded import pages, plain
from .guarded import urlpatterns as guarded

urlpatterns = [
    *guarded,
    path("login/", include(pages)),
    # A path that a browser reads as another host.
    re_path(r"^/evil.example/$", plain),
]
