"""Explains in plain words why a test message failed, and what to do next."""

from __future__ import annotations

from ..backends import get_backend
from ..exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)

__all__ = ["explain_failure"]

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


def explain_failure(error: DeliveryError) -> str:
    """Return what went wrong, what to do next, and what the gateway's error code means."""
    hint = get_backend(error.alias).explain(error.error_code) if error.error_code else ""
    verdict, next_step = _explain(error, hint)
    took = "" if error.latency is None else f", {error.latency:.2f} s"
    reason = f": {error}" if str(error) else "."
    lines = [f"{verdict} (backend {error.alias!r}{took}){reason}"]
    if isinstance(error, NotDelivered) and error.error_code in NOT_REACHED:
        lines.append(NOT_REACHED[error.error_code])
        lines.append("Nothing was reached. Compare url, base_url, region and edge.")
    else:
        lines.append(next_step)
        if error.error_code:
            lines += [f"The gateway's own code: {error.error_code}.", hint]
    return "\n".join(filter(None, lines))


def _explain(error: DeliveryError, hint: str) -> tuple[str, str]:
    """Return what went wrong, and what to do next."""
    match error:
        case NotDelivered(needs_attention=True):
            mend = "No message will be sent until the configuration or account is mended."
            return "Not sent", mend
        case NotDelivered() if not hint:
            wait = error.retry_after.total_seconds()
            return "Not sent", f"Try again in {wait:.0f} s; then look at the gateway's status."
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
    # The backend's hint says more about this error code.
    return "Not sent", ""
