"""The admin panel: issued codes, verified numbers, limits and hourly counts.

It shows no code and no seed, and masks phone numbers in lists. Each module registers one table.
"""

from . import codes, counts, limits, phones

__all__ = ["codes", "counts", "limits", "phones"]
