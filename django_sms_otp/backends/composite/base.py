"""The base class of the backends that hand messages on to others, with a circuit for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from ...conf import backend_aliases
from ...conf.validators import did_you_mean, positive_number, whole_number
from ...exceptions import Cause, DeliveryError, InvalidBackend, NotDelivered
from ...purposes import TEST
from ..base import BaseSMSBackend, SendResult, SMSMessage
from ..handing_over import hand_over
from ..registry import get_backend, with_targets
from .circuit_state import CLOSED, Circuit, CircuitPolicy
from .circuits import claim_probe, close, note_failure, read_circuits

__all__ = ["CompositeBackend"]

LONGEST_OPEN = 86_400.0
"""A purge forgets a circuit that has not changed for a day."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to hand a message to a target.

    :param circuit: the circuit of the target, as it was before the message.
    :param probe: the probe of the circuit that the message is; 0: it is none.
    """

    target: str
    circuit: Circuit
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
        self._expect("failures", whole_number(1, 1000)(failures))
        self._expect("open_for", _seconds_open(open_for))
        self._expect("open_for_at_most", _seconds_open(open_for_at_most))
        self._policy = CircuitPolicy(failures, open_for, max(open_for, open_for_at_most))
        self.targets = tuple(dict.fromkeys(targets))
        backends = [self._get_target(target) for target in self.targets]
        # It sends by every channel of a target. Targets without the channel are left out.
        self.channels = frozenset().union(*(backend.channels for backend in backends))
        lifetimes = [each.code_lifetime for each in backends if each.code_lifetime]
        self.code_lifetime = min(lifetimes, default=None)

    def shows_text(self, channel: str) -> bool:
        return all(get_backend(each).shows_text(channel) for each in self.targets)

    def _turns(self, aliases: Iterable[str], message: SMSMessage) -> Iterator[Turn]:
        """Yield the turns of the targets that have the message's channel, in their order.

        Targets to avoid come after the others. Those with an open circuit come last, the one
        that is due first before the others: a person waits, and no other target has sent.

        :raises NotDelivered: no target has the channel.
        """
        able = [each for each in aliases if message.channel in get_backend(each).channels]
        if not able:
            raise NotDelivered(
                f"None of its backends sends {message.channel!r}.",
                error_code="no-backend",
                cause=Cause.ACCOUNT,
            )
        able.sort(key=lambda each: message.avoid.issuperset(_leaves(each)))
        circuits = _read_circuits(able, message)
        passed_over: list[Turn] = []
        for target in able:
            circuit, now = circuits[target], timezone.now().timestamp()
            probe = None if circuit.is_open(now) else 0
            if circuit.is_due(now) and not get_backend(target).targets:
                probe = claim_probe(target)
            if probe is None:
                passed_over.append(Turn(target, circuit))
            else:
                yield Turn(target, circuit, probe)
        yield from sorted(passed_over, key=lambda turn: turn.circuit.until)

    def _hand_on(self, message: SMSMessage, turn: Turn) -> SendResult:
        """Hand a message to a target, and record the outcome in its circuit.

        :raises DeliveryError: the error of the target.
        """
        if get_backend(turn.target).targets or message.purpose == TEST:
            return hand_over(message, turn.target)
        try:
            result = hand_over(message, turn.target)
        except DeliveryError as error:
            if error.counts_against_gateway:
                note_failure(turn.target, self._policy, probe=turn.probe)
            else:
                self._note_answer(turn)
            raise
        self._note_answer(turn)
        return result

    def _note_answer(self, turn: Turn) -> None:
        if turn.circuit != CLOSED:
            close(turn.target)

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


def _read_circuits(targets: Iterable[str], message: SMSMessage) -> Mapping[str, Circuit]:
    """Return the circuit of each target. A target that hands messages on has the one below it
    that is due first."""
    if message.purpose == TEST:
        # A test asks the gateway in any case, and does not change the circuits.
        return dict.fromkeys(targets, CLOSED)
    leaves = {target: _leaves(target) for target in targets}
    circuits = read_circuits({leaf for each in leaves.values() for leaf in each})
    return {
        target: min((circuits[leaf] for leaf in names), key=lambda circuit: circuit.until)
        for target, names in leaves.items()
    }


def _leaves(alias: str) -> list[str]:
    """Return the aliases below ``alias`` that send by themselves, or ``alias`` if it does."""
    return [backend.alias for backend in with_targets(alias) if not backend.targets]


def _seconds_open(value: Any) -> str | None:
    if problem := positive_number(value):
        return problem
    return "must be at most a day, in seconds" if value > LONGEST_OPEN else None
