"""Locks users: the last locks of a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections

from .transactions import database_alias

__all__ = ["lock_users"]


def lock_users(keys: Iterable[Any]) -> dict[Any, Any]:
    """Lock users until the end of the transaction, and return them by their primary keys.

    They are locked in the order of their keys, so that two transactions that lock the same ones
    never wait for each other. Hidden users are locked too. SQLite has no such lock and needs
    none: the first write of the transaction has locked the whole database.
    """
    model = get_user_model()
    alias = database_alias(model)
    # Rows that refer to the user, such as tokens, may be inserted meanwhile.
    no_key = connections[alias].features.has_select_for_no_key_update
    users = model._base_manager.using(alias).select_for_update(no_key=no_key)
    return {user.pk: user for user in users.filter(pk__in=[*keys]).order_by("pk")}
