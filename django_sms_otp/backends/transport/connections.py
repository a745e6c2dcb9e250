"""Tells "never connected" from "connected, and then nobody knows", for users of requests."""

from __future__ import annotations

from ssl import SSLCertVerificationError

__all__ = ["never_connected"]


def never_connected(error: BaseException) -> bool:
    """Tell whether it is certain that nothing was sent before this error of requests."""
    from requests import ConnectTimeout, RequestException
    from requests.exceptions import InvalidURL
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    if not isinstance(error, RequestException):
        return False
    if isinstance(error, ConnectTimeout | InvalidURL):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    # A proxy that cannot be reached, and a certificate of somebody else's, are wrapped. Other
    # errors of TLS may come while the answer is read, when the message is on its way.
    causes = (reason, getattr(reason, "original_error", None), *getattr(reason, "args", ()))
    certain = (ConnectTimeoutError, NewConnectionError, SSLCertVerificationError)
    return any(isinstance(cause, certain) for cause in causes)
