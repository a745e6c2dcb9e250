"""Keeps to themselves what other people's libraries log about a message.

SDKs log requests and answers at DEBUG, and some at WARNING: the text with the code in it, the
number, and credentials too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["unlogged"]

_unlogged: ContextVar[bool] = ContextVar("unlogged", default=False)


class _Discretion(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _unlogged.get()


_DISCRETION = _Discretion()


@contextmanager
def unlogged(*roots: str) -> Iterator[None]:
    """Drop what this thread logs to the loggers with these names, and to those below them.

    Other threads log as before, and this one does after the block.
    """
    # A filter of a logger does not see what its children log, so each gets it. It stays, and is
    # put on again in each call: loggers are made, and configured anew, at any time.
    for logger in _family(roots):
        logger.addFilter(_DISCRETION)
    token = _unlogged.set(True)
    try:
        yield
    finally:
        _unlogged.reset(token)


def _family(roots: tuple[str, ...]) -> list[logging.Logger]:
    below = tuple(f"{root}." for root in roots)
    made = list(logging.root.manager.loggerDict)
    return [
        logging.getLogger(name) for name in {*roots, *(n for n in made if n.startswith(below))}
    ]
