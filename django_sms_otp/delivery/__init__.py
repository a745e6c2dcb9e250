"""Hands messages to their gateways after the commit, and records the results.

A message goes out during the request or in a worker. A queue carries the id of a request and
nothing else. A worker claims the message before it sends it.
"""

from .composing import code_of
from .feedback import send_feedback
from .jobs import deliver_queued, take_back
from .sending import deliver, withhold
from .texts import send_text

__all__ = [
    "code_of",
    "deliver",
    "deliver_queued",
    "send_feedback",
    "send_text",
    "take_back",
    "withhold",
]
