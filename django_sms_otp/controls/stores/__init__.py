"""Counts the limits that many numbers share in Redis or Valkey instead of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...conf import get_settings

if TYPE_CHECKING:
    from .store import LimitStore

__all__ = ["get_store"]


def get_store() -> LimitStore | None:
    """Return the store of limits, or ``None`` if they are rows of the database.

    :raises InvalidSettings: ``LIMITS_CACHE`` names a cache that cannot hold limits.
    """
    alias = get_settings().LIMITS_CACHE
    if alias is None:
        return None
    # Imported here: few sites have a store, and the others need not load its module.
    from .store import store_in

    return store_in(alias)
