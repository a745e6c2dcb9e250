"""Says in plain words what became of a message, and what to do next."""

from __future__ import annotations

from ..backends import get_backend
from ..exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)

__all__ = ["diagnosis"]


def diagnosis(error: DeliveryError) -> str:
    """Return what went wrong, what to do next, and what the gateway has to say of it."""
    what, next_step = _judged(error)
    took = "" if error.latency is None else f", after {error.latency:.2f} s"
    lines = [f"{what} (backend {error.alias!r}{took}) {error}".rstrip(), next_step]
    if error.error_code:
        lines.append(f"The gateway's own code: {error.error_code}.")
        lines.append(get_backend(error.alias).explain(error.error_code))
    return "\n".join(filter(None, lines))


def _judged(error: DeliveryError) -> tuple[str, str]:
    match error:
        case NotDelivered():
            what = "Not sent."
            next_step = "No message will be sent until the configuration or account is mended."
            if not error.needs_attention:
                wait = error.retry_after.total_seconds()
                next_step = f"Try again in {wait:.0f} s; then look at the gateway's status."
        case DeliveryUnknown():
            what = "Nobody knows whether it was sent."
            next_step = "Look at the phone and at the gateway's log before you try again."
        case DeliveryRefused():
            what = "Not sent: the gateway refuses this number."
            mend = "mend the account" if error.needs_attention else "try another number"
            next_step = f"People are answered {error.code!r}; {mend}."
        case DeliveryBlocked():
            what = "Not sent: the gateway takes it for fraud."
            next_step = "People are answered as if it had been sent. See the gateway's log."
        case _:
            what, next_step = "Not sent, as far as anybody knows.", ""
    return what, next_step
