"""Check that an answer is the one that a page promises."""

from __future__ import annotations

from datetime import datetime
from typing import Any

__all__ = ["assert_as_promised"]

SAME = ("code", "detail", "errors", "code_length", "id")
"""Keys whose values are promised too. The others differ from run to run."""


def assert_as_promised(promised: Any, answer: Any) -> None:
    assert list(answer) == list(promised)
    for key in SAME:
        assert answer.get(key) == promised.get(key)
    if "expires_at" in promised:
        assert _left(answer) == _left(promised)


def _left(answer: dict[str, str]) -> int:
    """Return the seconds from the earliest resend to the end."""
    end, resend = (
        datetime.fromisoformat(answer[key]) for key in ("expires_at", "resend_available_at")
    )
    return round((end - resend).total_seconds())
