"""Which fault comes next: written by the test, taken once by a process of the server."""

from __future__ import annotations

from pathlib import Path


class Plan:
    """``kill sent``: at the point of that name; ``drop 7``: at the seventh point.

    ``kill`` ends the process, ``drop`` has the database close the connection, and ``deafen``
    has the line to it break before the next answer comes back.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "fault"
        self.deaf = folder / "deaf"

    def arm(self, action: str, point: str | int) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{action} {point}")
        draft.replace(self._file)

    def disarm(self) -> bool:
        """Take the fault back. Return whether it was still to come."""
        was_armed = self._file.exists()
        self._file.unlink(missing_ok=True)
        return was_armed

    def take(self, point: str, number: int) -> str | None:
        """Return the action that is due at a point, which is then done with."""
        if not self._file.exists():
            return None
        action, due = self._file.read_text().split()
        if due not in {point, str(number)}:
            return None
        self._file.unlink()
        return action
