"""Staff send a live code again, perhaps by another channel."""

from __future__ import annotations

import logging
from contextlib import suppress

from django.utils import translation

from ..backends import get_backend
from ..conf import get_settings
from ..controls.callers import Caller
from ..controls.hooks import SendAttempt
from ..db import database_alias
from ..exceptions import PhoneNumberError
from ..logs import log_fields, short_id
from ..models import DeliveryState, OTPCode
from ..purposes import read_context
from ..results import CodeRequested, RequestRefused
from .arguments import context_to_show, purpose_of
from .issuing import CodeEnded, CodeRequest
from .phone_numbers import read_phone_number
from .request import fulfil
from .staff import NOBODY_NAMED

__all__ = ["send_again"]

logger = logging.getLogger("django_sms_otp")


def send_again(
    otp_code: OTPCode, *, channel: str | None = None, by: str = NOBODY_NAMED
) -> CodeRequested | RequestRefused:
    """Send a live code once more, for a person who asks support.

    It is the same code, so the page on which the person waits for it takes it. A code that has
    ended, or has too little time left, is refused with ``invalid_code``: the person has to ask
    for a new one, because nobody else's page would know it. The limits of the number, the
    country and the site apply; a ``CHALLENGE`` does not.

    The answer is that of ``request_code``, which tells no fraudster that a message was withheld
    or blocked. ``otp_code`` is read again, and tells it.

    :param channel: one of ``CHANNELS``; by default that of the code's last message.
    :raises Contention: too many requests changed the number at once.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises TypeError: ``otp_code`` is no :class:`~django_sms_otp.models.OTPCode`.
    :raises Unavailable: a store of limits or a hook did not answer. Nothing was sent.
    :raises ValueError: ``CHANNELS`` lacks ``channel``, or it cannot show the code's context.
    """
    if not isinstance(otp_code, OTPCode):
        raise TypeError(f"otp_code must be a row of OTPCode, not {type(otp_code).__name__}.")
    channel = get_settings().channel(channel or otp_code.channel)
    try:
        request = _request(otp_code, channel)
        with translation.override(otp_code.language or translation.get_language()):
            answer = fulfil(request)
    except PhoneNumberError as error:
        return RequestRefused(reason=error.code)
    except CodeEnded:
        return RequestRefused(reason="invalid_code")
    outcome = _outcome(otp_code, answer)
    extra = log_fields("code_sent_again", otp_code=otp_code, outcome=outcome)
    text = "%s sent code %s of %s again by %s: %s."
    values = (by, short_id(otp_code.pk), otp_code.number, channel, outcome)
    logger.info(text, *values, extra=extra)
    return answer


def _outcome(otp_code: OTPCode, answer: CodeRequested | RequestRefused) -> str:
    """Read the row again, and return what became of the message."""
    with suppress(OTPCode.DoesNotExist):  # It was erased meanwhile.
        otp_code.refresh_from_db(using=database_alias())
    if isinstance(answer, RequestRefused) and answer.issued is None:
        return answer.reason
    # A message that is withheld waits for a worker like any other.
    return DeliveryState.WITHHELD if otp_code.withheld_by else otp_code.delivery_state


def _request(otp_code: OTPCode, channel: str) -> CodeRequest:
    """:raises PhoneNumberError: the channel does not reach the number."""
    number = read_phone_number(otp_code.phone_number, to_send=True, channel=channel)
    purpose = purpose_of(otp_code.purpose)
    backend = get_backend(get_settings().CHANNELS[channel])
    return CodeRequest(
        attempt=SendAttempt(
            phone_number=number, purpose=purpose.name, ip_address=None, response=None
        ),
        caller=Caller(),
        purpose=purpose,
        context=context_to_show(
            purpose,
            read_context(otp_code.context),
            channel=channel,
            is_text_shown=backend.shows_text(channel),
        ),
        request_id=otp_code.pk,
        channel=channel,
        backend=backend,
        is_test=otp_code.is_test,
        by_staff=True,
    )
