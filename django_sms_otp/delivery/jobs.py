"""The jobs of a worker. A queue may run a job twice, late or never. A message leaves once."""

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

SHORTEST_RETRY_WAIT = timedelta(seconds=2)
LONGEST_RETRY_WAIT = timedelta(minutes=1)

Again = Callable[[timedelta], None]
"""Calls :func:`deliver_queued` again after some time, or raises ``NotQueued``."""


def deliver_queued(request_id: uuid.UUID, again: Again | None = None) -> None:
    """Send the waiting message of a request, if there is one.

    It is safe to call this at any time and any number of times: only the call that claims the
    message sends it. The message is sent again only if the gateway certainly did not take it.

    :param again: how to call this again later; ``None`` if the engine cannot.
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
        if not _postpone(otp_code, otp_code.counted_at, error, again):
            _give_up(otp_code, phone_number, error)


def take_back(otp_code: OTPCode, phone_number: PhoneNumber) -> bool:
    """Cancel a message that the queue seems not to have taken.

    Return ``False`` if a worker has claimed the message nevertheless.
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
    """Tell the gateway that a code was redeemed. Log errors, and raise none."""
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
    """Claim a waiting message.

    :param message: ``counted_at``, to claim this message and no later one.
    """
    now = timezone.now()
    mine = _rows().filter(pk=request_id, **message)
    waiting = mine.live(now).filter(delivery_state=DeliveryState.PENDING, claimed_at=None)
    claim = {"claimed_at": now, "delivery_state": DeliveryState.UNKNOWN}

    def commit() -> int:
        # If a transaction of the engine rolled the claim back, the message would leave twice.
        with own_transaction(database_alias()):
            return waiting.update(**claim)

    if not retry_lost_races(commit):
        return None
    # No row matches if the person has asked again meanwhile. That message has its own job.
    return mine.filter(claimed_at=now).first()


def _send(otp_code: OTPCode, phone_number: PhoneNumber) -> None:
    now = timezone.now()
    if not otp_code.is_worth_sending(now):
        raise NotDelivered("The message has waited for too long.", error_code="late")
    try:
        send(otp_code, phone_number, otp_code.expires_at - now)
    except InvalidSettings as error:
        # The web process has checked its settings. The worker has others.
        problem = NotDelivered(str(error), error_code="settings", needs_attention=True)
        raise problem from error


def _postpone(
    otp_code: OTPCode, counted_at: datetime, error: DeliveryError, again: Again | None
) -> bool:
    """Queue a message again, if that may help. Return ``False`` if the message failed."""
    if again is None or not isinstance(error, NotDelivered) or error.is_lasting:
        return False
    wait = _retry_wait(otp_code, counted_at)
    # Unclaim the message first. If the worker is killed now, the message still waits.
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


def _retry_wait(otp_code: OTPCode, counted_at: datetime) -> timedelta | None:
    """Return the wait before the next try: the time since the request, so that waits double.

    Return ``None`` if the code would have too little of its life left.
    """
    now = timezone.now()
    wait = min(max(now - counted_at, SHORTEST_RETRY_WAIT), LONGEST_RETRY_WAIT)
    return wait if otp_code.is_worth_sending(now + wait) else None


def _unclaim(otp_code: OTPCode) -> bool:
    mine = _rows().filter(pk=otp_code.pk, claimed_at=otp_code.claimed_at)
    unclaimed = {"claimed_at": None, "delivery_state": DeliveryState.PENDING}
    return bool(retry_lost_races(lambda: mine.update(**unclaimed)))


def _give_up(otp_code: OTPCode, phone_number: PhoneNumber, error: DeliveryError) -> None:
    # The number does not get its cooldown back, because a number with a withheld message does
    # not either. Otherwise the next answer of get-code would tell which of the two it is.
    give_up(otp_code, phone_number, error)
    if isinstance(error, NotDelivered) and otp_code.counted_at:
        caller = Caller.of(otp_code.ip_address, None)
        note_not_sent(otp_code, phone_number, caller, counted_at=otp_code.counted_at)


def _rows() -> OTPCodeQuerySet:
    return OTPCode.objects.using(database_alias())
