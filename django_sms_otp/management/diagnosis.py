"""Explains in plain words why a test message failed, and what to do next."""

from __future__ import annotations

from ..backends import describe, get_backend
from ..backends.faults import NO_SUCH_HOST, TLS_FAILED, UNREACHABLE, fault_of_code
from ..exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)

__all__ = ["explain_failure"]

NOT_REACHED = (UNREACHABLE, NO_SUCH_HOST, TLS_FAILED)


def explain_failure(error: DeliveryError) -> str:
    """Return what went wrong, what to do next, and what the gateway's error code means."""
    words = describe(error.alias, error.error_code)
    verdict, next_step = _explain(error)
    took = "" if error.latency is None else f", {error.latency:.2f} s"
    lines = [f"{verdict} (backend {error.alias!r}{took}): {words or error}".rstrip(": ")]
    if isinstance(error, NotDelivered) and fault_of_code(error.error_code) in NOT_REACHED:
        lines.append("Nothing was reached. Compare url, base_url, region and edge.")
    else:
        lines.append(next_step)
    if error.error_code:
        link = get_backend(error.alias).link_of(error.error_code)
        lines.append(f"The gateway's own code: {error.error_code}. {link}".rstrip())
    return "\n".join(filter(None, lines))


def _explain(error: DeliveryError) -> tuple[str, str]:
    """Return what went wrong, and what to do next."""
    match error:
        case DeliveryUnknown():
            look = "Look at the phone and at the gateway's log before you try again."
            return "Nobody knows whether it was sent", look
        case DeliveryRefused():
            mend = "mend the account" if error.needs_attention else "try another number"
            refused = "Not sent, the gateway refuses this number"
            return refused, f"The app answers {error.code!r}; {mend}."
        case DeliveryBlocked():
            as_if = "The app answers as if it had been sent. See the gateway's log."
            return "Not sent, the gateway takes it for fraud", as_if
        case NotDelivered(needs_attention=True):
            mend = "No message will be sent until the configuration or account is mended."
            return "Not sent", mend
        case NotDelivered(is_lasting=False):
            wait = error.retry_after.total_seconds()
            return "Not sent", f"Try again in {wait:.0f} s; then look at the gateway's status."
    return "Not sent", ""
