"""Issues a code: decides, and writes the number's row, the code and the counts at once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils import translation

from .. import codes
from ..auth.users import get_user_resolver
from ..backends import BaseSMSBackend
from ..conf import get_settings, secret_keys
from ..controls import Admitted, Policy, Refused, memory
from ..controls.callers import Caller
from ..controls.hooks import SendAttempt
from ..db import NumberRow, Write
from ..delivery import code_of
from ..delivery.queues import is_queued
from ..exceptions import LoginRefused
from ..limits.failures import STRANGERS
from ..limits.journal import EarlierMessage
from ..limits.messages import Send
from ..models import TEST_NUMBER, DeliveryState, OTPCode
from ..purposes import Purpose
from .dispatch import PendingDelivery
from .guesses import code_issuer, is_spent

__all__ = ["CodeEnded", "CodeRequest", "falls_under", "issue"]


class CodeEnded(Exception):
    """There is no code to send again, or it has too little time left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """The arguments of a request, as read.

    :param is_test: whether its code is the fixed one of a test number.
    :param by_staff: whether staff have the code ``request_id`` sent again, and no other.
    """

    attempt: SendAttempt
    caller: Caller
    purpose: Purpose
    context: str
    request_id: uuid.UUID | None
    channel: str
    backend: BaseSMSBackend
    is_test: bool
    by_staff: bool = False

    @property
    def lifetime(self) -> timedelta:
        """The lifetime of a new code. It ends no later than the gateway's own code."""
        lifetime = self.purpose.code_lifetime
        return min(lifetime, self.backend.code_lifetime or lifetime)


def issue(request: CodeRequest, policy: Policy, row: NumberRow) -> PendingDelivery | Refused:
    """Decide, and write the number's row, the code and the counts.

    :raises CodeEnded: staff have a code sent again that is not to be sent any more.
    """
    if request.by_staff:
        _check_code(request, row)
    decision = policy.check(row)
    if isinstance(decision, Refused):
        return decision
    if request.is_test:
        # No control needs to withhold what is not sent anyway.
        decision = replace(decision, withheld_by=TEST_NUMBER)
    message = _message_columns(request, row, decision)
    earlier = _earlier_code(request, row)
    was_waiting, journal = False, row.state.journal
    if earlier is not None and _is_worth_resending(earlier, request, row):
        was_waiting = earlier.delivery_state == DeliveryState.PENDING
        journal = journal.with_one(_message_of(earlier))
        otp_code, writes = earlier, [_resend(earlier, row, message)]
    else:
        otp_code, insertion = _create(request, row, message)
        writes = [insertion, *([row.supersession(earlier)] if earlier else [])]
    state = row.state.with_send(_send_of(request, otp_code, row), memory=memory())
    row.replace(replace(state, journal=journal), *writes, *policy.commit(row, decision))
    return PendingDelivery(
        otp_code=otp_code,
        caller=request.caller,
        was_waiting=was_waiting,
        counted_at=row.now,
        resend_available_at=state.next_send_at(get_settings().COOLDOWN) or row.now,
        decision=decision,
    )


def _message_of(otp_code: OTPCode) -> EarlierMessage:
    """Return what became of a code's message, before the next one takes its place."""
    sent_at = otp_code.counted_at or otp_code.created_at
    return EarlierMessage(
        at=sent_at.timestamp(),
        code=otp_code.short_id,
        channel=otp_code.channel,
        backend=otp_code.backend,
        state=otp_code.delivery_state,
        error=otp_code.delivery_error,
        withheld_by=otp_code.withheld_by,
    )


def _check_code(request: CodeRequest, row: NumberRow) -> None:
    """:raises CodeEnded: the code of the request is not to be sent again."""
    code = _earlier_code(request, row)
    if code is None or code.pk != request.request_id:
        raise CodeEnded
    if not _is_worth_resending(code, request, row):
        raise CodeEnded


def _send_of(request: CodeRequest, otp_code: OTPCode, row: NumberRow) -> Send:
    if request.by_staff:
        # In the name of who asked for the code before. Another asker would get the code's id,
        # and it would be nobody's secret any more.
        asked = [send for send in row.state.sends if send.code == otp_code.short_id]
        network, device = (asked[-1].network, asked[-1].device) if asked else ("", "")
        return Send(row.now.timestamp(), otp_code.short_id, network, device)
    return Send(
        at=row.now.timestamp(),
        code=otp_code.short_id,
        network=request.caller.network_tag(row.e164),
        device=request.caller.device_tag(row.e164),
    )


