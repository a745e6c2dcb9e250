"""The purposes of codes: what a code authorises. A code of one purpose is valid for no other.

A site declares its own purposes in ``SMS_OTP["PURPOSES"]``. A purpose says what it needs, so
nothing else compares names of purposes.

A code may be bound to a context, such as the amount and the payee of a payment. The context is
shown in the message and is part of the derivation of the code (``codes``). So a code for one
payment confirms no other one: this is the dynamic linking that the European Union asks of
payments (Delegated Regulation 2018/389, article 5).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from string import Formatter
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_noop

__all__ = ["LOGIN", "STEP_UP", "TEST", "VERIFY_PHONE", "Purpose"]

LOGIN = "login"
"""The purpose of the public endpoints."""

VERIFY_PHONE = "verify_phone"
"""Binds a number to the account of a logged-in user: the way back for a disabled number."""

STEP_UP = "step_up"
"""Confirms that a logged-in user still holds a number of their account."""

TEST = "test"
"""The purpose of the messages of ``send_test_sms`` and of no code. No site can declare it."""

BUILT_IN: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        LOGIN: {"opens_account": True},
        VERIFY_PHONE: {
            "binds": True,
            "message": gettext_noop("{code} is your code to confirm this phone number"),
        },
        STEP_UP: {"message": gettext_noop("{code} is your code to confirm that it is you")},
    }
)
"""What these purposes have that the site's settings for all purposes do not say.

The texts differ from that of a login. Otherwise a person who reads a code to a caller could not
tell what it opens.
"""

OWN_PLACEHOLDERS = frozenset({"code", "minutes", "site"})
"""What each message may name. No context can replace it."""

NAME = re.compile(r"[\w.:-]{1,32}", re.ASCII)
"""The column holds 32 characters. A space at the end would be none to some databases."""

MOST_ENTRIES, LONGEST_VALUE = 10, 200
"""Bounds of a context: it is kept beside the code, and has to fit into a message."""

JOINERS = frozenset("\u200c\u200d")
"""Persian and the scripts of India need them."""

INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""What shows nothing, and whose category does not say so. A payee of these would be blank.

The rest of Default_Ignorable_Code_Point (Unicode 16.0, DerivedCoreProperties.txt), and the
Braille pattern without dots.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a code authorises, and what such a code is like.

    :param message: the text of the message, or the name of its template.
    :param code_lifetime: how long a code lives. A gateway's own code may live shorter.
    :param code_length: digits. A gateway that makes codes has a length of its own.
    :param max_attempts: the wrong guesses that each group of callers has at a code.
    :param opens_account: whether the code logs the user of the number in.
    :param binds: whether the code binds the number to an account. Such a code is evaluated even
        if the number is disabled, because it is the way back.
    """

    name: str
    message: str
    code_lifetime: timedelta
    code_length: int
    max_attempts: int
    opens_account: bool = False
    binds: bool = False

    @property
    def shown(self) -> frozenset[str]:
        """The entries of the context that the message shows. A template's are not known."""
        if is_template_name(self.message):
            return frozenset()
        return (placeholders(self.message) or frozenset()) - OWN_PLACEHOLDERS

    @property
    def shows_context(self) -> bool:
        """Whether the person has to read the context in the message."""
        is_own_template = self.name not in BUILT_IN and is_template_name(self.message)
        return bool(self.shown) or is_own_template


def is_name(value: object) -> bool:
    """Return whether ``value`` can name a purpose."""
    return isinstance(value, str) and value != TEST and bool(NAME.fullmatch(value))


def is_template_name(message: str | Promise) -> bool:
    """Return whether a message names a template ("sms/login.txt") and is no text itself."""
    return str(message).endswith(".txt") and " " not in str(message)


def placeholders(message: str | Promise) -> frozenset[str] | None:
    """Return the names in braces; ``None`` if the braces are malformed."""
    try:
        names = [name for _, name, _, _ in Formatter().parse(str(message)) if name is not None]
    except ValueError:
        return None
    return frozenset(names) if all(name.isidentifier() for name in names) else None


def write_context(context: Mapping[str, str] | None) -> str:
    """Return a context as the text that is stored and derived from; empty without one.

    :raises TypeError: it is no mapping of texts.
    :raises ValueError: it is too large, or an entry could forge a part of the message.
    """
    if context is not None and not isinstance(context, Mapping):
        raise TypeError(f"context must be a dict of texts, not {type(context).__name__}.")
    if not context:
        return ""
    if len(context) > MOST_ENTRIES:
        raise ValueError(f"context has {len(context)} entries. It may have {MOST_ENTRIES}.")
    for name, value in context.items():
        _check_entry(name, value)
    # The same text, however it is composed: "é" is one character or two.
    normal = {name: unicodedata.normalize("NFC", value) for name, value in context.items()}
    return json.dumps(normal, ensure_ascii=False, sort_keys=True)


def read_context(text: str) -> dict[str, str]:
    """Return the context that :func:`write_context` has written."""
    context: dict[str, str] = json.loads(text) if text else {}
    return context


def _check_entry(name: object, value: object) -> None:
    # The values are the person's. No error repeats one.
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError("context must be a dict of texts: format an amount yourself.")
    if not name.isidentifier() or name in OWN_PLACEHOLDERS:
        raise ValueError(
            f"context has the entry {name!r}. A name is a word such as 'amount', and none of "
            f"{', '.join(sorted(OWN_PLACEHOLDERS))}."
        )
    # Spaces alone show nothing, either.
    if not value.strip() or len(value) > LONGEST_VALUE:
        raise ValueError(f"context[{name!r}] must have 1 to {LONGEST_VALUE} characters.")
    if any(_forges(char) for char in value):
        raise ValueError(
            f"context[{name!r}] has a line break or an invisible character. In a message it "
            "could pass for another line, or for another order of the words."
        )


def _forges(char: str) -> bool:
    """Return whether a character can make a message look like another one.

    The last line of a message tells browsers which site its code is for. A line break of a
    payee could put another line there. Marks of direction reorder what the person reads.
    """
    if char in JOINERS:
        return False
    is_mark = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return is_mark or INVISIBLE.fullmatch(char) is not None
