"""Dispatches a committed message: it goes out, is withheld, or waits for a worker."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from ..controls import Admitted, note_not_sent
from ..controls.callers import Caller
from ..controls.refusals import log_withheld
from ..delivery import deliver, take_back, withhold
from ..delivery.queues import enqueue_message, is_queued
from ..exceptions import (
    DeliveryBlocked,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
    NotQueued,
)
from ..logs import log_fields
from ..models import OTPCode
from ..phone import PhoneNumber
from ..results import CodeRequested, RequestRefused

__all__ = ["PendingDelivery", "dispatch"]

logger = logging.getLogger("django_sms_otp")


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDelivery:
    """A committed code whose message has not gone out yet.

    :param was_waiting: whether an earlier message of this code waits for a worker.
    :param counted_at: when the number's row counted the message.
    :param answer: the answer to the caller if the delivery succeeds.
    """

    otp_code: OTPCode
    phone_number: PhoneNumber
    caller: Caller
    was_waiting: bool
    counted_at: datetime
    answer: CodeRequested
    decision: Admitted


def dispatch(pending: PendingDelivery) -> CodeRequested | RequestRefused:
    """Send the message, withhold it, or leave it to a worker."""
    if is_queued():
        # Withheld messages are queued too, and the worker withholds them. So the time of the
        # answer does not tell that a message was withheld.
        return _enqueue(pending)
    if pending.otp_code.withheld_by:
        withhold(pending.otp_code, pending.phone_number, counted_at=pending.counted_at)
        if pending.decision.withheld_by:
            log_withheld(pending.decision.withheld_by, pending.phone_number)
        return pending.answer
    return _deliver(pending)


def _enqueue(pending: PendingDelivery) -> CodeRequested | RequestRefused:
    otp_code = pending.otp_code
    try:
        enqueue_message(otp_code.pk)
    except NotQueued as error:
        extra = log_fields("not_queued", otp_code=otp_code, outcome="not_queued")
        logger.error("Code %s was not queued: %s", otp_code.pk, error, extra=extra)
        # If an earlier message of the code waits, its job sends this message too.
        if not pending.was_waiting and take_back(otp_code, pending.phone_number):
            _note_not_sent(pending)
            return RequestRefused(reason="delivery_failed", retry_after=error.retry_after)
    return pending.answer


def _deliver(pending: PendingDelivery) -> CodeRequested | RequestRefused:
    try:
        deliver(pending.otp_code, pending.phone_number, counted_at=pending.counted_at)
    except DeliveryBlocked:
        # Do not tell suspected fraudsters that the message was blocked.
        return pending.answer
    except DeliveryRefused as error:
        return RequestRefused(reason=error.code, retry_after=error.retry_after)
    except NotDelivered as error:
        _note_not_sent(pending)
        return RequestRefused(reason="delivery_failed", retry_after=error.retry_after)
    except DeliveryUnknown:
        wait = pending.answer.resend_available_at - pending.counted_at
        return RequestRefused(reason="delivery_failed", retry_after=wait, issued=pending.answer)
    return pending.answer


def _note_not_sent(pending: PendingDelivery) -> None:
    note_not_sent(
        pending.otp_code, pending.phone_number, pending.caller, counted_at=pending.counted_at
    )
