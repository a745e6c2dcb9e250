"""Request a code: decide -> commit -> deliver."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone, translation

from .. import codes
from ..auth.users import get_user_resolver
from ..backends import BaseSMSBackend, code_issuing_backend, get_backend
from ..conf import get_settings, secret_keys
from ..controls import Decision, Policy, Refused, count_probe, memory
from ..controls.callers import Caller
from ..controls.hooks import SendAttempt
from ..controls.refusals import log_decision
from ..db import NumberRow, Write, change_number
from ..delivery import code_of
from ..delivery.queues import check_engine, is_queued
from ..exceptions import LoginRefused
from ..models import DeliveryState, OTPCode
from ..phone import PhoneNumber
from ..purposes import LOGIN
from ..results import CodeRequested, RequestRefused
from ..signals import code_requested
from .dispatch import PendingDelivery, dispatch
from .guesses import is_spent

__all__ = ["request_code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The arguments of a request, as read."""

    attempt: SendAttempt
    caller: Caller
    request_id: uuid.UUID | None
    channel: str
    backend: BaseSMSBackend

    @property
    def lifetime(self) -> timedelta:
        """The lifetime of a new code. It ends no later than the gateway's own code."""
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

    If the number has a live code with at least a third of its lifetime left, the *same* code is
    sent again: messages may arrive out of order, and each must hold a valid code. Otherwise a
    new code supersedes it. The message is in the active language.

    :param channel: one of ``CHANNELS``; by default ``sms`` if it is among them, else the first.
    :param request_id: the id of an earlier request, to send its code again. Only
        ``REQUIRE_REQUEST_ID`` needs it. An unknown, dead or foreign id is ignored.
    :param ip_address: the address of the client. Without it no limit by address applies.
    :param device: an opaque text that the site gave to the client's device.
    :param challenge: the client's response to ``CHALLENGE``.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises InvalidSettings: the configuration is broken. Nothing was written.
    :raises Unavailable: a store of limits or a hook did not answer. Nothing was sent.
    :raises ValueError: ``ip_address`` is not an IP address, or ``CHANNELS`` lacks ``channel``.
    """
    channel = channel or get_settings().default_channel
    # Before anything is counted: a broken configuration must not cost a number its cooldown.
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
        return _refused(request, _refuse_unknown_number(request))
    outcome = _decide_and_commit(request)
    if isinstance(outcome, Refused):
        return _refused(request, outcome)
    answer = dispatch(outcome)
    log_decision(outcome.decision, phone_number)
    _announce(request, outcome.decision, answer, control=outcome.otp_code.withheld_by)
    return answer


def _refused(request: _Request, decision: Refused) -> RequestRefused:
    log_decision(decision, request.phone_number)
    _announce(request, decision, decision.answer, control=decision.control)
    return decision.answer


def _announce(
    request: _Request,
    decision: Decision,
    answer: CodeRequested | RequestRefused,
    *,
    control: str,
) -> None:
    """Send ``code_requested``.

    :param control: the control that refused or withheld the message; empty if none did.
    """
    if isinstance(answer, RequestRefused):
        outcome = answer.reason
    else:
        outcome = "withheld" if control else "accepted"
    code_requested.send_robust(
        OTPCode,
        phone_number=request.phone_number,
        purpose=request.purpose,
        channel=request.channel,
        outcome=outcome,
        control=control,
        recorded=tuple(decision.recorded),
    )


def _alias_for(channel: str) -> str:
    aliases = get_settings().CHANNELS
    if channel not in aliases:
        raise ValueError(
            f"SMS_OTP['CHANNELS'] has no {channel!r}. It has: {', '.join(aliases)}."
        )
    return aliases[channel]


def _falls_under(policy: str, attempt: SendAttempt) -> bool:
    """Return whether ``UNKNOWN_NUMBERS`` is ``policy`` and the number opens no account."""
    in_force = get_settings().UNKNOWN_NUMBERS
    if attempt.purpose != LOGIN or in_force != policy:
        return False
    resolver = get_user_resolver()
    try:
        user = resolver.get_user(attempt.phone_number)
    except LoginRefused:
        return True
    return user is None or not resolver.may_log_in(user, attempt.phone_number)


def _refuse_unknown_number(request: _Request) -> Refused:
    if free_at := count_probe(request.phone_number, request.caller):
        wait = max(free_at - timezone.now(), timedelta(seconds=1))
        answer = RequestRefused(reason="quota_exceeded", retry_after=wait)
        return Refused(answer=answer, control="ip")
    answer = RequestRefused(reason="unknown_phone_number")
    return Refused(answer=answer, control="unknown_number")


def _decide_and_commit(request: _Request) -> PendingDelivery | Refused:
    policy = Policy(request.attempt, request.caller, request.lifetime)
    try:
        return change_number(
            request.phone_number.e164,
            lambda row: _issue(request, policy, row),
            purpose=request.purpose,
            shared=policy.row_keys,
        )
    except Exception:
        policy.roll_back()
        raise


def _issue(request: _Request, policy: Policy, row: NumberRow) -> PendingDelivery | Refused:
    """Decide, and write the number's row, the code and the counts."""
    decision = policy.check(row)
    if isinstance(decision, Refused):
        return decision
    # After the check: a refused caller may repeat a request without end, and could measure how
    # long the look-up takes.
    is_ignored = _falls_under("ignore", request.attempt)
    withheld_by = "unknown_number" if is_ignored else decision.withheld_by
    verdict = {
        "withheld_by": withheld_by,
        "exempt": decision.exempt,
        "recorded": ",".join(decision.recorded),
    }
    tag = request.caller.network_tag(row.e164)
    state = row.state.with_send(row.now, tag=tag, memory=memory())
    earlier = _earlier_code(request, row)
    was_waiting = False
    if earlier is not None and _is_worth_resending(earlier, request, row):
        was_waiting = earlier.delivery_state == DeliveryState.PENDING
        otp_code = earlier
        writes = [_resend(otp_code, request, row, verdict)]
    else:
        otp_code, insertion = _create(request, row, verdict)
        writes = [insertion, *([row.supersession(earlier)] if earlier else [])]
    row.replace(state, *writes, *policy.commit(row, decision))
    answer = CodeRequested(
        request_id=otp_code.id,
        expires_at=otp_code.expires_at,
        resend_available_at=state.next_send_at(get_settings().COOLDOWN) or row.now,
        code_length=otp_code.code_length,
    )
    return PendingDelivery(
        otp_code=otp_code,
        phone_number=request.phone_number,
        caller=request.caller,
        was_waiting=was_waiting,
        counted_at=row.now,
        answer=answer,
        decision=decision,
    )


