"""Whether a message may go out.

Each group of controls is a class of its own; :class:`Screening` asks them in order, in the mode
that the site has set.
"""

from .fraud import note_fraud, note_not_sent, note_redemption
from .number import failure_budget, lock_on, memory
from .probes import count_probe
from .screening import Admitted, Decision, Refused, Screening

__all__ = [
    "Admitted",
    "Decision",
    "Refused",
    "Screening",
    "count_probe",
    "failure_budget",
    "lock_on",
    "memory",
    "note_fraud",
    "note_not_sent",
    "note_redemption",
]
