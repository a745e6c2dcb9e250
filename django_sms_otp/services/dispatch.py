"""Dispatches a committed message: it goes out, is withheld, or waits for a worker."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from ..controls import Admitted, note_not_sent
from ..controls.callers import Caller
from ..controls.refusals import log_withheld
from ..delivery import deliver, take_back, withhold
from ..delivery.queues import engine, is_queued
from ..exceptions import (
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
    NotQueued,
)
from ..logs import describe_error, log_fields, short_id
from ..models import OTPCode
from ..results import CodeRequested, RequestRefused

__all__ = ["PendingDelivery", "dispatch"]

logger = logging.getLogger("django_sms_otp")


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDelivery:
    """A committed code whose message has not gone out yet.

    :param was_waiting: whether an earlier message of this code waits for a worker.
    :param counted_at: when the number's row counted the message.
    """

    otp_code: OTPCode
    caller: Caller
    was_waiting: bool
    counted_at: datetime
    resend_available_at: datetime
    decision: Admitted

    @property
    def answer(self) -> CodeRequested:
        """The answer to the caller if the delivery succeeds."""
        return CodeRequested(
            request_id=self.otp_code.id,
            expires_at=self.otp_code.expires_at,
            resend_available_at=self.resend_available_at,
            code_length=self.otp_code.code_length,
        )


def dispatch(pending: PendingDelivery) -> CodeRequested | RequestRefused:
    """Send the message, withhold it, or leave it to a worker."""
    if is_queued():
        # Withheld messages are queued too, and the worker withholds them. So the time of the
        # answer does not tell that a message was withheld.
        return _enqueue(pending)
    if pending.otp_code.withheld_by:
        withhold(pending.otp_code)
        # The message of an ignored number is not counted while the caller waits: the count
        # would be a statement that a sent message does not take.
        if control := pending.decision.withheld_by:
            log_withheld(control, pending.otp_code.number)
        return pending.answer
    return _deliver(pending)


def _enqueue(pending: PendingDelivery) -> CodeRequested | RequestRefused:
    otp_code = pending.otp_code
    try:
        engine().enqueue_message(otp_code.pk)
    except NotQueued as error:
        cause = error.__cause__ or error
        name = type(cause).__name__
        extra = log_fields(
            "not_queued", otp_code=otp_code, outcome="not_queued", error_code=name
        )
        # With its place: it may be an error of the site's own task class, and not the broker's.
        text = "Code %s was not queued: %s"
        logger.error(text, short_id(otp_code.pk), describe_error(cause), extra=extra)
        # If an earlier message of the code waits, its job sends this message too.
        if not pending.was_waiting and take_back(otp_code):
            _give_back(pending)
            return RequestRefused(reason="delivery_failed", retry_after=error.retry_after)
    return pending.answer


def _deliver(pending: PendingDelivery) -> CodeRequested | RequestRefused:
    try:
        deliver(pending.otp_code)
    except DeliveryUnknown:
        wait = pending.resend_available_at - pending.counted_at
        return RequestRefused(reason="delivery_failed", retry_after=wait, issued=pending.answer)
    except DeliveryError as error:
        _give_back(pending)
        if isinstance(error, DeliveryRefused):
            return RequestRefused(reason=error.code, retry_after=error.retry_after)
        if isinstance(error, NotDelivered):
            return RequestRefused(reason="delivery_failed", retry_after=error.retry_after)
        # Do not tell suspected fraudsters that the message was blocked.
    return pending.answer


def _give_back(pending: PendingDelivery) -> None:
    otp_code = pending.otp_code
    note_not_sent(otp_code, pending.caller, counted_at=pending.counted_at)
