"""Limits that many numbers share, kept in Redis or Valkey instead of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...conf import get_settings

if TYPE_CHECKING:
    from .store import LimitStore

__all__ = ["get_store"]


def get_store() -> LimitStore | None:
    """Return where limits are kept; ``None``: in rows of the database.

    :raises InvalidSettings: ``LIMITS_CACHE`` names a cache that cannot hold limits.
    """
    alias = get_settings().LIMITS_CACHE
    if alias is None:
        return None
    # Here: most sites have no such cache, and need not load what counts in it.
    from .store import store_in

    return store_in(alias)
