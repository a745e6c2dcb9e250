"""The jobs of a worker. A queue may run a job twice, late or never. A message leaves once."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from ..controls import note_not_sent
from ..controls.callers import Caller
from ..controls.refusals import log_withheld
from ..db import database_alias, own_transaction, retry_lost_races
from ..exceptions import (
    Cause,
    DeliveryError,
    DeliveryUnknown,
    InvalidSettings,
    NotDelivered,
    NotQueued,
)
from ..logs import log_fields, short_id
from ..models import DeliveryState, OTPCode, OTPCodeQuerySet
from .sending import give_up, refund, send, withhold

__all__ = ["deliver_queued", "take_back"]

logger = logging.getLogger("django_sms_otp")

SHORTEST_RETRY_WAIT = timedelta(seconds=2)
LONGEST_RETRY_WAIT = timedelta(minutes=1)

Enqueue = Callable[[uuid.UUID, timedelta], None]
"""Calls :func:`deliver_queued` for a request after some time, or raises ``NotQueued``."""


def deliver_queued(request_id: uuid.UUID, enqueue: Enqueue | None = None) -> None:
    """Send the waiting message of a request, if there is one.

    It is safe to call this at any time and any number of times: only the call that claims the
    message sends it. The message is sent again only if the gateway certainly did not take it.

    :param enqueue: how to call this again later; ``None`` if the engine cannot.
    """
    otp_code = _claim(_rows().filter(pk=request_id))
    if otp_code is None:
        return
    if otp_code.withheld_by:
        withhold(otp_code)
        log_withheld(otp_code.withheld_by, otp_code.number)
        return
    try:
        _send(otp_code)
    except DeliveryError as error:
        if not _postpone(otp_code, error, enqueue):
            _give_up(otp_code, error)


def take_back(otp_code: OTPCode) -> bool:
    """Cancel a message that the queue seems not to have taken.

    Return ``False`` if a worker has claimed the message nevertheless.
    """
    rows = _rows().filter(pk=otp_code.pk, counted_at=otp_code.counted_at)
    waiting = rows.filter(delivery_state=DeliveryState.PENDING, claimed_at=None)
    changes = {"delivery_state": DeliveryState.FAILED, "delivery_error": "queue"}
    if not retry_lost_races(lambda: waiting.update(**changes)):
        return False
    refund(otp_code)
    return True


def _claim(message: OTPCodeQuerySet) -> OTPCode | None:
    """Claim a message, if it waits."""
    now = timezone.now()
    waiting = message.live(now).filter(delivery_state=DeliveryState.PENDING, claimed_at=None)
    claim = {"claimed_at": now, "delivery_state": DeliveryState.UNKNOWN}

    def commit() -> int:
        # If a transaction of the engine rolled the claim back, the message would leave twice.
        with own_transaction(database_alias()):
            return waiting.update(**claim)

    if not retry_lost_races(commit):
        return None
    # No row matches if the person has asked again meanwhile. That message has its own job.
    return message.filter(claimed_at=now).first()


def _send(otp_code: OTPCode) -> None:
    if not otp_code.is_worth_sending(timezone.now()):
        raise NotDelivered("The message has waited for too long.", error_code="late")
    try:
        send(otp_code)
    except InvalidSettings as error:
        # The web process has checked its settings. The worker has others.
        problem = NotDelivered(str(error), error_code="settings", cause=Cause.ACCOUNT)
        raise problem from error


def _postpone(otp_code: OTPCode, error: DeliveryError, enqueue: Enqueue | None) -> bool:
    """Queue a message again, if that may help. Return ``False`` if the message failed."""
    if enqueue is None or not isinstance(error, NotDelivered) or error.is_lasting:
        return False
    wait = _retry_wait(otp_code)
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
    name = short_id(otp_code.id)
    logger.info("Code %s waits %d s: %s", name, seconds, error, extra=extra)
    try:
        enqueue(otp_code.pk, wait)
    except NotQueued:
        # This message, and no later one of the code.
        mine = _claim(_rows().filter(pk=otp_code.pk, counted_at=otp_code.counted_at))
        if mine is not None:
            otp_code.claimed_at = mine.claimed_at
        return mine is None
    return True


def _retry_wait(otp_code: OTPCode) -> timedelta | None:
    """Return the wait before the next try: the time since the request, so that waits double.

    Return ``None`` if the code would have too little of its life left.
    """
    now = timezone.now()
    waited = now - (otp_code.counted_at or now)
    wait = min(max(waited, SHORTEST_RETRY_WAIT), LONGEST_RETRY_WAIT)
    return wait if otp_code.is_worth_sending(now + wait) else None


def _unclaim(otp_code: OTPCode) -> bool:
    mine = _rows().filter(pk=otp_code.pk, claimed_at=otp_code.claimed_at)
    unclaimed = {"claimed_at": None, "delivery_state": DeliveryState.PENDING}
    return bool(retry_lost_races(lambda: mine.update(**unclaimed)))


def _give_up(otp_code: OTPCode, error: DeliveryError) -> None:
    # The number does not get its cooldown back, because a number with a withheld message does
    # not either. Otherwise the next answer of get-code would tell which of the two it is.
    give_up(otp_code, error)
    if not isinstance(error, DeliveryUnknown) and otp_code.counted_at:
        caller = Caller.of(otp_code.ip_address, None)
        note_not_sent(otp_code, caller, counted_at=otp_code.counted_at)


def _rows() -> OTPCodeQuerySet:
    return OTPCode.objects.using(database_alias())
