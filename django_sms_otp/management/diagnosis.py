"""Explains in plain words why a test message failed, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..backends import get_backend
from ..exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)
from ..signals import gateway_called

__all__ = ["Call", "explain_failure", "record_calls"]

NOTHING_LISTENS = "Nothing listens there."
TOO_SLOW = "Nobody answered there in time."
NO_SUCH_HOST = "The host's name is unknown."
UNTRUSTED_HOST = "The host's certificate has another name, or is not trusted here."

NOT_REACHED = {
    "gaierror": NO_SUCH_HOST,
    "NameResolutionError": NO_SUCH_HOST,
    "ConnectionRefusedError": NOTHING_LISTENS,
    "NewConnectionError": NOTHING_LISTENS,
    "ConnectTimeout": TOO_SLOW,
    "ConnectTimeoutError": TOO_SLOW,
    "TimeoutError": TOO_SLOW,
    "SSLCertVerificationError": UNTRUSTED_HOST,
    "SSLError": UNTRUSTED_HOST,
    "ConnectionError": "",
    "EndpointConnectionError": "",
    "InvalidURL": "",
    "OSError": "",
    "ProxyConnectionError": "",
    "ProxyError": "",
}
"""Errors of the system and of libraries before anything is sent, with the reason of each. They
stand in the place of a gateway's error code. An empty text means that there are several
possible reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a gateway, and how it ended."""

    alias: str
    outcome: str
    error_code: str
    latency: float

    def __str__(self) -> str:
        code = f", {self.error_code}" if self.error_code else ""
        return f"{self.alias!r} failed before: {self.outcome}{code} ({self.latency:.2f} s)."


@contextmanager
def record_calls() -> Iterator[list[Call]]:
    """Record the calls of gateways. A backend that hands messages on may call several."""
    calls: list[Call] = []

    def record(
        *, alias: str, outcome: str, error_code: str, latency: float, **_others: Any
    ) -> None:
        calls.append(Call(alias=alias, outcome=outcome, error_code=error_code, latency=latency))

    gateway_called.connect(record)
    try:
        yield calls
    finally:
        gateway_called.disconnect(record)


def explain_failure(error: DeliveryError) -> str:
    """Return what went wrong, what to do next, and what the gateway's error code means."""
    took = "" if error.latency is None else f", {error.latency:.2f} s"
    reason = f": {error}" if str(error) else "."
    lines = [f"{_describe(error)} (backend {error.alias!r}{took}){reason}"]
    if isinstance(error, NotDelivered) and error.error_code in NOT_REACHED:
        lines.append(NOT_REACHED[error.error_code])
        lines.append("Nothing was reached. Compare url, base_url, region and edge.")
        return "\n".join(filter(None, lines))
    hint = get_backend(error.alias).explain(error.error_code) if error.error_code else ""
    lines.append(_next_step(error, hint))
    if error.error_code:
        lines += [f"The gateway's own code: {error.error_code}.", hint]
    return "\n".join(filter(None, lines))


def _describe(error: DeliveryError) -> str:
    match error:
        case NotDelivered():
            return "Not sent"
        case DeliveryUnknown():
            return "Nobody knows whether it was sent"
        case DeliveryRefused():
            return "Not sent, the gateway refuses this number"
        case DeliveryBlocked():
            return "Not sent, the gateway takes it for fraud"
    return "Not sent"


def _next_step(error: DeliveryError, hint: str) -> str:
    match error:
        case NotDelivered(needs_attention=True):
            return "No message will be sent until the configuration or account is mended."
        case NotDelivered():
            wait = error.retry_after.total_seconds()
            # The backend's hint knows more about this error code.
            again = f"Try again in {wait:.0f} s; then look at the gateway's status."
            return "" if hint else again
        case DeliveryUnknown():
            return "Look at the phone and at the gateway's log before you try again."
        case DeliveryRefused():
            mend = "mend the account" if error.needs_attention else "try another number"
            return f"The app answers {error.code!r}; {mend}."
        case DeliveryBlocked():
            return "The app answers as if it had been sent. See the gateway's log."
    return ""
