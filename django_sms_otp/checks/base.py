"""What the checks share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

from django.core.checks import CheckMessage

from ..backends import BaseSMSBackend, with_targets
from ..conf import get_settings
from ..exceptions import InvalidSettings

__all__ = ["backends_in_use", "register", "registered", "with_valid_settings"]

Check = Callable[..., Sequence[CheckMessage]]

_registered: dict[tuple[str, bool], list[Check]] = defaultdict(list)


def register(tag: str, *, deploy: bool = False) -> Callable[[Check], Check]:
    """Have a check run among those of ``tag``, or those of ``check --deploy``."""

    def added(check: Check) -> Check:
        _registered[tag, deploy].append(check)
        return check

    return added


def registered(tag: str, *, deploy: bool = False) -> Sequence[Check]:
    """Return the checks of the modules that have been imported."""
    return _registered[tag, deploy]


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


def backends_in_use() -> Iterator[BaseSMSBackend]:
    """Yield every backend that a message may go out by, as far as they can be built."""
    seen: set[str] = set()
    for alias in get_settings().CHANNELS.values():
        try:
            backends = with_targets(alias)
        except InvalidSettings:
            continue  # E002 or E021 says so.
        yield from (each for each in backends if each.alias not in seen)
        seen.update(each.alias for each in backends)
