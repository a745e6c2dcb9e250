"""The base class of the backends that hand messages on to others, with a circuit for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from ...conf import backend_aliases
from ...conf.validators import did_you_mean, positive_number, whole_number
from ...exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    InvalidBackend,
    NotDelivered,
)
from ...purposes import TEST
from ..base import BaseSMSBackend, SendResult, SMSMessage
from ..handing_over import hand_over
from ..registry import get_backend
from .circuit_state import CLOSED, Circuit, Policy
from .circuits import claim_probe, note_failure, note_success, read_circuits

__all__ = ["CompositeBackend", "Turn"]

LONGEST_OPEN = 86_400.0
"""A purge forgets a circuit that has not changed for a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to hand a message to a target.

    :param probe: the probe of the target's circuit that the message is; 0: it is none.
    """

    target: str
    probe: int = 0


class CompositeBackend(BaseSMSBackend):
    """Hands messages on to other aliases.

    :param targets: the other aliases; they may hand messages on too.
    :param failures: the number of failures in a row that opens the circuit of a target. Then
        the target is passed over.
    :param open_for: seconds that the circuit is open the first time.
    :param open_for_at_most: seconds; the time doubles with each probe that fails.
    """

    def __init__(
        self,
        *,
        alias: str,
        targets: Iterable[str],
        failures: int = 5,
        open_for: float = 30.0,
        open_for_at_most: float = 300.0,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        self._policy = self._make_policy(failures, open_for, open_for_at_most)
        self.targets = tuple(dict.fromkeys(targets))
        backends = [self._get_target(target) for target in self.targets]
        # It sends by every channel of a target. Targets without the channel are left out.
        self.channels = frozenset().union(*(backend.channels for backend in backends))
        lifetimes = [each.code_lifetime for each in backends if each.code_lifetime]
        self.code_lifetime = min(lifetimes, default=None)

    @sensitive_variables("message")
    def _hand_on(self, message: SMSMessage, turn: Turn) -> SendResult:
        """Hand a message to a target, and record the outcome in its circuit.

        :raises DeliveryError: the error of the target.
        """
        if get_backend(turn.target).targets or message.purpose == TEST:
            return hand_over(message, turn.target)
        try:
            result = hand_over(message, turn.target)
        except (DeliveryRefused, DeliveryBlocked):
            # The gateway works: the error is about this number alone.
            note_success(turn.target)
            raise
        except DeliveryError as error:
            if isinstance(error, NotDelivered) and error.is_permanent:
                note_success(turn.target)
                raise
            note_failure(turn.target, self._policy, probe=turn.probe)
            raise
        note_success(turn.target)
        return result

    def _with_channel(self, aliases: Iterable[str], message: SMSMessage) -> list[str]:
        """Return the targets that have the message's channel. Those to avoid come last.

        :raises NotDelivered: there is none.
        """
        able = [each for each in aliases if message.channel in get_backend(each).channels]
        if not able:
            raise NotDelivered(
                f"None of its backends sends {message.channel!r}.",
                error_code="no-backend",
                needs_attention=True,
            )
        return sorted(able, key=lambda each: self._is_avoided(each, message))

    def _is_avoided(self, target: str, message: SMSMessage) -> bool:
        return message.avoid.issuperset(self._leaves(target))

    def _read_circuits(
        self, aliases: Iterable[str], message: SMSMessage
    ) -> Mapping[str, Circuit]:
        leaves = {leaf for alias in aliases for leaf in self._leaves(alias)}
        if message.purpose == TEST:
            # A test asks the gateway in any case, and does not change the circuits.
            return dict.fromkeys(leaves, CLOSED)
        return read_circuits(leaves)

    def _take_turn(self, target: str, circuits: Mapping[str, Circuit]) -> Turn | None:
        """Return the turn of a target; ``None``: its circuit is open, or another message
        probes it."""
        now = timezone.now().timestamp()
        leaves = self._leaves(target)
        if all(circuits[leaf].is_open(now) for leaf in leaves):
            return None
        if leaves != [target] or not circuits[target].is_due(now):
            return Turn(target=target)
        probe = claim_probe(target)
        return None if probe is None else Turn(target=target, probe=probe)

    def _leaves(self, alias: str) -> list[str]:
        """Return the aliases below ``alias`` that send by themselves, or ``alias`` if it
        does."""
        targets = get_backend(alias).targets
        return [leaf for each in targets for leaf in self._leaves(each)] if targets else [alias]

    def _make_policy(self, failures: int, open_for: float, open_for_at_most: float) -> Policy:
        self._expect("failures", whole_number(1, 1000)(failures))
        self._expect("open_for", positive_number(open_for))
        self._expect("open_for_at_most", positive_number(open_for_at_most))
        if max(open_for, open_for_at_most) > LONGEST_OPEN:
            raise self._invalid("'open_for' and 'open_for_at_most' must be at most a day")
        return Policy(
            failures=failures,
            open_for=timedelta(seconds=open_for),
            open_for_at_most=timedelta(seconds=max(open_for, open_for_at_most)),
        )

    def _get_target(self, target: str) -> BaseSMSBackend:
        known = backend_aliases()
        if target not in known:
            hint = did_you_mean(target, known)
            raise InvalidBackend(
                f"names {target!r}, which SMS_OTP_BACKENDS does not have.{hint}",
                alias=self.alias,
            )
        backend = get_backend(target)
        if backend.checks_codes:
            # Only one of the two knows a code. A message of the other would make it useless.
            raise InvalidBackend(
                f"names {target!r}, whose gateway makes and checks the codes. Name that in "
                "SMS_OTP['CHANNELS'], or have it send the app's codes ('custom_codes').",
                alias=self.alias,
            )
        return backend

    def _expect(self, option: str, problem: str | None) -> None:
        if problem:
            raise self._invalid(f"{option!r} {problem}")

    def _invalid(self, problem: str) -> InvalidBackend:
        return InvalidBackend(f"option {problem}.", alias=self.alias)
