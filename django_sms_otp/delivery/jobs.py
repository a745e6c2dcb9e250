"""What a worker does. A queue may bring a job twice, late or never; a message leaves once."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from ..backends import get_backend
from ..controls import note_not_sent
from ..controls.callers import Caller
from ..controls.refusals import log_withheld
from ..db import database_alias, own_transaction, retry_lost_races
from ..exceptions import DeliveryError, InvalidSettings, NotDelivered, NotQueued
from ..logs import log_fields
from ..models import DeliveryState, OTPCode, OTPCodeQuerySet
from ..phone import PhoneNumber
from .recording import refund
from .sending import give_up, send, withhold

__all__ = ["deliver_queued", "take_back", "tell_gateway"]

logger = logging.getLogger("django_sms_otp")

SHORTEST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=1)

Again = Callable[[timedelta], None]


def deliver_queued(request_id: uuid.UUID, again: Again | None = None) -> None:
    """Send the message that waits for this request, if there is one.

    Safe at any time and any number of times: whoever claims the message sends it, and nobody
    sends it again, but where the gateway certainly did not take it.

    :param again: has this called again after some time, or raises ``NotQueued``; ``None``:
        the engine cannot.
    """
    otp_code = _claim(request_id)
    if otp_code is None or otp_code.counted_at is None:
        return
    phone_number = otp_code.number
    if otp_code.withheld_by:
        withhold(otp_code, phone_number, counted_at=otp_code.counted_at)
        log_withheld(otp_code.withheld_by, phone_number)
        return
    try:
        _send(otp_code, phone_number)
    except DeliveryError as error:
        if not _is_left_waiting(otp_code, otp_code.counted_at, error, again):
            _give_up(otp_code, phone_number, error)


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


def tell_gateway(otp_code: OTPCode) -> None:
    """Tell the gateway that a code was redeemed. Best effort: nothing is raised."""
    if not otp_code.message_id:
        return
    try:
        get_backend(otp_code.backend).report_redeemed(otp_code.message_id)
    except DeliveryError as error:
        extra = log_fields("feedback_failed", otp_code=otp_code, error_code=error.error_code)
        logger.info("Gateway %r took no feedback: %s", otp_code.backend, error, extra=extra)
    except Exception as error:
        # Not logger.exception: the text of a foreign error may hold the number.
        name = type(error).__name__
        extra = log_fields("feedback_failed", otp_code=otp_code, error_code=name)
        logger.error("Gateway %r took no feedback: %s", otp_code.backend, name, extra=extra)


def _claim(request_id: uuid.UUID, **message: datetime) -> OTPCode | None:
    """:param message: ``counted_at``, to claim this message alone and no later one."""
    now = timezone.now()
    mine = _rows().filter(pk=request_id, **message)
    waiting = mine.live(now).filter(delivery_state=DeliveryState.PENDING, claimed_at=None)
    claim = {"claimed_at": now, "delivery_state": DeliveryState.UNKNOWN}

    def commit() -> int:
        # Not inside a transaction of the engine's: undone, the claim would let it leave twice.
        with own_transaction(database_alias()):
            return waiting.update(**claim)

    if not retry_lost_races(commit):
        return None
    # None again, where the person has asked once more in between: that has a job of its own.
    return mine.filter(claimed_at=now).first()


def _send(otp_code: OTPCode, phone_number: PhoneNumber) -> None:
    now = timezone.now()
    if not otp_code.is_worth_sending(now):
        raise NotDelivered("It has waited for too long.", error_code="late")
    try:
        send(otp_code, phone_number, otp_code.expires_at - now)
    except InvalidSettings as error:
        # The site's are sound, or it would not have asked: the worker has others.
        problem = NotDelivered(str(error), error_code="settings", needs_attention=True)
        raise problem from error


def _is_left_waiting(
    otp_code: OTPCode, counted_at: datetime, error: DeliveryError, again: Again | None
) -> bool:
    if again is None or not isinstance(error, NotDelivered) or error.is_lasting:
        return False
    wait = _wait(otp_code, counted_at)
    # First of all, so that a worker that is killed now leaves behind a message to be sent.
    if wait is None or not _unclaim(otp_code):
        return False
    extra = log_fields(
        "delivery_postponed",
        otp_code=otp_code,
        outcome=error.outcome,
        error_code=error.error_code,
        latency=error.latency,
    )
    seconds = round(wait.total_seconds())
    logger.info("Code %s waits %d s: %s", otp_code.id, seconds, error, extra=extra)
    try:
        again(wait)
    except NotQueued:
        mine = _claim(otp_code.pk, counted_at=counted_at)
        if mine is not None:
            otp_code.claimed_at = mine.claimed_at
        return mine is None
    return True


def _wait(otp_code: OTPCode, counted_at: datetime) -> timedelta | None:
    """Return how long to wait: as long as it has taken so far, so that the waits double.

    ``None``: too little of the code's life would be left.
    """
    now = timezone.now()
    wait = min(max(now - counted_at, SHORTEST_WAIT), LONGEST_WAIT)
    return wait if otp_code.is_worth_sending(now + wait) else None


def _unclaim(otp_code: OTPCode) -> bool:
    mine = _rows().filter(pk=otp_code.pk, claimed_at=otp_code.claimed_at)
    unclaimed = {"claimed_at": None, "delivery_state": DeliveryState.PENDING}
    return bool(retry_lost_races(lambda: mine.update(**unclaimed)))


def _give_up(otp_code: OTPCode, phone_number: PhoneNumber, error: DeliveryError) -> None:
    # The number does not get its cooldown back: one whose message is withheld would not, and
    # the next answer of get-code would tell which of the two it is.
    give_up(otp_code, phone_number, error)
    if isinstance(error, NotDelivered) and otp_code.counted_at:
        caller = Caller.of(otp_code.ip_address, None)
        note_not_sent(otp_code, phone_number, caller, counted_at=otp_code.counted_at)


def _rows() -> OTPCodeQuerySet:
    return OTPCode.objects.using(database_alias())
