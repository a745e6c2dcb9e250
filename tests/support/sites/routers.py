"""Routers of sites with more than one database."""

from __future__ import annotations

from typing import Any


class CodesRouter:
    """Puts this app's models on a database of their own, and nothing else there."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "codes" if model._meta.app_label == "django_sms_otp" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == ("codes" if app_label == "django_sms_otp" else "default")


class ReplicaRouter:
    """Reads from a replica, which is not there: whatever reads from it fails."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"
