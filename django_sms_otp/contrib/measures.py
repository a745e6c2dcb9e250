"""The instruments of all collectors, and the signals that feed them.

No label holds a phone number, an address, a request id or a text of a gateway. Each label has
few values, bounded by the settings and the code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

from django.dispatch import Signal

from .. import signals
from ..models import DeliveryState, OTPCode

__all__ = ["INSTRUMENTS", "Collector", "Instrument", "Observation", "connect"]

RECEIVED = frozenset({DeliveryState.DELIVERED, DeliveryState.UNDELIVERED, DeliveryState.FAILED})
"""The final states of a message. Receipts report states on the way there too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A counter; or with ``buckets``, in seconds, a histogram of durations.

    :param name: the name in OpenTelemetry. Prometheus has underscores in place of dots.
    """

    name: str
    description: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """An increment of a counter, or a duration in seconds."""

    instrument: Instrument
    labels: Mapping[str, str]
    value: float = 1


Reader = Callable[..., Iterator[Observation]]
"""Turns the arguments of a signal into observations."""


class Collector(Protocol):
    """Records observations."""

    def record(self, observation: Observation) -> None: ...


REQUESTS = Instrument(
    name="sms_otp.requests",
    description="Requests for a code, by outcome.",
    labels=("outcome", "channel", "region"),
)
CONTROLS = Instrument(
    name="sms_otp.controls",
    description="Requests that a control refused or withheld, or would have in mode enforce.",
    labels=("control", "action"),
)
CALLS = Instrument(
    name="sms_otp.gateway_calls",
    description="Messages handed to a gateway, by outcome.",
    labels=("backend", "channel", "outcome"),
)
CALL_DURATION = Instrument(
    name="sms_otp.gateway_call.duration",
    description="How long a gateway took to answer.",
    labels=("backend", "outcome"),
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
RECEIPTS = Instrument(
    name="sms_otp.receipts",
    description="Receipts of gateways with the final state of a message.",
    labels=("backend", "channel", "state"),
)
DELIVERY_DURATION = Instrument(
    name="sms_otp.delivery.duration",
    description="How long a message took from the gateway to the phone.",
    labels=("backend", "channel"),
    buckets=(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)
CIRCUITS = Instrument(
    name="sms_otp.circuit_changes",
    description="Circuits of backends that opened or closed.",
    labels=("backend", "change"),
)
REDEEMED = Instrument(
    name="sms_otp.codes_redeemed",
    description="Codes redeemed.",
    labels=("channel", "region"),
)
REJECTED = Instrument(
    name="sms_otp.codes_rejected",
    description="Guesses refused, by reason.",
    labels=("reason",),
)
INSTRUMENTS = (
    *(REQUESTS, CONTROLS, CALLS, CALL_DURATION, RECEIPTS, DELIVERY_DURATION),
    *(CIRCUITS, REDEEMED, REJECTED),
)


def connect(collector: Collector, uid: str) -> None:
    """Feed a collector from now on.

    :param uid: its name. A second collector of a name replaces the first.
    """
    for name, read in SOURCES.items():
        signal: Signal = getattr(signals, name)
        signal.disconnect(dispatch_uid=uid)
        signal.connect(_receiver(collector, read), weak=False, dispatch_uid=uid)


def _receiver(collector: Collector, read: Reader) -> Callable[..., None]:
    # No functools.partial: send_robust logs the name of a receiver that fails.
    def receive(**kwargs: Any) -> None:
        for observation in read(**kwargs):
            collector.record(observation)

    return receive


def _requests(
    *,
    phone_number: Any,
    channel: str,
    outcome: str,
    control: str,
    recorded: tuple[str, ...],
    **_: Any,
) -> Iterator[Observation]:
    labels = {"outcome": outcome, "channel": channel, "region": phone_number.region}
    yield Observation(REQUESTS, labels)
    if control:
        action = "withheld" if outcome == "withheld" else "refused"
        yield Observation(CONTROLS, {"control": control, "action": action})
    for each in recorded:
        yield Observation(CONTROLS, {"control": each, "action": "recorded"})


def _numbers(
    *, channel: str, region: str, reason: str, control: str, mode: str, **_: Any
) -> Iterator[Observation]:
    is_recorded = mode == "record"
    if not is_recorded:
        labels = {"outcome": reason, "channel": channel, "region": region}
        yield Observation(REQUESTS, labels)
    if control:
        action = "recorded" if is_recorded else "refused"
        yield Observation(CONTROLS, {"control": control, "action": action})


def _calls(
    *, alias: str, channel: str, outcome: str, latency: float, **_: Any
) -> Iterator[Observation]:
    labels = {"backend": alias, "outcome": outcome}
    yield Observation(CALLS, {**labels, "channel": channel})
    yield Observation(CALL_DURATION, labels, latency)


def _receipts(*, otp_code: OTPCode, **_: Any) -> Iterator[Observation]:
    state = DeliveryState(otp_code.delivery_state)
    if state not in RECEIVED:
        return
    labels = {"backend": otp_code.backend, "channel": otp_code.channel}
    yield Observation(RECEIPTS, {**labels, "state": state.value})
    if state == DeliveryState.DELIVERED and otp_code.delivered_at and otp_code.sent_at:
        took = otp_code.delivered_at - otp_code.sent_at
        yield Observation(DELIVERY_DURATION, labels, max(0.0, took.total_seconds()))


def _circuits(change: str, *, alias: str, **_: Any) -> Iterator[Observation]:
    yield Observation(CIRCUITS, {"backend": alias, "change": change})


def _redeemed(*, otp_code: OTPCode, **_: Any) -> Iterator[Observation]:
    yield Observation(REDEEMED, {"channel": otp_code.channel, "region": otp_code.region})


def _rejected(*, reason: str, **_: Any) -> Iterator[Observation]:
    yield Observation(REJECTED, {"reason": reason})


SOURCES: Mapping[str, Reader] = MappingProxyType(
    {
        "code_requested": _requests,
        "number_refused": _numbers,
        "gateway_called": _calls,
        "delivery_updated": _receipts,
        "circuit_opened": partial(_circuits, "opened"),
        "circuit_closed": partial(_circuits, "closed"),
        "code_redeemed": _redeemed,
        "code_rejected": _rejected,
    }
)
"""The signals, each with its reader."""
