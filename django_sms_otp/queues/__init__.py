"""Hands messages to the engine that ``DELIVERY`` names: a request's id, and no more."""

from __future__ import annotations

import uuid

from ..conf import get_settings
from ..exceptions import NotQueued

__all__ = ["enqueue_message", "is_queued"]


def is_queued() -> bool:
    """Tell whether messages are sent by workers, and not during the request."""
    return get_settings().DELIVERY != "immediate"


def enqueue_message(request_id: uuid.UUID) -> None:
    """Have a worker send the message that waits for this request.

    :raises NotQueued: the engine did not take it, for all that can be told.
    """
    raise NotQueued("No engine yet.")
