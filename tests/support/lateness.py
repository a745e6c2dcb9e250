"""Tests that look at the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["in_time", "wait_for"]

BUSY = 10.0
"""Seconds that a busy machine may take on top. What is tested would take far longer, or for
ever, if it were not ended."""


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started <= seconds + BUSY


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + BUSY
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
