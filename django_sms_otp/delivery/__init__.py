"""Hands codes to their gateways, after the commit, and records how that went.

During the request, or in a worker: then the queue carries a request's id and nothing else, and
whoever works it off claims the message first.
"""

from .composing import code_of
from .jobs import deliver_queued, take_back, tell_gateway
from .sending import deliver, withhold

__all__ = [
    "code_of",
    "deliver",
    "deliver_queued",
    "take_back",
    "tell_gateway",
    "withhold",
]
