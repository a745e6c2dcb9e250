"""Text as people type and paste it."""

from __future__ import annotations

import unicodedata

__all__ = ["without_marks"]

OTHER_MARKS = frozenset("\u034f\ufe00\ufe01\ufe0e\ufe0f")
"""Joiners and variation selectors. Unicode counts them among letters' accents."""


def without_marks(text: str) -> str:
    """Drop the marks that nobody sees.

    Chats, contacts and web pages wrap a number or a code in marks of direction (U+200E,
    U+202A, U+2068), and put zero-width spaces and soft hyphens in between. They come along
    with what a person copies.
    """
    return "".join(each for each in text if not _is_mark(each))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Cf" or char in OTHER_MARKS
