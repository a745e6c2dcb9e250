"""What a request has committed, and how its message goes out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from ..controls import Admitted, note_not_sent
from ..controls.callers import Caller
from ..controls.reports import report_withheld
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

__all__ = ["Issued"]

logger = logging.getLogger("django_sms_otp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A code whose request has been committed, and whose message has yet to go out.

    :param superseded: the code that this one replaces.
    :param was_waiting: an earlier message of this code waits for a worker.
    :param counted_at: when the number's row counted the message.
    """

    otp_code: OTPCode
    phone_number: PhoneNumber
    superseded: OTPCode | None
    was_waiting: bool
    counted_at: datetime
    answer: CodeRequested
    decision: Admitted

    def send(self, caller: Caller) -> CodeRequested | RequestRefused:
        """Send the message, withhold it, or leave it to a worker."""
        if is_queued():
            # Withheld ones too: the worker finds the reason. So all of them cost the same.
            return self._enqueue(caller)
        if self.otp_code.is_to_be_withheld:
            withhold(
                self.otp_code,
                self.phone_number,
                counted_at=self.counted_at,
                superseded=self.superseded,
            )
            if self.decision.is_withheld:
                report_withheld(self.decision.control, self.phone_number)
            return self.answer
        return self._deliver(caller)

    def _enqueue(self, caller: Caller) -> CodeRequested | RequestRefused:
        try:
            enqueue_message(self.otp_code.pk)
        except NotQueued as error:
            extra = log_fields("not_queued", otp_code=self.otp_code, outcome="not_queued")
            text = "Code %s was not queued: %s"
            logger.error(text, self.otp_code.pk, error, extra=extra)
            # The job of an earlier message, which was answered, finds this one.
            if not self.was_waiting and take_back(self.otp_code, self.phone_number):
                self._note_not_sent(caller)
                return RequestRefused(reason="delivery_failed", retry_after=error.retry_after)
        return self.answer

    def _deliver(self, caller: Caller) -> CodeRequested | RequestRefused:
        try:
            deliver(
                self.otp_code,
                self.phone_number,
                counted_at=self.counted_at,
                superseded=self.superseded,
            )
        except DeliveryBlocked:
            # Whom the gateway takes for a fraudster learns nothing from us.
            return self.answer
        except DeliveryRefused as error:
            return RequestRefused(reason=error.code, retry_after=error.retry_after)
        except NotDelivered as error:
            self._note_not_sent(caller)
            return RequestRefused(reason="delivery_failed", retry_after=error.retry_after)
        except DeliveryUnknown:
            wait = self.answer.resend_available_at - self.counted_at
            return RequestRefused(
                reason="delivery_failed", retry_after=wait, issued=self.answer
            )
        return self.answer

    def _note_not_sent(self, caller: Caller) -> None:
        note_not_sent(self.otp_code, self.phone_number, caller, counted_at=self.counted_at)
