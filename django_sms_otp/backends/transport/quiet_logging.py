"""Suppresses the log lines of foreign libraries about a message.

SDKs log requests and answers at DEBUG, and some at WARNING: the text with the code in it, the
number, and credentials.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["suppress_logs"]

Note = Callable[[BaseException | None], None]

_note: ContextVar[Note | None] = ContextVar("note", default=None)


def _is_told(record: logging.LogRecord) -> bool:
    note = _note.get()
    if note is None:
        return True
    if record.levelno >= logging.WARNING:
        note(sys.exception())
    return False


def _forget(_error: BaseException | None) -> None:
    """Note nothing."""


@contextmanager
def suppress_logs(*names: str, note: Note = _forget) -> Iterator[None]:
    """Drop the log lines of the block for the loggers with these names, and for those below.

    Other threads log as before. So does this one after the block.

    :param note: called for each warning that is dropped, with the error that was being handled
        when it was logged. For a library that logs its errors and raises none.
    """
    # The filter of a logger does not see what the loggers below it log, so each of them gets
    # it. Each call adds it again: a site may make and configure loggers at any time.
    prefixes = tuple(f"{name}." for name in names)
    existing = list(logging.root.manager.loggerDict)  # Other threads may add to it.
    below = [name for name in existing if name.startswith(prefixes)]
    for name in (*names, *below):
        logging.getLogger(name).addFilter(_is_told)
    token = _note.set(note)
    try:
        yield
    finally:
        _note.reset(token)
