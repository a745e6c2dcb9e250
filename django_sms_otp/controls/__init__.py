"""Whether a message may go out, and whether a guess may be looked at.

Each group of controls is a class of its own; :class:`Policy` asks them in order, in the mode
that the site has set.
"""

from .cohorts import note_fraud, note_not_sent, note_redemption
from .number import failure_budget, lock_on, memory
from .policy import Admitted, Decision, Policy, Refused
from .probes import count_probe

__all__ = [
    "Admitted",
    "Decision",
    "Policy",
    "Refused",
    "count_probe",
    "failure_budget",
    "lock_on",
    "memory",
    "note_fraud",
    "note_not_sent",
    "note_redemption",
]
