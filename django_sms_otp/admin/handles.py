"""What stands for a limits row in links, forms and Django's log of actions.

A row's key may be a phone number, and Django's admin writes the primary key into all of these.
So they get the key sealed: encrypted under the site's key, and always in the same way, so that
a row has one address. The tag that proves it genuine also starts the key stream, as in SIV
(RFC 5297): equal streams mean equal texts.
"""

from __future__ import annotations

import hmac

from ..conf import secret_keys

__all__ = ["handle_of", "key_of"]

LABEL = b"django_sms_otp.admin.handles"

TAG_BYTES = 16


def handle_of(key: str) -> str:
    return _seal(key.encode(), secret_keys()[0]).hex()


def key_of(handle: str) -> str | None:
    """Return the key that was sealed; ``None``: the handle is not one of ours."""
    try:
        sealed = bytes.fromhex(handle)
    except ValueError:
        return None
    for secret in secret_keys():
        key = _mixed(sealed[TAG_BYTES:], sealed[:TAG_BYTES], secret)
        if hmac.compare_digest(_seal(key, secret), sealed):
            return key.decode()
    return None


def _seal(key: bytes, secret: bytes) -> bytes:
    tag = _hmac(secret, b"tag", key)[:TAG_BYTES]
    return tag + _mixed(key, tag, secret)


def _mixed(text: bytes, tag: bytes, secret: bytes) -> bytes:
    # One block is enough: a key has at most 64 characters, all of them ASCII.
    stream = _hmac(secret, b"stream", tag)
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))


def _hmac(secret: bytes, use: bytes, message: bytes) -> bytes:
    return hmac.digest(hmac.digest(secret, LABEL + b"." + use, "sha512"), message, "sha512")
