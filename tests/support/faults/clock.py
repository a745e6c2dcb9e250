"""A clock that a test can set, in another process: the machine's, and so much beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path


class Clock:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"

    def shift(self, by: timedelta) -> None:
        self._set(self._offset() + by)

    def reset(self) -> None:
        self._set(timedelta())

    def shifted(self, now: Callable[[], datetime]) -> Callable[[], datetime]:
        return lambda: now() + self._offset()

    def _set(self, offset: timedelta) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(str(offset.total_seconds()))
        draft.replace(self._file)

    def _offset(self) -> timedelta:
        seconds = self._file.read_text() if self._file.exists() else "0"
        return timedelta(seconds=float(seconds))
