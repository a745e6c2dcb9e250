"""What must hold after calls for one number, in whatever order their statements ran.

Read off the services' answers, the rows of codes and users, and the outbox. How the limits are
kept is nobody's business here: what they count is seen by asking for one more code.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from django.contrib.auth.models import User
from django.utils import timezone

from django_sms_otp import testing
from django_sms_otp.conf import get_settings
from django_sms_otp.limits.failures import AtCode
from django_sms_otp.limits.number import NumberState
from django_sms_otp.models import Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import PhoneNumber
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.services import request_code

from .caller import Call
from .orders import Order
from .scene import Scene


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be seen from outside after an order."""

    outcomes: tuple[object, ...]
    codes: dict[uuid.UUID, OTPCode]
    messages: int
    users: int
    verified_phones: int
    guesses: dict[str, dict[str, int]]
    next_request: str

    @classmethod
    def after(cls, outcomes: Sequence[object], phone_number: PhoneNumber) -> Facts:
        return cls(
            outcomes=tuple(outcomes),
            codes={code.pk: code for code in OTPCode.objects.order_by("created_at")},
            messages=len(testing.outbox),
            users=User.objects.count(),
            verified_phones=VerifiedPhone.objects.count(),
            guesses={name: dict(each.by) for name, each in guesses_of(phone_number).items()},
            # The last fact: it changes the others.
            next_request=answer(request_code(phone_number)),
        )

    @property
    def redeemed(self) -> list[Redeemed[object]]:
        return [outcome for outcome in self.outcomes if isinstance(outcome, Redeemed)]

    def answers(self) -> list[str]:
        return [answer(outcome) for outcome in self.outcomes]

    def summary(self) -> tuple[object, ...]:
        """What two orders that come to the same have in common."""
        return (
            tuple(self.answers()),
            tuple(
                (
                    code.failed_attempts,
                    code.send_count,
                    code.redeemed_at is not None,
                    code.superseded_at is not None,
                    # By its code: PostgreSQL sorts the keys of JSON, and these are random.
                    tuple(sorted(self.guesses.get(code.short_id, {}).items())),
                )
                for code in self.codes.values()
            ),
            self.messages,
            self.users,
            self.verified_phones,
            self.next_request,
        )


def guesses_of(phone_number: PhoneNumber) -> Mapping[str, AtCode]:
    """Return the wrong guesses at each code, by the group of callers."""
    row = Limit.objects.filter(subject=phone_number.e164).first()
    return NumberState.from_json(row.state if row else {}).guesses.codes


def answer(outcome: object) -> str:
    """Put an outcome in one word."""
    return str(getattr(outcome, "reason", type(outcome).__name__))


class Invariants:
    """Asserts what must hold after each order of ``calls``.

    :param scene: what each order begins with.
    """

    def __init__(self, scene: Scene, calls: Sequence[Call], phone_number: PhoneNumber) -> None:
        self._phone_number = phone_number
        scene.restore()
        self._before = Facts.after([], phone_number)
        self._serial = set()
        for order in permutations(range(len(calls))):
            scene.restore()
            outcomes = {number: calls[number]() for number in order}
            facts = Facts.after([outcomes[n] for n in range(len(calls))], phone_number)
            self._serial.add(facts.summary())

    def check(self, order: Order) -> None:
        facts = Facts.after(order.outcomes, self._phone_number)
        _no_call_raised(facts)
        self._a_code_is_redeemed_once(facts)
        self._every_guess_is_counted(facts)
        self._no_message_too_many(facts)
        self._no_live_code_is_lost(facts)
        assert facts.users <= 1, "two users of one number"
        assert facts.verified_phones <= 1, "a number verified twice"
        # And whatever else may go wrong:
        assert facts.summary() in self._serial, "as no order of whole calls would end"

    def _a_code_is_redeemed_once(self, facts: Facts) -> None:
        redeemed = [outcome.request_id for outcome in facts.redeemed]
        assert len(redeemed) == len(set(redeemed)), "a code was redeemed twice"
        rows = [code for code in facts.codes.values() if code.redeemed_at]
        redeemed += [code.pk for code in self._before.codes.values() if code.redeemed_at]
        assert set(redeemed) == {code.pk for code in rows}, "an answer and its row disagree"
        for code in rows:
            if code.superseded_at and code.redeemed_at:
                assert code.redeemed_at < code.superseded_at, "a superseded code was redeemed"

    def _every_guess_is_counted(self, facts: Facts) -> None:
        before = {pk: code.failed_attempts for pk, code in self._before.codes.items()}
        counted = sum(
            code.failed_attempts - before.get(pk, 0) for pk, code in facts.codes.items()
        )
        refused = facts.answers().count("invalid_code")
        assert counted <= refused, "a guess was counted that was not made"
        for by_group in facts.guesses.values():
            most = max(by_group.values(), default=0)
            assert most <= get_settings().MAX_ATTEMPTS, "too many guesses"
        for pk, code in facts.codes.items():
            by_group = facts.guesses.get(code.short_id, {})
            assert sum(by_group.values()) == code.failed_attempts, f"two counts of {pk}"
        # A guess at a code that is used up or superseded is not evaluated, and not counted.
        if self._live(self._before) == self._live(facts):
            assert counted == refused, "a guess was not counted"

    def _no_message_too_many(self, facts: Facts) -> None:
        requested = sum(isinstance(outcome, CodeRequested) for outcome in facts.outcomes)
        assert facts.messages == requested, "a message nobody knows of, or none"
        if facts.redeemed:
            # Whoever logs in may have a new code at once.
            return
        assert facts.messages <= 1, "two messages within the cooldown"
        if facts.messages or self._before.next_request == "cooldown":
            assert facts.next_request == "cooldown", "a cooldown was lost"

    def _no_live_code_is_lost(self, facts: Facts) -> None:
        assert self._live(self._before) <= set(facts.codes), "a live code was purged"
        if not get_settings().REQUIRE_REQUEST_ID:
            assert len(self._live(facts)) <= 1, "two live codes"

    def _live(self, facts: Facts) -> set[uuid.UUID]:
        now = timezone.now()
        return {code.pk for code in facts.codes.values() if code.is_live(now)}


def _no_call_raised(facts: Facts) -> None:
    errors = [outcome for outcome in facts.outcomes if isinstance(outcome, BaseException)]
    assert not errors, f"a call raised {errors[0]!r}"
