"""The admin panel: what was issued and what was counted, read-only.

No code, no seed, and no whole number in lists. Each module registers a table of its own.
"""

from . import codes, counts, limits, phones

__all__ = ["codes", "counts", "limits", "phones"]
