"""The secret in the SMS: derived, normalised, matched. Pure.

No code is stored. A code's row holds a random seed, the number of digits and the fingerprint
of the key; the digits come from HMAC-SHA256 (RFC 2104, FIPS 198-1) under a key that is used
for nothing else. Whoever reads the database, or the key, but not both, has no code.
"""

from __future__ import annotations

import hmac
import unicodedata
from functools import lru_cache

from .crypto import digest

__all__ = ["derive_code", "fingerprint", "match_code", "normalise_code"]

VERSION = "1"
"""Part of every derivation: a future scheme gets another number, and so other codes."""

DERIVATION_LABEL = b"django_sms_otp.codes.derive"
FINGERPRINT_LABEL = b"django_sms_otp.codes.fingerprint"

MAX_TYPED_LENGTH = 64
"""Longest input that is looked at: ten digits and generous spacing."""


@lru_cache(maxsize=16)
def fingerprint(key: bytes) -> str:
    """Name a site key without revealing it: 16 hexadecimal digits.

    Rows keep it, so that after a rotation only the key that made a code is tried.
    """
    return hmac.digest(key, FINGERPRINT_LABEL, "sha256")[:8].hex()


def derive_code(
    key: bytes, *, seed: str, phone_number: str, purpose: str, context: str, length: int
) -> str:
    """Compute the code of a row: ``length`` digits, uniform over the whole range.

    :param key: the site's key.
    :param seed: the row's random seed, in hexadecimal.
    :param phone_number: in E.164.
    :param context: digest of what else the code is bound to; empty where there is nothing.
    """
    parts = [each.encode() for each in (VERSION, seed, phone_number, purpose, context)]
    # Length prefixes: without them ("1", "23") and ("12", "3") would share a code.
    message = b"".join([len(part).to_bytes(4) + part for part in parts])
    number = int.from_bytes(digest(key, DERIVATION_LABEL, message))
    # 256 bits modulo at most 10^10: the bias is below 2^-222.
    return str(number % 10**length).zfill(length)


def normalise_code(typed: str) -> str:
    """Return the ASCII digits that somebody typed or pasted, or ``""`` for anything else.

    Spaces and hyphens of every kind are dropped, and decimal digits of any script count.
    """
    if len(typed) > MAX_TYPED_LENGTH:
        return ""
    if typed.isascii() and typed.isdigit():
        return typed  # As most people type it: nothing is to be dropped.
    digits = [_digit(char) for char in typed if not _is_separator(char)]
    return "" if None in digits else "".join(map(str, digits))


def match_code(expected: str, typed: str) -> bool:
    """Compare in constant time; ``typed`` as it came in."""
    return hmac.compare_digest(expected.encode(), normalise_code(typed).encode())


def _is_separator(char: str) -> bool:
    # Zs: spaces; Pd: hyphens and dashes; the rest: tabs, line ends, and the invisible marks
    # that come along when text is copied from a right-to-left message.
    return unicodedata.category(char) in {"Zs", "Pd", "Cf"} or char in "\t\r\n\u2212"


def _digit(char: str) -> int | None:
    return unicodedata.decimal(char, None)
