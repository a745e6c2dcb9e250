"""What a worker does. A queue may bring a job twice, late or never; a message leaves once."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from django.utils import timezone

from ..backends import get_backend
from ..callers import Caller
from ..controls import note_not_sent
from ..events import event
from ..exceptions import DeliveryError, NotDelivered
from ..models import WITHHELD, DeliveryState, OTPCode, OTPCodeQuerySet
from ..phone import PhoneNumber
from ..reports import report_withheld
from ..transactions import database_alias, retry_lost_races
from .recording import refund
from .sending import give_up, send, withhold

__all__ = ["deliver_queued", "report_redeemed", "take_back"]

logger = logging.getLogger("django_sms_otp")

SHORTEST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=1)


def deliver_queued(request_id: uuid.UUID) -> timedelta | None:
    """Send the message that waits for this request, if there is one.

    Safe at any time and any number of times: whoever claims the message sends it, and nobody
    sends it again. Return when to call again, where the gateway certainly did not take it.
    """
    otp_code = _claim(request_id)
    if otp_code is None or otp_code.counted_at is None:
        return None
    phone_number = PhoneNumber(e164=otp_code.phone_number, region=otp_code.region)
    if otp_code.is_to_be_withheld:
        withhold(otp_code, phone_number, counted_at=otp_code.counted_at)
        report_withheld(otp_code.reason.removeprefix(WITHHELD), phone_number)
        return None
    try:
        send(otp_code, phone_number, otp_code.expires_at - timezone.now())
    except DeliveryError as error:
        return _retry_or_give_up(otp_code, phone_number, error, otp_code.counted_at)
    return None


def take_back(otp_code: OTPCode, phone_number: PhoneNumber) -> bool:
    """Stop a message that the queue did not take, for all that its caller can tell.

    Return ``False`` where a worker has claimed it nevertheless.
    """
    rows = _rows().filter(pk=otp_code.pk, counted_at=otp_code.counted_at)
    waiting = rows.filter(delivery_state=DeliveryState.PENDING, claimed_at=None)
    changes = {"delivery_state": DeliveryState.FAILED, "delivery_error": "queue"}
    if not retry_lost_races(lambda: waiting.update(**changes)):
        return False
    if otp_code.counted_at:
        refund(phone_number, otp_code.counted_at)
    return True


def report_redeemed(request_id: uuid.UUID) -> None:
    """Tell the gateway that a code was redeemed. Best effort."""
    otp_code = _rows().filter(pk=request_id).first()
    if otp_code is None or not otp_code.message_id:
        return
    try:
        get_backend(otp_code.backend).report_redeemed(otp_code.message_id)
    except DeliveryError as error:
        said = event("report_refused", otp_code=otp_code, error_code=error.error_code)
        logger.info("Gateway %r took no report: %s", otp_code.backend, error, extra=said)


def _claim(request_id: uuid.UUID) -> OTPCode | None:
    now = timezone.now()
    mine = _rows().filter(pk=request_id)
    waiting = mine.live(now).filter(delivery_state=DeliveryState.PENDING, claimed_at=None)
    claim = {"claimed_at": now, "delivery_state": DeliveryState.UNKNOWN}
    if not retry_lost_races(lambda: waiting.update(**claim)):
        return None
    return mine.get()


def _retry_or_give_up(
    otp_code: OTPCode, phone_number: PhoneNumber, error: DeliveryError, counted_at: datetime
) -> timedelta | None:
    if isinstance(error, NotDelivered) and not error.needs_attention:
        wait = _wait(otp_code, counted_at)
        if wait and _wait_in_queue(otp_code):
            said = event(
                "delivery_postponed",
                otp_code=otp_code,
                outcome=error.outcome,
                error_code=error.error_code,
                latency=error.latency,
            )
            logger.info("Code %s waits for %s: %s", otp_code.id, wait, error, extra=said)
            return wait
    give_up(otp_code, phone_number, error, counted_at=counted_at)
    if isinstance(error, NotDelivered):
        caller = Caller.of(otp_code.ip_address, None)
        note_not_sent(otp_code, phone_number, caller, counted_at=counted_at)
    return None


def _wait(otp_code: OTPCode, counted_at: datetime) -> timedelta | None:
    """Return how long to wait: as long as it has taken so far, so that the waits double.

    ``None``: too little of the code's life would be left.
    """
    now = timezone.now()
    wait = min(max(now - counted_at, SHORTEST_WAIT), LONGEST_WAIT)
    return wait if otp_code.is_worth_sending(now + wait) else None


def _wait_in_queue(otp_code: OTPCode) -> bool:
    """Undo a claim."""
    mine = _rows().filter(pk=otp_code.pk, claimed_at=otp_code.claimed_at)
    unclaimed = {"claimed_at": None, "delivery_state": DeliveryState.PENDING}
    return bool(retry_lost_races(lambda: mine.update(**unclaimed)))


def _rows() -> OTPCodeQuerySet:
    return OTPCode.objects.using(database_alias())
