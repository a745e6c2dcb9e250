"""Decide -> commit -> deliver."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

from .. import codes
from ..backends import DEFAULT_ALIAS, get_backend
from ..conf import get_settings, secret_keys
from ..delivery import code_of, deliver, withhold
from ..exceptions import (
    DeliveryBlocked,
    DeliveryRefused,
    DeliveryUnknown,
    LoginRefused,
    NotDelivered,
)
from ..models import DeliveryState, OTPCode
from ..outcomes import CodeRequested, RequestRefused
from ..phone import PhoneNumber
from ..rounds import LostRound, NumberRow, in_rounds
from ..users import get_user_resolver
from .purposes import LOGIN

logger = logging.getLogger("django_sms_otp")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    phone_number: PhoneNumber
    purpose: str
    request_id: uuid.UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issued:
    otp_code: OTPCode
    counted_at: datetime
    answer: CodeRequested


def request_code(
    phone_number: PhoneNumber, *, purpose: str = LOGIN, request_id: uuid.UUID | None = None
) -> CodeRequested | RequestRefused:
    """Send a code to a number.

    While a live code has at least a third of its lifetime left, the *same* code is sent again:
    messages arrive out of order, and any of them must do. Otherwise a new one supersedes it.

    :param request_id: of an earlier request whose code is to be sent again; needed for that
        with ``REQUIRE_REQUEST_ID`` alone. An unknown, dead or foreign one counts as absent.
    :raises InsideTransaction: called inside a transaction of the caller's.
    :raises InvalidSettings: the configuration is broken; nothing was written.
    """
    # First of all: a broken configuration must not cost the number its cooldown.
    get_backend()
    is_served = purpose != LOGIN or _is_served(phone_number)
    if not is_served and get_settings().UNKNOWN_NUMBERS == "reject":
        return _refused(phone_number, RequestRefused(reason="unknown_phone_number"))
    request = _Request(phone_number=phone_number, purpose=purpose, request_id=request_id)
    issued = in_rounds(phone_number.e164, lambda row: _issue(request, row))
    if isinstance(issued, RequestRefused):
        return _refused(phone_number, issued)
    if not is_served:
        withhold(issued.otp_code, phone_number)
        return issued.answer
    return _deliver(issued, phone_number)


def _is_served(phone_number: PhoneNumber) -> bool:
    """Tell whether a login code for this number would be of any use."""
    if get_settings().UNKNOWN_NUMBERS == "register":
        return True
    resolver = get_user_resolver()
    try:
        user = resolver.get_user(phone_number)
    except LoginRefused:
        return False
    return user is not None and resolver.may_log_in(user, phone_number)


def _issue(request: _Request, row: NumberRow) -> _Issued | RequestRefused:
    cooldown = get_settings().COOLDOWN
    next_send_at = row.state.next_send_at(cooldown)
    if next_send_at and next_send_at > row.now:
        return RequestRefused(reason="cooldown", retry_after=next_send_at - row.now)
    earlier = _earlier_code(request, row)
    state = row.state.with_send(row.now)
    with row.replaced_by(state):
        if earlier is not None and _is_worth_resending(earlier, row):
            otp_code = _resend(earlier, row)
        else:
            otp_code = _create(request, row)
            _supersede(earlier, row)
    answer = CodeRequested(
        request_id=otp_code.id,
        expires_at=otp_code.expires_at,
        resend_available_at=state.next_send_at(cooldown) or row.now,
        code_length=otp_code.code_length,
    )
    return _Issued(otp_code=otp_code, counted_at=row.now, answer=answer)


def _earlier_code(request: _Request, row: NumberRow) -> OTPCode | None:
    """Return the code that this request would have sent again, whatever its state."""
    e164 = request.phone_number.e164
    if not get_settings().REQUIRE_REQUEST_ID:
        return row.codes.newest(e164, request.purpose)
    if request.request_id is None:
        return None
    mine = row.codes.filter(pk=request.request_id, phone_number=e164, purpose=request.purpose)
    return mine.first()


def _is_worth_resending(otp_code: OTPCode, row: NumberRow) -> bool:
    lifetime = otp_code.expires_at - otp_code.created_at
    return (
        otp_code.is_live(row.now)
        and otp_code.failed_attempts < get_settings().MAX_ATTEMPTS
        and (otp_code.expires_at - row.now) * 3 >= lifetime
        and code_of(otp_code) is not None
    )


def _resend(otp_code: OTPCode, row: NumberRow) -> OTPCode:
    otp_code.send_count += 1
    otp_code.claimed_at = row.now
    otp_code.backend = DEFAULT_ALIAS
    otp_code.delivery_state = DeliveryState.PENDING
    changed = row.codes.live(row.now).filter(pk=otp_code.pk)
    if not changed.update(
        send_count=otp_code.send_count,
        claimed_at=otp_code.claimed_at,
        backend=otp_code.backend,
        delivery_state=otp_code.delivery_state,
    ):
        raise LostRound
    return otp_code


def _create(request: _Request, row: NumberRow) -> OTPCode:
    settings = get_settings()
    return row.codes.create(
        phone_number=request.phone_number.e164,
        region=request.phone_number.region,
        purpose=request.purpose,
        key_id=codes.fingerprint(secret_keys()[0]),
        code_length=settings.CODE_LENGTH,
        created_at=row.now,
        expires_at=row.now + settings.CODE_LIFETIME,
        claimed_at=row.now,
        backend=DEFAULT_ALIAS,
    )


def _supersede(otp_code: OTPCode | None, row: NumberRow) -> None:
    # Where a request id is required, codes live side by side, each for its own request:
    # otherwise anybody could kill the code of a login under way.
    if otp_code is not None and otp_code.is_live(row.now):
        row.codes.live(row.now).filter(pk=otp_code.pk).update(superseded_at=row.now)


def _deliver(issued: _Issued, phone_number: PhoneNumber) -> CodeRequested | RequestRefused:
    answer = issued.answer
    try:
        deliver(issued.otp_code, phone_number, counted_at=issued.counted_at)
    except DeliveryBlocked:
        # Whom the gateway takes for a fraudster learns nothing from us.
        return answer
    except DeliveryRefused as error:
        return RequestRefused(reason=error.code)
    except NotDelivered as error:
        return RequestRefused(reason="delivery_failed", retry_after=error.retry_after)
    except DeliveryUnknown:
        wait = answer.resend_available_at - issued.counted_at
        return RequestRefused(reason="delivery_failed", retry_after=wait, issued=answer)
    return answer


def _refused(phone_number: PhoneNumber, refusal: RequestRefused) -> RequestRefused:
    logger.info("Refused a code for %s: %s.", phone_number, refusal.reason)
    return refusal