def _message_columns(
    request: CodeRequest, row: NumberRow, decision: Admitted
) -> dict[str, Any]:
    """Return the columns of the code's row that describe the message."""
    # After the check: a refused caller may repeat a request without end, and could measure how
    # long the look-up takes.
    is_ignored = falls_under("ignore", request)
    is_waiting = is_queued()
    return {
        "withheld_by": "unknown_number" if is_ignored else decision.withheld_by,
        "exempt": decision.exempt,
        "recorded": ",".join(decision.recorded),
        "backend": request.backend.alias,
        "channel": request.channel,
        "language": translation.get_language() or "",
        "counted_at": row.now,
        # A request that sends its message itself claims it from the start.
        "claimed_at": None if is_waiting else row.now,
        "delivery_state": DeliveryState.PENDING if is_waiting else DeliveryState.UNKNOWN,
    }


def _earlier_code(request: CodeRequest, row: NumberRow) -> OTPCode | None:
    """Return the code that this request sends again or supersedes."""
    if not get_settings().REQUIRE_REQUEST_ID:
        return row.newest_if_live()
    # Each request has a code of its own. Otherwise anybody could supersede the code of a
    # person who is logging in.
    return row.code(request.request_id) if request.request_id else None


def _is_worth_resending(otp_code: OTPCode, request: CodeRequest, row: NumberRow) -> bool:
    if not otp_code.is_live(row.now) or code_of(otp_code) is None:
        return False
    if otp_code.is_test is not request.is_test:
        return False
    # A code lives while one of its askers has guesses left. Otherwise a stranger could spend
    # their own, ask again, and so supersede the code of a person who is logging in.
    asker = row.state.asker(request.caller.tags(row.e164), otp_code.short_id)
    askers = [
        replace(asker, group=asker.group or STRANGERS),
        *row.state.askers(otp_code.short_id),
    ]
    if all(is_spent(otp_code, row, each) for each in askers):
        return False
    if not request.is_test and (code_issuer(otp_code) or request.backend.checks_codes):
        # A gateway that makes codes keeps one for a number until it expires. It does not know
        # the codes of other backends.
        return otp_code.backend == request.backend.alias
    return otp_code.is_worth_sending(row.now)


def _resend(otp_code: OTPCode, row: NumberRow, message: Mapping[str, Any]) -> Write:
    is_unknown = otp_code.delivery_state == DeliveryState.UNKNOWN and otp_code.sent_at is None
    if is_unknown and not otp_code.withheld_by:
        # The first message may have arrived. So the code must not count as withheld, even if
        # this message is.
        otp_code.sent_at = otp_code.claimed_at
    otp_code.send_count += 1
    otp_code.message_id = otp_code.delivery_error = ""
    for name, value in message.items():
        setattr(otp_code, name, value)
    return row.resend(otp_code)


def _create(
    request: CodeRequest, row: NumberRow, message: Mapping[str, Any]
) -> tuple[OTPCode, Write]:
    settings, attempt = get_settings(), request.attempt
    fixed = settings.test_code(row.e164) if message["withheld_by"] == TEST_NUMBER else None
    length = request.backend.code_length or request.purpose.code_length
    return row.new_code(
        phone_number=attempt.phone_number.e164,
        region=attempt.phone_number.region,
        purpose=request.purpose.name,
        context=request.context,
        key_id=codes.fingerprint(secret_keys()[0]),
        code_length=len(fixed) if fixed else length,
        created_at=row.now,
        expires_at=row.now + request.lifetime,
        ip_address=attempt.ip_address if settings.STORE_IP_ADDRESS else None,
        **message,
    )


def falls_under(policy: str, request: CodeRequest) -> bool:
    """Return whether ``UNKNOWN_NUMBERS`` is ``policy`` and the number opens no account."""
    if not request.purpose.opens_account or policy != get_settings().UNKNOWN_NUMBERS:
        return False
    resolver, phone_number = get_user_resolver(), request.attempt.phone_number
    try:
        user = resolver.get_user(phone_number)
    except LoginRefused:
        return True
    return user is None or not resolver.may_log_in(user, phone_number)
