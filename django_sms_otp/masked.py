"""Values that may stand in a local variable, and in no report of an error.

Sentry, Django's error page, pytest and the like write the ``repr`` of each local variable of
each function on the stack. Django's ``sensitive_variables`` hides a variable from Django alone,
and only where somebody has thought of it. These types show nothing, wherever they are. In all
else they are the text or the bytes that they hold: ``str(code)``, ``f"{code}"`` are the code.

What is made from them (``code[1:]``, ``f"Your code is {code}"``) is a plain text again.
"""

from __future__ import annotations

__all__ = ["MaskedBytes", "MaskedText"]

MASK = "'***'"


class MaskedText(str):
    """A text that its ``repr`` does not show: a code, a message, what a person has typed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK

    def __sentry_repr__(self) -> str:
        """Return what Sentry's SDK shows. It takes any other text as it is where that is not a
        local variable: in the body of a request."""
        return repr(self)


class MaskedBytes(bytes):
    """Bytes that their ``repr`` does not show: the body of a request to a gateway."""

    def __repr__(self) -> str:
        return MASK

    def __sentry_repr__(self) -> str:
        return repr(self)
