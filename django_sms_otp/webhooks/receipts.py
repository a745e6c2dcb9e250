"""Records a gateway's receipts. They come twice, late, and in any order."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from ..backends import with_targets
from ..conf import backend_aliases
from ..conf.choices import VOICE
from ..controls import note_fraud
from ..db import database_alias, retry_lost_races
from ..exceptions import InvalidSettings
from ..logs import log_fields, short_id
from ..models import DeliveryState, OTPCode, OTPCodeQuerySet
from ..signals import delivery_updated

__all__ = ["Receipt", "take"]

logger = logging.getLogger("django_sms_otp")

EARLIER = {
    DeliveryState.SENT: (DeliveryState.UNKNOWN,),
    DeliveryState.DELIVERED: (DeliveryState.UNKNOWN, DeliveryState.SENT),
    DeliveryState.UNDELIVERED: (DeliveryState.UNKNOWN, DeliveryState.SENT),
}
"""The states that each receipt may replace. So no receipt takes a message back, and of two that
contradict each other the first one holds."""

PRECISION = timedelta(minutes=1)
"""Gateways round their times down to a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A gateway's word on whether a message has arrived. Its ``repr`` shows no number.

    :param request_id: names the message, together with ``send_count``: see ``SMSMessage``.
    :param alias: the backend that has sent the message.
    :param message_id: the gateway's name for the message, as in its ``SendResult``.
    :param status: ``SENT`` (it is on its way), ``DELIVERED`` or ``UNDELIVERED``.
    :param error_code: the gateway's reason, if the message was not delivered.
    :param needs_attention: nothing will arrive until somebody mends the account.
    :param is_fraud: the gateway has stopped the message as fraud.
    :param at: the time of arrival; ``None``: now.
    :param raw: all fields that the gateway sent.
    """

    request_id: uuid.UUID
    send_count: int
    alias: str
    status: DeliveryState
    message_id: str = ""
    error_code: str = ""
    needs_attention: bool = False
    is_fraud: bool = False
    at: datetime | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def take(receipt: Receipt) -> bool | None:
    """Record a receipt and send ``delivery_updated``. Ignore it if the message is not the
    code's latest, or if its row is already further.

    The signal goes out even if the row did not change. So a gateway that calls again because a
    receiver failed reaches that receiver again.

    :return: ``False``: a receiver failed. ``None``: there is no such code.
    """
    mine = _rows(receipt)
    otp_code = mine.first()
    if otp_code is None:
        there = OTPCode.objects.using(database_alias()).filter(pk=receipt.request_id)
        return _ignore(receipt) if there.exists() else None
    values = _values(receipt, otp_code)
    earlier = mine.filter(delivery_state__in=EARLIER[receipt.status])
    is_news = retry_lost_races(lambda: earlier.update(**values))
    otp_code = mine.first()
    if otp_code is None or otp_code.delivery_state != receipt.status:
        return _ignore(receipt)
    if is_news:
        _log(receipt, otp_code)
        if receipt.is_fraud:
            note_fraud(otp_code.number)
    return _signal(receipt, otp_code)


def _rows(receipt: Receipt) -> OTPCodeQuerySet:
    """Return the row whose latest message the receipt is for, or none.

    A receipt may come before the gateway's answer is recorded. Until then the row has no
    message id. It names the backend of the request, which may hand messages on to several
    others: a late receipt of one of those must not count for the message of the next.
    """
    is_known = Q(message_id=receipt.message_id[:128])
    if not receipt.message_id:
        is_known = Q(backend=receipt.alias)
    rows = OTPCode.objects.using(database_alias())
    return rows.filter(
        is_known | Q(message_id=""),
        # Whoever has the secret of one gateway must not speak for another.
        backend__in=_with_parents(receipt.alias),
        pk=receipt.request_id,
        send_count=receipt.send_count,
    )


def _with_parents(alias: str) -> set[str]:
    """Return ``alias``, and the aliases that hand messages on to it."""
    names = {alias}
    for name in backend_aliases():
        with suppress(InvalidSettings):  # sms_otp.E002 says so.
            if any(target.alias == alias for target in with_targets(name)):
                names.add(name)
    return names


def _values(receipt: Receipt, otp_code: OTPCode) -> dict[str, Any]:
    now = timezone.now()
    values = {
        "delivery_state": receipt.status,
        "delivery_error": receipt.error_code[:64],
        "backend": receipt.alias,
        "message_id": receipt.message_id[:128],
        "sent_at": Coalesce("sent_at", now),
    }
    if receipt.status == DeliveryState.UNDELIVERED and otp_code.channel != VOICE:
        # If nobody answers a call, that is not the gateway's fault.
        values["undelivered_by"] = receipt.alias
    if receipt.status == DeliveryState.DELIVERED:
        values["delivered_at"] = _plausible(receipt.at, otp_code, now)
    return values


def _plausible(at: datetime | None, otp_code: OTPCode, now: datetime) -> datetime:
    """Return ``at`` if it lies between the sending and now, else now. The clocks and time zones
    of carriers are not reliable."""
    first: datetime = otp_code.claimed_at or otp_code.created_at
    if at is None or not first - PRECISION < at <= now:
        return now
    return max(at, first)


def _ignore(receipt: Receipt) -> bool:
    extra = log_fields("receipt_ignored", request_id=receipt.request_id, backend=receipt.alias)
    name = short_id(receipt.request_id)
    logger.debug("A receipt for code %s changes nothing.", name, extra=extra)
    return True


def _log(receipt: Receipt, otp_code: OTPCode) -> None:
    is_alarming = receipt.needs_attention or receipt.is_fraud
    reason = f" ({receipt.error_code})" if receipt.error_code else ""
    logger.log(
        logging.ERROR if is_alarming else logging.INFO,
        "Code %s to %s by %r: %s%s.",
        *(short_id(otp_code.id), otp_code.number, receipt.alias, receipt.status.value, reason),
        extra=log_fields(
            "receipt",
            otp_code=otp_code,
            outcome=receipt.status.value,
            error_code=receipt.error_code,
        ),
    )


def _signal(receipt: Receipt, otp_code: OTPCode) -> bool:
    # Not send(): if one receiver fails, the others must still be called.
    responses = delivery_updated.send_robust(
        OTPCode,
        otp_code=otp_code,
        phone_number=otp_code.number,
        purpose=otp_code.purpose,
        receipt=receipt,
    )
    return not any(isinstance(response, Exception) for _receiver, response in responses)
