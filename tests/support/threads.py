"""The same thing many times at once, within this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, connections

__all__ = ["in_threads"]

T = TypeVar("T")


def in_threads(count: int, act: Callable[[], T]) -> list[T]:
    """Do the same in many threads at once, each with a connection of its own."""
    barrier = threading.Barrier(count)

    def run() -> T:
        connection.ensure_connection()
        barrier.wait(30)
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(count)]]
