"""Hands a message to the first backend that takes it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from ..conf.validators import positive_number, true_or_false
from ..exceptions import Cause, DeliveryError, DeliveryUnknown, InvalidBackend, NotDelivered
from ..logs import log_fields, short_id
from ..phone import mask
from .base import SendResult, SMSMessage
from .composite.base import CompositeBackend

logger = logging.getLogger("django_sms_otp")


class SMSBackend(CompositeBackend):
    """Send by the first of several backends. Go on to the next one if the message was certainly
    not sent.

    A backend that has just failed several times in a row is passed over for a while: see
    :mod:`~.composite.circuits`, and :class:`.composite.base.CompositeBackend` for the options.
    A backend whose last message to this number did not arrive comes after the others.

    :param aliases: the backends of ``SMS_OTP_BACKENDS``, in the order to try them in.
    :param retry_unknown: go on too if nobody knows whether the message was sent. The person may
        get two messages, and you may pay for both.
    :param patience: seconds after which no further backend is tried.
    """

    def __init__(
        self,
        *,
        alias: str,
        aliases: Sequence[str] = (),
        retry_unknown: bool = False,
        patience: float = 15.0,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, targets=self._check_aliases(alias, aliases), **options)
        self._expect("retry_unknown", true_or_false(retry_unknown))
        self._expect("patience", positive_number(patience))
        self._retry_unknown = retry_unknown
        self._patience = patience

    def send(self, message: SMSMessage) -> SendResult:
        """Send by the first backend that takes it."""
        deadline = time.monotonic() + self._patience
        failed: list[NotDelivered | DeliveryUnknown] = []
        for turn in self._turns(self.targets, message):
            if failed:
                _log(message, failed[-1], f"Going on with {turn.target!r}.")
            try:
                return self._hand_on(message, turn)
            except (NotDelivered, DeliveryUnknown) as error:
                failed.append(error)
            is_final = isinstance(failed[-1], DeliveryUnknown) and not self._retry_unknown
            if is_final or time.monotonic() >= deadline:
                break
        raise _combine(message, failed)

    @staticmethod
    def _check_aliases(alias: str, aliases: Any) -> Sequence[str]:
        if isinstance(aliases, list | tuple) and 0 < len(set(aliases)) == len(aliases):
            return aliases
        raise InvalidBackend(
            "option 'aliases' must be a list of different aliases, in order.",
            alias=alias,
        )


def _log(message: SMSMessage, error: NotDelivered | DeliveryUnknown, then: str) -> None:
    """Log a failure that the caller does not hear of."""
    logger.log(
        error.log_level,
        "%s by %r: %s %s %s",
        *(_name_of(message), error.alias, error, error.verdict, then),
        extra=log_fields(
            "failover",
            request_id=message.request_id,
            phone_number=message.to,
            region=message.region,
            purpose=message.purpose,
            channel=message.channel,
            backend=error.alias,
            outcome=error.outcome,
            error_code=error.error_code,
            latency=error.latency,
        ),
    )


def _name_of(message: SMSMessage) -> str:
    if message.body and message.code is None:
        return f"A text ({message.purpose}) to {mask(message.to)}"
    return f"Code {short_id(message.request_id)}"


def _combine(
    message: SMSMessage, failed: Sequence[NotDelivered | DeliveryUnknown]
) -> DeliveryError:
    """Return the error that holds for all tries together."""
    last = failed[-1]
    unknown = [error for error in failed if isinstance(error, DeliveryUnknown)]
    if isinstance(last, DeliveryUnknown):
        return last
    if unknown:
        # "Not sent" would give the number its cooldown back.
        _log(message, last, "An earlier one may have been sent.")
        return unknown[-1]
    refusals = [error for error in failed if isinstance(error, NotDelivered)]
    if last.is_lasting and not all(error.is_lasting for error in refusals):
        _log(message, last, "The others may send it later.")
        last.cause, last.needs_attention = Cause.MOMENT, False
    last.retry_after = min(error.retry_after for error in refusals)
    return last
