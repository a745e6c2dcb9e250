"""What this app promises: the only place with these figures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "LEAST_LOGINS",
    "LONGEST_BATCH",
    "MOST_CALLS",
    "MOST_GROWTH",
    "MOST_PURGE",
    "MOST_START_MEMORY",
    "MOST_START_TIME",
]

MOST_CALLS: Mapping[str, float] = MappingProxyType(
    {"get-code": 2.0, "auth-code": 1.2, "wrong code": 1.2}
)
"""Function calls of a request, as a multiple of the bare app's."""

LEAST_LOGINS = 0.85
"""Logins a second, as a share of the bare app's."""

MOST_GROWTH = 1.1
"""Time of a login beside ten million expired rows, as a multiple of that beside none."""

MOST_PURGE = 1.5
"""Time of a purge, as a multiple of a single DELETE's."""

LONGEST_BATCH = 0.2
"""Seconds."""

MOST_START_TIME = 0.04
"""Seconds that the app adds to the start of a site with REST framework and simplejwt."""

MOST_START_MEMORY = 10 * 10**6
"""Bytes that it adds."""
