"""How to get each answer that ``openapi.yaml`` promises."""

from . import cookies, login, numbers, receipts, step_up, whichever  # noqa: F401  (they fill CASES)
from .base import CASES, Case, Site

__all__ = ["CASES", "Case", "Site"]

whichever.register_all()
