"""The progress of a long command, shown on a terminal."""

from __future__ import annotations

from django.core.management.base import OutputWrapper


class Progress:
    """Rewrites one line of a terminal, and writes nothing into a pipe or a log."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._shown = False

    def show(self, text: str) -> None:
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{text}", ending="")
            self._stream.flush()
            self._shown = True

    def done(self) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K", ending="")
