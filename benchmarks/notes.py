"""Reads the codes that our own site's gateway notes: see its module."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

__all__ = ["Notes"]


class Notes:
    """Knows the last code that each number was sent. Threads may share it."""

    def __init__(self, path: Path) -> None:
        path.touch(0o600)
        self._lines = path.open(encoding="ascii")
        self._codes: dict[str, str] = {}
        self._lock = Lock()

    def code(self, phone_number: str) -> str:
        """
        :raises KeyError: the number was sent no code.
        """
        with self._lock:
            while line := self._lines.readline():
                number, code = line.split()
                self._codes[number] = code
            return self._codes[phone_number]
