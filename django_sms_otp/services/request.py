"""Decide -> commit -> deliver."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone, translation

from .. import codes
from ..auth.users import get_user_resolver
from ..backends import BaseSMSBackend, code_issuing_backend, get_backend
from ..conf import get_settings, secret_keys
from ..controls import Decision, Refused, Screening, count_probe, memory
from ..controls.callers import Caller
from ..controls.hooks import SendAttempt
from ..controls.reports import report
from ..db.rounds import NumberRow, in_rounds
from ..db.statements import resend_code
from ..db.transactions import database_alias, retry_lost_races
from ..db.writes import Write
from ..delivery import code_of
from ..delivery.queues import check_engine, is_queued
from ..exceptions import LoginRefused
from ..models import WITHHELD, DeliveryState, OTPCode, VerifiedPhone
from ..phone import PhoneNumber
from ..purposes import LOGIN
from ..results import CodeRequested, RequestRefused
from ..signals import code_requested
from .dispatch import Issued
from .guesses import is_spent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What somebody asks for."""

    attempt: SendAttempt
    caller: Caller
    request_id: uuid.UUID | None
    channel: str
    backend: BaseSMSBackend

    @property
    def lifetime(self) -> timedelta:
        """How long a new code lives: no longer than its gateway knows it."""
        lifetime = get_settings().CODE_LIFETIME
        return min(lifetime, self.backend.code_lifetime or lifetime)

    @property
    def phone_number(self) -> PhoneNumber:
        return self.attempt.phone_number

    @property
    def purpose(self) -> str:
        return self.attempt.purpose


def request_code(
    phone_number: PhoneNumber,
    *,
    purpose: str = LOGIN,
    channel: str | None = None,
    request_id: uuid.UUID | None = None,
    ip_address: str | None = None,
    device: str | None = None,
    challenge: str | None = None,
) -> CodeRequested | RequestRefused:
    """Send a code to a number.

    While a live code has at least a third of its lifetime left, the *same* code is sent again:
    messages arrive out of order, and any of them must do. Otherwise a new one supersedes it.

    :param channel: one of ``CHANNELS``: how the code is to reach the person; ``None``:
        ``sms``, or else the first of them. It comes in the active language.
    :param request_id: of an earlier request whose code is to be sent again; needed for that
        with ``REQUIRE_REQUEST_ID`` alone. An unknown, dead or foreign one counts as absent.
    :param ip_address: the client's; ``None``: no limit by address holds.
    :param device: an opaque text that the site gave to the client's device.
    :param challenge: the client's response to ``CHALLENGE``.
    :raises InsideTransaction: called inside a transaction of the caller's.
    :raises InvalidSettings: the configuration is broken; nothing was written.
    :raises Unavailable: a limit's store or a hook did not answer; nothing was sent.
    :raises ValueError: ``ip_address`` is no IP address, or ``channel`` is none of the site's.
    """
    channel = channel or get_settings().default_channel
    # First of all: a broken configuration must not cost the number its cooldown.
    backend = get_backend(_alias_for(channel))
    check_engine()
    attempt = SendAttempt(
        phone_number=phone_number, purpose=purpose, ip_address=ip_address, response=challenge
    )
    caller = Caller.of(ip_address, device)
    request = _Request(
        attempt=attempt, caller=caller, request_id=request_id, channel=channel, backend=backend
    )
    if _falls_under("reject", attempt):
        return _reject(request)
    outcome = _decide_and_commit(request)
    if isinstance(outcome, Refused):
        report(outcome, phone_number)
        _announce(request, outcome, outcome.answer)
        return outcome.answer
    answer = outcome.send(caller)
    report(outcome.decision, phone_number)
    _announce(request, outcome.decision, answer, withheld_by=outcome.otp_code.withheld_by)
    return answer


def _announce(
    request: _Request,
    decision: Decision,
    answer: CodeRequested | RequestRefused,
    *,
    withheld_by: str = "",
) -> None:
    answered = answer.reason if isinstance(answer, RequestRefused) else "accepted"
    code_requested.send_robust(
        OTPCode,
        phone_number=request.phone_number,
        purpose=request.purpose,
        channel=request.channel,
        outcome="withheld" if withheld_by else answered,
        control=withheld_by or decision.control,
        recorded=tuple(decision.recorded),
    )


def _alias_for(channel: str) -> str:
    aliases = get_settings().CHANNELS
    if channel not in aliases:
        raise ValueError(f"SMS_OTP['CHANNELS'] has no {channel!r}.")
    return aliases[channel]


def _falls_under(policy: str, attempt: SendAttempt) -> bool:
    """Tell whether ``UNKNOWN_NUMBERS`` is ``policy``, and nobody can log in with the number."""
    in_force = get_settings().UNKNOWN_NUMBERS
    if attempt.purpose != LOGIN or in_force != policy:
        return False
    resolver = get_user_resolver()
    try:
        # Not always in a round, which would try again where a plan is no good any more.
        alias = database_alias(VerifiedPhone)
        user = retry_lost_races(lambda: resolver.get_user(attempt.phone_number), alias)
    except LoginRefused:
        return True
    return user is None or not resolver.may_log_in(user, attempt.phone_number)


