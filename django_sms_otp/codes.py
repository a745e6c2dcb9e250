"""The secret in the SMS: derived, normalised, matched. Pure.

No code is stored. The row of a code holds a random seed, the number of digits and the
fingerprint of the key. The digits come from HMAC-SHA256 (RFC 2104, FIPS 198-1) under a key that
has no other use. An attacker needs both the database and the key to compute a code.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata

from .crypto import digest
from .masked import MaskedText
from .phone.typed_text import without_marks

__all__ = ["code_in", "derive_code", "fingerprint", "match_code", "normalise_code"]

VERSION = "1"
"""A part of every derivation: a future scheme has another version, and so other codes."""

DERIVATION_LABEL = b"django_sms_otp.codes.derive"
FINGERPRINT_LABEL = b"django_sms_otp.codes.fingerprint"

MAX_TYPED_LENGTH = 64
"""The longest input to read: ten digits and generous spacing."""

MAX_MESSAGE_LENGTH = 1000
"""How much of a pasted message is looked at."""


def fingerprint(key: bytes) -> str:
    """Return a name for a site key that does not reveal it: 16 hexadecimal digits.

    Each row keeps it, so that after a rotation only the right key is tried.
    """
    return hmac.digest(key, FINGERPRINT_LABEL, "sha256")[:8].hex()


def derive_code(
    key: bytes, *, seed: str, phone_number: str, purpose: str, context: str, length: int
) -> str:
    """Compute the code of a row: ``length`` digits, uniform over the whole range.

    :param key: the site's key.
    :param seed: the row's random seed, in hexadecimal.
    :param phone_number: in E.164.
    :param context: the text of the context that the code is bound to; empty without one.
    """
    bound_to = hashlib.sha256(context.encode()).hexdigest() if context else ""
    parts = [each.encode() for each in (VERSION, seed, phone_number, purpose, bound_to)]
    # Without length prefixes ("1", "23") and ("12", "3") would share a code.
    message = b"".join([len(part).to_bytes(4) + part for part in parts])
    number = int.from_bytes(digest(key, DERIVATION_LABEL, message))
    # The bias of 256 bits modulo at most 10^10 is below 2^-222.
    return MaskedText(str(number % 10**length).zfill(length))


def normalise_code(typed: str) -> str:
    """Return the ASCII digits of a typed or pasted code, or ``""`` if it is none.

    Spaces, hyphens and invisible marks are dropped. Decimal digits of any script count.
    """
    if len(typed) > MAX_TYPED_LENGTH:
        return ""
    visible = without_marks(typed)
    digits = [unicodedata.decimal(char, None) for char in visible if not _is_separator(char)]
    return MaskedText("" if None in digits else "".join(map(str, digits)))


def code_in(text: str, length: int) -> str:
    """Return the code that a whole message holds, which a person has pasted.

    It is the one run of so many digits. The message may hold it twice: its last line is for
    browsers. Any other text is returned as it is.
    """
    runs = {normalise_code(run) for run in re.findall(r"\d+", text[:MAX_MESSAGE_LENGTH])}
    codes = [run for run in runs if len(run) == length]
    return codes[0] if len(codes) == 1 else text


def match_code(expected: str, typed: str) -> bool:
    """Compare in constant time. ``typed`` may have spaces, hyphens or digits of any script."""
    return hmac.compare_digest(expected.encode(), normalise_code(typed).encode())


def _is_separator(char: str) -> bool:
    # Zs: spaces. Pd: hyphens and dashes.
    return unicodedata.category(char) in {"Zs", "Pd"} or char in "\t\r\n\u2212"
