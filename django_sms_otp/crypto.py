"""HMAC-SHA256 (RFC 2104, FIPS 198-1) under keys that are derived from the site's. Pure.

A key derived for one use says nothing about any other use of the same secret.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

__all__ = ["digest"]


def digest(secret: bytes, label: bytes, message: bytes) -> bytes:
    """Return the 32 bytes of a message.

    :param label: what the subkey is for, and nothing else is.
    """
    begun = _begun(secret, label).copy()
    begun.update(message)
    return begun.digest()


@lru_cache(maxsize=64)
def _begun(secret: bytes, label: bytes) -> hmac.HMAC:
    """Set up the subkey once: with each new one OpenSSL looks the algorithm up again, which
    takes as long as the rest of a digest, or longer."""
    return hmac.new(hmac.digest(secret, label, "sha256"), digestmod="sha256")
