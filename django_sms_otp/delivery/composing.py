"""Composes the message of a code. The digits exist only from here to the backend."""

from __future__ import annotations

from datetime import timedelta

from django.db import InterfaceError, OperationalError
from django.utils import timezone, translation

from .. import codes
from ..backends import SMSMessage, get_backend
from ..conf import get_settings, secret_keys
from ..db import database_alias
from ..exceptions import Cause, InvalidSettings, NotDelivered
from ..logs import translate_errors
from ..models import OTPCode
from ..purposes import read_context
from .messages import compose

__all__ = ["code_of", "message_of"]

ALIAS_AVOIDED_FOR = timedelta(hours=1)
"""How long a failover avoids a backend that did not reach the number."""


def code_of(otp_code: OTPCode) -> str | None:
    """Return the digits of a code.

    ``None`` means that nobody can redeem it: the key that made them is gone, or its number is
    a test number no more.
    """
    if otp_code.is_test:
        return get_settings().test_code(otp_code.phone_number)
    for key in secret_keys():
        if codes.fingerprint(key) == otp_code.key_id:
            return codes.derive_code(
                key,
                seed=otp_code.seed,
                phone_number=otp_code.number.e164,
                purpose=otp_code.purpose,
                context=otp_code.context,
                length=otp_code.code_length,
            )
    return None


def message_of(otp_code: OTPCode) -> SMSMessage:
    """Return the message to send, in the language of the request.

    :raises NotDelivered: the key that made the code is gone, or the text cannot be rendered.
    """
    code = code_of(otp_code)
    if code is None:
        # The worker has another SECRET_KEY than the site, or the key was changed and is not in
        # SECRET_KEY_FALLBACKS.
        raise NotDelivered(
            "The key of this code is gone.", error_code="key-gone", cause=Cause.ACCOUNT
        )
    valid_for = otp_code.expires_at - (otp_code.claimed_at or timezone.now())
    with translation.override(otp_code.language or translation.get_language()):
        body = translate_errors(
            lambda: _compose(otp_code, code, valid_for),
            _rendering_error,
            own=(InvalidSettings, OperationalError, InterfaceError),
        )
    return SMSMessage(
        to=otp_code.number.e164,
        body=body,
        code=code,
        purpose=otp_code.purpose,
        request_id=otp_code.id,
        valid_for=valid_for,
        channel=otp_code.channel,
        language=otp_code.language,
        region=otp_code.region,
        send_count=otp_code.send_count,
        avoid=_failed_aliases(otp_code),
    )


def _compose(otp_code: OTPCode, code: str, valid_for: timedelta) -> str:
    # A worker whose settings lack the purpose raises here, and sends nothing.
    purpose = get_settings().purpose(otp_code.purpose)
    context = read_context(otp_code.context)
    return compose(code, purpose, valid_for=valid_for, context=context)


def _rendering_error(error: Exception) -> NotDelivered:
    # A template may raise any error, and the text of the error may hold the code.
    name = type(error).__name__
    text = f"The MESSAGE of its purpose cannot be rendered: {name}."
    return NotDelivered(text, error_code=name, cause=Cause.ACCOUNT)


def _failed_aliases(otp_code: OTPCode) -> frozenset[str]:
    if not get_backend(otp_code.backend).targets:
        return frozenset()
    # Not from a replica: it may not have the newest receipts yet.
    since = timezone.now() - ALIAS_AVOIDED_FOR
    recent = OTPCode.objects.using(database_alias()).filter(
        phone_number=otp_code.number.e164,
        purpose=otp_code.purpose,
        created_at__gt=since,
        # Redundant (expires_at > created_at), but lets the index be used.
        expires_at__gt=since,
    )
    return frozenset(recent.exclude(undelivered_by="").values_list("undelivered_by", flat=True))
