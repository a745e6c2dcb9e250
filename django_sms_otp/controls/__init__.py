"""Decides whether a message may go out, and whether a guess may be evaluated.

Each group of controls is a class. :class:`Policy` asks the groups in order, in the modes that
the site has set.
"""

from .cohorts import note_fraud, note_not_sent, note_redemption
from .number import failure_budget, lock_on, memory
from .policy import Admitted, Decision, Policy, Refused
from .prepayment import take_from_address

__all__ = [
    "Admitted",
    "Decision",
    "Policy",
    "Refused",
    "failure_budget",
    "lock_on",
    "memory",
    "note_fraud",
    "note_not_sent",
    "note_redemption",
    "take_from_address",
]
