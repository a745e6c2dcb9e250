"""What the checks share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.core.checks import CheckMessage

from ..conf import get_settings
from ..exceptions import InvalidSettings

__all__ = ["with_valid_settings"]

Check = Callable[..., Sequence[CheckMessage]]


def with_valid_settings(check: Check) -> Check:
    """Leave a broken ``SMS_OTP`` to the one check that reports it."""

    @wraps(check)
    def wrapper(**kwargs: Any) -> Sequence[CheckMessage]:
        try:
            get_settings()
        except InvalidSettings:
            return []
        return check(**kwargs)

    return wrapper
