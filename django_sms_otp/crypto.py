"""HMAC-SHA256 (RFC 2104, FIPS 198-1) under keys derived from those of the site. Pure.

A key that is derived for one use reveals nothing about the keys for other uses.
"""

from __future__ import annotations

import hmac

__all__ = ["digest"]


def digest(secret: bytes, label: bytes, message: bytes) -> bytes:
    """Return the 32-byte digest of a message.

    :param label: names the one use of the derived key.
    """
    return hmac.digest(hmac.digest(secret, label, "sha256"), message, "sha256")
