"""Request a code: decide -> commit -> deliver."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from ..backends import get_backend
from ..conf import get_settings
from ..controls import Decision, Policy, Refused, take_from_address
from ..controls.callers import Caller
from ..controls.hooks import SendAttempt
from ..controls.refusals import log_decision
from ..db import change_number
from ..delivery.queues import engine, is_queued
from ..models import OTPCode
from ..phone import PhoneNumber
from ..purposes import LOGIN
from ..results import CodeRequested, RequestRefused
from ..signals import code_requested
from .arguments import (
    check_number,
    check_texts,
    context_to_show,
    purpose_of,
    request_id_of,
)
from .dispatch import PendingDelivery, dispatch
from .fixed_codes import gets_fixed_code
from .issuing import CodeRequest, falls_under, issue
from .phone_numbers import refusal_of_test_number

__all__ = ["fulfil", "request_code"]


def request_code(
    phone_number: PhoneNumber,
    *,
    purpose: str = LOGIN,
    context: Mapping[str, str] | None = None,
    channel: str | None = None,
    request_id: uuid.UUID | str | None = None,
    ip_address: str | None = None,
    device: str | None = None,
    challenge: str | None = None,
) -> CodeRequested | RequestRefused:
    """Send a code to a number.

    If the number has a live code with at least a third of its lifetime left, the *same* code is
    sent again: messages may arrive out of order, and each must hold a valid code. Otherwise a
    new code supersedes it. The message is in the active language.

    :param purpose: what the code authorises: see ``PURPOSES``.
    :param context: what the code is bound to, as texts by name. Its purpose's message can show
        them. Codes of different contexts live side by side.
    :param channel: one of ``CHANNELS``; by default ``sms`` if it is among them, else the first.
    :param request_id: the id of an earlier request, to send its code again. Only
        ``REQUIRE_REQUEST_ID`` needs it. An unknown, dead or foreign id is ignored.
    :param ip_address: the address of the client. Without it no limit by address applies.
    :param device: an opaque text that the site gave to the client's device.
    :param challenge: the client's response to ``CHALLENGE``.
    :raises InsideTransaction: the caller has begun a transaction.
    :raises InvalidSettings: the configuration is broken. Nothing was written.
    :raises TypeError: an argument has another type. Nothing was counted.
    :raises Unavailable: a store of limits or a hook did not answer. Nothing was sent.
    :raises ValueError: ``ip_address`` is not an IP address, ``CHANNELS`` lacks ``channel``,
        ``PURPOSES`` lacks ``purpose``, ``request_id`` is malformed, or the message cannot show
        ``context``. Nothing was counted.
    """
    check_number(phone_number)
    declared = purpose_of(purpose)
    check_texts(ip_address=ip_address, device=device, challenge=challenge)
    channel = get_settings().channel(channel)
    if declared.binds and (reason := refusal_of_test_number(phone_number, channel)):
        return RequestRefused(reason=reason)
    # Before anything is counted: a broken configuration must not cost a number its cooldown.
    backend = get_backend(get_settings().CHANNELS[channel])
    written = context_to_show(
        declared, context, channel=channel, is_text_shown=backend.shows_text(channel)
    )
    if is_queued():
        engine()
    attempt = SendAttempt(
        phone_number=phone_number, purpose=purpose, ip_address=ip_address, response=challenge
    )
    caller = Caller.of(ip_address, device)
    request = CodeRequest(
        attempt=attempt,
        caller=caller,
        purpose=declared,
        context=written,
        request_id=request_id_of(request_id),
        channel=channel,
        backend=backend,
        is_test=gets_fixed_code(phone_number, declared),
    )
    return fulfil(request)


def fulfil(request: CodeRequest) -> CodeRequested | RequestRefused:
    """Decide, commit, deliver and tell of it."""
    outcome = _refuse_unknown_number(request) or _decide_and_commit(request)
    if isinstance(outcome, Refused):
        _announce(request, outcome, outcome.answer, outcome.control)
        return outcome.answer
    answer = dispatch(outcome)
    _announce(request, outcome.decision, answer, outcome.otp_code.withheld_by)
    return answer


def _refuse_unknown_number(request: CodeRequest) -> Refused | None:
    """Refuse a number that opens no account, if ``UNKNOWN_NUMBERS`` is ``reject``."""
    if not falls_under("reject", request):
        return None
    full = take_from_address(request.attempt.phone_number, request.caller)
    if full is None:
        answer = RequestRefused(reason="unknown_phone_number")
        return Refused(answer=answer, control="unknown_number")
    wait = max(full.free_at - timezone.now(), timedelta(seconds=1)) if full.free_at else None
    answer = RequestRefused(reason=full.reason, retry_after=wait)
    return Refused(answer=answer, control=full.control)


def _decide_and_commit(request: CodeRequest) -> PendingDelivery | Refused:
    policy = Policy(
        request.attempt,
        request.caller,
        request.lifetime,
        asks_challenge=not request.by_staff,
    )
    try:
        return change_number(
            request.attempt.phone_number.e164,
            lambda row: issue(request, policy, row),
            purpose=request.purpose.name,
            context=request.context,
            shared=policy.row_keys,
        )
    except Exception:
        policy.roll_back()
        raise


def _announce(
    request: CodeRequest,
    decision: Decision,
    answer: CodeRequested | RequestRefused,
    control: str,
) -> None:
    """Log the decision, and send ``code_requested``.

    :param control: the control that refused or withheld the message; empty if none did.
    """
    log_decision(decision, request.attempt.phone_number)
    if isinstance(answer, RequestRefused):
        outcome = answer.reason
    else:
        outcome = "withheld" if control else "accepted"
    code_requested.send_robust(
        OTPCode,
        phone_number=request.attempt.phone_number,
        purpose=request.attempt.purpose,
        channel=request.channel,
        outcome=outcome,
        control=control,
        recorded=tuple(decision.recorded),
    )
