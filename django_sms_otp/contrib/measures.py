"""The instruments of all collectors, and the signals that they measure.

No label holds a phone number, an address, a request id or a text of a gateway. Each label has
few values, bounded by the settings and the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.dispatch import Signal

from .. import signals
from ..models import DeliveryState, OTPCode
from ..phone import PhoneNumber

__all__ = ["INSTRUMENTS", "SIGNALS", "Collector", "Instrument"]

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


SIGNALS = (
    "code_requested",
    "number_refused",
    "gateway_called",
    "delivery_updated",
    "circuit_opened",
    "circuit_closed",
    "code_redeemed",
    "code_rejected",
)
"""The signals that are measured. A collector has a receiver of the same name for each."""


class Collector:
    """Receives the signals, and records what they tell. A subclass defines :meth:`record`."""

    def record(self, instrument: Instrument, value: float = 1, **labels: str) -> None:
        """Add to a counter, or record a duration in seconds."""
        raise NotImplementedError(f"{type(self).__name__} must define record().")

    def connect(self, uid: str) -> None:
        """Measure from now on.

        :param uid: a name. A second collector of a name replaces the first.
        """
        for name in SIGNALS:
            signal: Signal = getattr(signals, name)
            signal.disconnect(dispatch_uid=uid)
            signal.connect(getattr(self, name), weak=False, dispatch_uid=uid)

    def code_requested(
        self,
        *,
        phone_number: PhoneNumber,
        channel: str,
        outcome: str,
        control: str,
        recorded: tuple[str, ...],
        **_: Any,
    ) -> None:
        self.record(REQUESTS, outcome=outcome, channel=channel, region=phone_number.region)
        if control:
            action = "withheld" if outcome == "withheld" else "refused"
            self.record(CONTROLS, control=control, action=action)
        for each in recorded:
            self.record(CONTROLS, control=each, action="recorded")

    def number_refused(
        self, *, channel: str, region: str, reason: str, control: str, mode: str, **_: Any
    ) -> None:
        is_recorded = mode == "record"
        if not is_recorded:
            self.record(REQUESTS, outcome=reason, channel=channel, region=region)
        if control:
            action = "recorded" if is_recorded else "refused"
            self.record(CONTROLS, control=control, action=action)

    def gateway_called(
        self, *, alias: str, channel: str, outcome: str, latency: float, **_: Any
    ) -> None:
        self.record(CALLS, backend=alias, channel=channel, outcome=outcome)
        self.record(CALL_DURATION, latency, backend=alias, outcome=outcome)

    def delivery_updated(self, *, otp_code: OTPCode, **_: Any) -> None:
        state = DeliveryState(otp_code.delivery_state)
        if state not in RECEIVED:
            return
        backend, channel = otp_code.backend, otp_code.channel
        self.record(RECEIPTS, backend=backend, channel=channel, state=state.value)
        if state == DeliveryState.DELIVERED and otp_code.delivered_at and otp_code.sent_at:
            took = (otp_code.delivered_at - otp_code.sent_at).total_seconds()
            self.record(DELIVERY_DURATION, max(0.0, took), backend=backend, channel=channel)

    def circuit_opened(self, *, alias: str, **_: Any) -> None:
        self.record(CIRCUITS, backend=alias, change="opened")

    def circuit_closed(self, *, alias: str, **_: Any) -> None:
        self.record(CIRCUITS, backend=alias, change="closed")

    def code_redeemed(self, *, otp_code: OTPCode, **_: Any) -> None:
        self.record(REDEEMED, channel=otp_code.channel, region=otp_code.region)

    def code_rejected(self, *, reason: str, **_: Any) -> None:
        self.record(REJECTED, reason=reason)