def _reject(request: _Request) -> RequestRefused:
    decision = Refused(
        answer=RequestRefused(reason="unknown_phone_number"), control="unknown_number"
    )
    if free_at := count_probe(request.phone_number, request.caller):
        wait = max(free_at - timezone.now(), timedelta(seconds=1))
        answer = RequestRefused(reason="quota_exceeded", retry_after=wait)
        decision = Refused(answer=answer, control="ip")
    report(decision, request.phone_number)
    _announce(request, decision, decision.answer)
    return decision.answer


def _decide_and_commit(request: _Request) -> Issued | Refused:
    screening = Screening(request.attempt, request.caller, request.lifetime)
    try:
        return in_rounds(
            request.phone_number.e164,
            lambda row: _issue(request, screening, row),
            purpose=request.purpose,
            shared=screening.row_keys,
            watched=screening.watched_keys,
        )
    except Exception:
        screening.release()
        raise


def _issue(request: _Request, screening: Screening, row: NumberRow) -> Issued | Refused:
    decision = screening.decide(row)
    if isinstance(decision, Refused):
        return decision
    # Not before: whoever is refused may ask without end, and measure what was looked up.
    is_ignored = _falls_under("ignore", request.attempt)
    reason = f"{WITHHELD}unknown_number" if is_ignored else decision.reason
    earlier = _earlier_code(request, row)
    tag = request.caller.network_tag(request.phone_number.e164)
    state = row.state.with_send(row.now, tag=tag, memory=memory())
    if earlier is not None and _is_worth_resending(earlier, request, row):
        was_waiting = earlier.delivery_state == DeliveryState.PENDING
        otp_code, superseded = earlier, None
        writes = [_resend(otp_code, request, row, reason)]
    else:
        was_waiting, superseded = False, earlier
        otp_code, insertion = _create(request, row, reason)
        writes = [insertion]
        if superseded and (is_queued() or get_settings().REQUIRE_REQUEST_ID):
            writes.append(row.supersession(superseded))
    row.replace(state, *writes, shared=decision.shared)
    answer = CodeRequested(
        request_id=otp_code.id,
        expires_at=otp_code.expires_at,
        resend_available_at=state.next_send_at(get_settings().COOLDOWN) or row.now,
        code_length=otp_code.code_length,
    )
    return Issued(
        otp_code=otp_code,
        phone_number=request.phone_number,
        superseded=superseded,
        was_waiting=was_waiting,
        counted_at=row.now,
        answer=answer,
        decision=decision,
    )


def _earlier_code(request: _Request, row: NumberRow) -> OTPCode | None:
    """Return the code that this request sends again or supersedes."""
    if not get_settings().REQUIRE_REQUEST_ID:
        return row.newest_if_live()
    # Codes live side by side, each for its own request: otherwise anybody could kill the code
    # of a login under way.
    return row.code(request.request_id) if request.request_id else None


def _is_worth_resending(otp_code: OTPCode, request: _Request, row: NumberRow) -> bool:
    maker = code_issuing_backend(otp_code.backend)
    if not otp_code.is_live(row.now) or is_spent(otp_code, maker) or code_of(otp_code) is None:
        return False
    if maker or request.backend.checks_codes:
        # A gateway has one code for a number until that expires, and sends no other; and what
        # another backend has made it does not know.
        return otp_code.backend == request.backend.alias
    return otp_code.is_worth_sending(row.now)


def _resend(otp_code: OTPCode, request: _Request, row: NumberRow, reason: str) -> Write:
    changes = {
        "send_count": otp_code.send_count + 1,
        "message_id": "",
        "reason": reason,
        **_waiting(request, row),
    }
    is_unknown = otp_code.delivery_state == DeliveryState.UNKNOWN and otp_code.sent_at is None
    if is_unknown and not otp_code.is_to_be_withheld:
        # It may have arrived: whoever types it in has perhaps not guessed it.
        changes["sent_at"] = otp_code.claimed_at
    for name, value in changes.items():
        setattr(otp_code, name, value)
    return row.change(otp_code, resend_code, *changes, **changes)


def _create(request: _Request, row: NumberRow, reason: str) -> tuple[OTPCode, Write]:
    settings = get_settings()
    return row.new_code(
        phone_number=request.phone_number.e164,
        region=request.phone_number.region,
        purpose=request.purpose,
        key_id=codes.fingerprint(secret_keys()[0]),
        code_length=request.backend.code_length or settings.CODE_LENGTH,
        created_at=row.now,
        expires_at=row.now + request.lifetime,
        reason=reason,
        ip_address=request.attempt.ip_address if settings.STORE_IP_ADDRESS else None,
        **_waiting(request, row),
    )


def _waiting(request: _Request, row: NumberRow) -> dict[str, Any]:
    """Return what a row says whose message is about to be sent."""
    waits_for_worker = is_queued()
    state = DeliveryState.PENDING if waits_for_worker else DeliveryState.UNKNOWN
    return {
        "backend": request.backend.alias,
        "channel": request.channel,
        "language": translation.get_language() or "",
        "counted_at": row.now,
        # Who sends during the request has claimed the message by making it.
        "claimed_at": None if waits_for_worker else row.now,
        "delivery_state": state,
    }
