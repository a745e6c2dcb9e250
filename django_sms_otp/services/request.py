"""Decide -> commit -> deliver."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from .. import codes
from ..backends import DEFAULT_ALIAS, get_backend
from ..callers import Caller
from ..conf import get_settings, secret_keys
from ..controls import Admitted, Refused, Screening, count_probe, memory, note_not_sent
from ..delivery import code_of, deliver, withhold
from ..exceptions import (
    DeliveryBlocked,
    DeliveryRefused,
    DeliveryUnknown,
    LoginRefused,
    NotDelivered,
)
from ..hooks import SendAttempt
from ..models import WITHHELD, DeliveryState, OTPCode
from ..outcomes import CodeRequested, RequestRefused
from ..phone import PhoneNumber
from ..purposes import LOGIN
from ..rounds import LostRound, NumberRow, in_rounds
from ..users import get_user_resolver
from .reports import report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    attempt: SendAttempt
    caller: Caller
    request_id: uuid.UUID | None

    @property
    def phone_number(self) -> PhoneNumber:
        return self.attempt.phone_number

    @property
    def purpose(self) -> str:
        return self.attempt.purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issued:
    otp_code: OTPCode
    superseded: OTPCode | None
    counted_at: datetime
    answer: CodeRequested
    decision: Admitted
    is_withheld: bool


def request_code(
    phone_number: PhoneNumber,
    *,
    purpose: str = LOGIN,
    request_id: uuid.UUID | None = None,
    ip_address: str | None = None,
    device: str | None = None,
    challenge: str | None = None,
) -> CodeRequested | RequestRefused:
    """Send a code to a number.

    While a live code has at least a third of its lifetime left, the *same* code is sent again:
    messages arrive out of order, and any of them must do. Otherwise a new one supersedes it.

    :param request_id: of an earlier request whose code is to be sent again; needed for that
        with ``REQUIRE_REQUEST_ID`` alone. An unknown, dead or foreign one counts as absent.
    :param ip_address: the client's; ``None``: no limit by address holds.
    :param device: an opaque text that the site gave to the client's device.
    :param challenge: the client's response to ``CHALLENGE``.
    :raises InsideTransaction: called inside a transaction of the caller's.
    :raises InvalidSettings: the configuration is broken; nothing was written.
    :raises Unavailable: a limit's store or a hook did not answer; nothing was sent.
    :raises ValueError: ``ip_address`` is no IP address.
    """
    # First of all: a broken configuration must not cost the number its cooldown.
    get_backend()
    attempt = SendAttempt(
        phone_number=phone_number, purpose=purpose, ip_address=ip_address, response=challenge
    )
    caller = Caller.of(ip_address, device)
    if _falls_under("reject", attempt):
        return _reject(phone_number, caller)
    request = _Request(attempt=attempt, caller=caller, request_id=request_id)
    outcome = _decide_and_commit(request)
    if isinstance(outcome, Refused):
        report(outcome, phone_number)
        return outcome.answer
    answer = _send(outcome, request)
    report(outcome.decision, phone_number)
    return answer


def _falls_under(policy: str, attempt: SendAttempt) -> bool:
    """Tell whether ``UNKNOWN_NUMBERS`` is ``policy``, and nobody can log in with the number."""
    in_force = get_settings().UNKNOWN_NUMBERS
    if attempt.purpose != LOGIN or in_force != policy:
        return False
    resolver = get_user_resolver()
    try:
        user = resolver.get_user(attempt.phone_number)
    except LoginRefused:
        return True
    return user is None or not resolver.may_log_in(user, attempt.phone_number)


def _reject(phone_number: PhoneNumber, caller: Caller) -> RequestRefused:
    decision = Refused(
        answer=RequestRefused(reason="unknown_phone_number"), control="unknown_number"
    )
    if free_at := count_probe(phone_number, caller):
        wait = max(free_at - timezone.now(), timedelta(seconds=1))
        answer = RequestRefused(reason="quota_exceeded", retry_after=wait)
        decision = Refused(answer=answer, control="ip")
    report(decision, phone_number)
    return decision.answer


def _decide_and_commit(request: _Request) -> _Issued | Refused:
    screening = Screening(request.attempt, request.caller)
    try:
        return in_rounds(
            request.phone_number.e164,
            lambda row: _issue(request, screening, row),
            purpose=request.purpose,
            shared=screening.row_keys,
        )
    except Exception:
        screening.release()
        raise


def _issue(request: _Request, screening: Screening, row: NumberRow) -> _Issued | Refused:
    decision = screening.decide(row)
    if isinstance(decision, Refused):
        return decision
    # Not before: whoever is refused may ask without end, and measure what was looked up.
    is_ignored = _falls_under("ignore", request.attempt)
    reason = f"{WITHHELD}unknown_number" if is_ignored else decision.reason
    earlier = _earlier_code(request, row)
    tag = request.caller.network_tag(request.phone_number.e164)
    state = row.state.with_send(row.now, tag=tag, memory=memory())
    with row.replaced_by(state, decision.shared):
        if earlier is not None and _is_worth_resending(earlier, row):
            otp_code, superseded = _resend(earlier, row, reason), None
        else:
            otp_code, superseded = _create(request, row, reason), earlier
    answer = CodeRequested(
        request_id=otp_code.id,
        expires_at=otp_code.expires_at,
        resend_available_at=state.next_send_at(get_settings().COOLDOWN) or row.now,
        code_length=otp_code.code_length,
    )
    return _Issued(
        otp_code=otp_code,
        superseded=superseded,
        counted_at=row.now,
        answer=answer,
        decision=decision,
        is_withheld=decision.is_withheld or is_ignored,
    )


def _earlier_code(request: _Request, row: NumberRow) -> OTPCode | None:
    """Return the code that this request would have sent again, whatever its state."""
    if not get_settings().REQUIRE_REQUEST_ID:
        return row.newest()
    # Codes live side by side, each for its own request: otherwise anybody could kill the code
    # of a login under way.
    return row.code(request.request_id) if request.request_id else None


def _is_worth_resending(otp_code: OTPCode, row: NumberRow) -> bool:
    lifetime = otp_code.expires_at - otp_code.created_at
    return (
        otp_code.is_live(row.now)
        and otp_code.failed_attempts < get_settings().MAX_ATTEMPTS
        and (otp_code.expires_at - row.now) * 3 >= lifetime
        and code_of(otp_code) is not None
    )


def _resend(otp_code: OTPCode, row: NumberRow, reason: str) -> OTPCode:
    otp_code.send_count += 1
    otp_code.claimed_at = row.now
    otp_code.backend = DEFAULT_ALIAS
    otp_code.delivery_state = DeliveryState.PENDING
    otp_code.reason = reason
    changed = row.codes.live(row.now).filter(pk=otp_code.pk)
    if not changed.update(
        send_count=otp_code.send_count,
        claimed_at=otp_code.claimed_at,
        backend=otp_code.backend,
        delivery_state=otp_code.delivery_state,
        reason=reason,
    ):
        raise LostRound
    return otp_code


def _create(request: _Request, row: NumberRow, reason: str) -> OTPCode:
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
        reason=reason,
        ip_address=request.attempt.ip_address if settings.STORE_IP_ADDRESS else None,
    )


def _send(issued: _Issued, request: _Request) -> CodeRequested | RequestRefused:
    answer, phone_number = issued.answer, request.phone_number
    if issued.is_withheld:
        withhold(
            issued.otp_code,
            phone_number,
            counted_at=issued.counted_at,
            superseded=issued.superseded,
        )
        return answer
    try:
        deliver(
            issued.otp_code,
            phone_number,
            counted_at=issued.counted_at,
            superseded=issued.superseded,
        )
    except DeliveryBlocked:
        # Whom the gateway takes for a fraudster learns nothing from us.
        return answer
    except DeliveryRefused as error:
        return RequestRefused(reason=error.code)
    except NotDelivered as error:
        note_not_sent(
            issued.otp_code, phone_number, request.caller, counted_at=issued.counted_at
        )
        return RequestRefused(reason="delivery_failed", retry_after=error.retry_after)
    except DeliveryUnknown:
        wait = answer.resend_available_at - issued.counted_at
        return RequestRefused(reason="delivery_failed", retry_after=wait, issued=answer)
    return answer
