"""A mark of what a page has shown.

Its buttons send it back, so nobody acts on another number or on another decision of staff.
"""

from __future__ import annotations

import hmac

from ...conf import secret_keys
from ...crypto import digest
from .actions import Action
from .gathering import Story

__all__ = ["is_seen", "mark_of"]

LABEL = b"django_sms_otp.admin.story"
MARK_BYTES = 16


def mark_of(story: Story, action: Action | None = None) -> str:
    """Return the mark of a number, and of what an action depends on. It reveals neither."""
    depends_on = action.depends_on(story) if action else None
    text = f"{story.number.e164} {depends_on!r}"
    return digest(secret_keys()[0], LABEL, text.encode())[:MARK_BYTES].hex()


def is_seen(mark: str, story: Story, action: Action | None = None) -> bool:
    """Tell whether the page that has sent a mark has shown this."""
    return hmac.compare_digest(mark.encode(), mark_of(story, action).encode())
