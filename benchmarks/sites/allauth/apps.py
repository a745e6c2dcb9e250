from __future__ import annotations

from django.apps import AppConfig


class MembersConfig(AppConfig):
    name = "benchmarks.sites.allauth"
    # allauth's own apps have the label that the folder would give.
    label = "members"