def _earlier_code(request: _Request, row: NumberRow) -> OTPCode | None:
    """Return the code that this request sends again or supersedes."""
    if not get_settings().REQUIRE_REQUEST_ID:
        return row.newest_if_live()
    # Each request has a code of its own. Otherwise anybody could supersede the code of a
    # person who is logging in.
    return row.code(request.request_id) if request.request_id else None


def _is_worth_resending(otp_code: OTPCode, request: _Request, row: NumberRow) -> bool:
    issuer = code_issuing_backend(otp_code.backend)
    if not otp_code.is_live(row.now) or is_spent(otp_code, issuer) or code_of(otp_code) is None:
        return False
    if issuer or request.backend.checks_codes:
        # A gateway that makes codes keeps one for a number until it expires. It does not know
        # the codes of other backends.
        return otp_code.backend == request.backend.alias
    return otp_code.is_worth_sending(row.now)


def _resend(
    otp_code: OTPCode, request: _Request, row: NumberRow, verdict: Mapping[str, Any]
) -> Write:
    is_unknown = otp_code.delivery_state == DeliveryState.UNKNOWN and otp_code.sent_at is None
    if is_unknown and not otp_code.withheld_by:
        # The first message may have arrived. So the code must not count as withheld, even if
        # this message is.
        otp_code.sent_at = otp_code.claimed_at
    otp_code.send_count += 1
    otp_code.message_id = ""
    for name, value in {**verdict, **_message_columns(request, row)}.items():
        setattr(otp_code, name, value)
    return row.resend(otp_code)


def _create(
    request: _Request, row: NumberRow, verdict: Mapping[str, Any]
) -> tuple[OTPCode, Write]:
    settings = get_settings()
    return row.new_code(
        phone_number=request.phone_number.e164,
        region=request.phone_number.region,
        purpose=request.purpose,
        key_id=codes.fingerprint(secret_keys()[0]),
        code_length=request.backend.code_length or settings.CODE_LENGTH,
        created_at=row.now,
        expires_at=row.now + request.lifetime,
        ip_address=request.attempt.ip_address if settings.STORE_IP_ADDRESS else None,
        **verdict,
        **_message_columns(request, row),
    )


def _message_columns(request: _Request, row: NumberRow) -> dict[str, Any]:
    """Return the columns of the code's row that describe the message."""
    waits_for_worker = is_queued()
    state = DeliveryState.PENDING if waits_for_worker else DeliveryState.UNKNOWN
    return {
        "backend": request.backend.alias,
        "channel": request.channel,
        "language": translation.get_language() or "",
        "counted_at": row.now,
        # A request that sends its message itself claims it from the start.
        "claimed_at": None if waits_for_worker else row.now,
        "delivery_state": state,
    }
