"""Tests that look at the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["by_the_clock", "in_time"]

by_the_clock = pytest.mark.flaky(reruns=2)
"""Fails where it does so three times: once, the machine may have been busy."""


@contextmanager
def in_time(seconds: float = 1.0) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started <= seconds
