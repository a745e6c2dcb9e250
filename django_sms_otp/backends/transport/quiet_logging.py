"""Suppresses the log lines of foreign libraries about a message.

SDKs log requests and answers at DEBUG, and some at WARNING: the text with the code in it, the
number, and credentials.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["suppress_logs"]

_is_suppressed: ContextVar[bool] = ContextVar("is_suppressed", default=False)


def _is_told(_record: logging.LogRecord) -> bool:
    return not _is_suppressed.get()


@contextmanager
def suppress_logs(*names: str) -> Iterator[None]:
    """Drop the log lines of the block for the loggers with these names, and for those below.

    Other threads log as before. So does this one after the block.
    """
    # The filter of a logger does not see what the loggers below it log, so each of them gets
    # it. Each call adds it again: a site may make and configure loggers at any time.
    prefixes = tuple(f"{name}." for name in names)
    existing = list(logging.root.manager.loggerDict)  # Other threads may add to it.
    below = [name for name in existing if name.startswith(prefixes)]
    for name in (*names, *below):
        logging.getLogger(name).addFilter(_is_told)
    token = _is_suppressed.set(True)
    try:
        yield
    finally:
        _is_suppressed.reset(token)
