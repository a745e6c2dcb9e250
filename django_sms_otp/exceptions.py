"""Every error this app raises; all derive from :class:`SMSOTPError`."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured

__all__ = [
    "Contention",
    "DeliveryBlocked",
    "DeliveryError",
    "DeliveryRefused",
    "DeliveryUnknown",
    "InsideTransaction",
    "InvalidBackend",
    "InvalidPhoneNumber",
    "InvalidSettings",
    "LoginRefused",
    "NotDelivered",
    "NotQueued",
    "NotSMSCapable",
    "PhoneNumberError",
    "RegionNotSupported",
    "SMSOTPError",
    "Unavailable",
]


class SMSOTPError(Exception):
    """Base class of the errors of this app."""


class InvalidSettings(SMSOTPError, ImproperlyConfigured):
    """``SMS_OTP``, or something that it names, is wrong; the text says what to change."""


class InvalidBackend(InvalidSettings):
    """An entry of ``SMS_OTP_BACKENDS`` is wrong; the text names the alias."""

    def __init__(self, message: str, *, alias: str) -> None:
        super().__init__(f"SMS_OTP_BACKENDS[{alias!r}]: {message}")
        self.alias = alias


class PhoneNumberError(SMSOTPError, ValueError):
    """A phone number that no code can be sent to.

    ``code`` is the stable word that the API answers with; ``region`` is the number's, where it
    has one.
    """

    code = "invalid_phone_number"

    def __init__(self, message: object = "", *, region: str = "") -> None:
        super().__init__(message)
        self.region = region


class InvalidPhoneNumber(PhoneNumberError):
    """The text is no phone number."""


class NotSMSCapable(PhoneNumberError):
    """A number of a type that receives no SMS, or that costs its caller extra."""

    code = "phone_number_not_sms_capable"


class RegionNotSupported(PhoneNumberError):
    """A number of a region that the site does not send to."""

    code = "region_not_supported"


class DeliveryError(SMSOTPError):
    """A message was not handed to the gateway, or nobody knows whether it was.

    Raise one of the subclasses. ``error_code`` is the gateway's own code, kept on the
    code's row; neither it nor the text may hold a code or a whole phone number. ``alias`` is
    the backend that failed and ``latency`` the seconds that it took, ``None`` where none was
    asked; both are filled in. ``outcome`` is a stable word for logs and metrics, ``verdict``
    the same for people.
    """

    alias = ""
    latency: float | None = None
    outcome: ClassVar[str] = "failed"
    verdict: ClassVar[str] = "Not sent."

    def __init__(self, message: str = "", *, error_code: str = "") -> None:
        super().__init__(message)
        self.error_code = error_code


class NotDelivered(DeliveryError):
    """Not sent, by the site's or the gateway's fault: the number gets its cooldown back.

    ``retry_after`` is how long a client should wait; ``needs_attention`` says that nothing
    will be sent until somebody mends the configuration or the account; ``is_permanent``, that
    the same message will not be sent however often it is tried.
    """

    outcome = "not_sent"

    def __init__(
        self,
        message: str = "",
        *,
        error_code: str = "",
        retry_after: timedelta = timedelta(seconds=30),
        needs_attention: bool = False,
        is_permanent: bool = False,
    ) -> None:
        super().__init__(message, error_code=error_code)
        self.retry_after = retry_after
        self.needs_attention = needs_attention
        self.is_permanent = is_permanent

    @property
    def is_lasting(self) -> bool:
        """Whether it is of no use to try again by itself."""
        return self.needs_attention or self.is_permanent


class NotQueued(SMSOTPError):
    """The engine that ``DELIVERY`` names did not take a job, for all that can be told.

    ``retry_after`` is how long a client should wait.
    """

    retry_after = timedelta(seconds=30)


class DeliveryUnknown(DeliveryError):
    """A time-out or a broken answer: the SMS may be on its way. Never sent again by itself."""

    outcome = "unknown"
    verdict = "Unknown whether it was sent."


class DeliveryRefused(DeliveryError):
    """Not sent, because of this number: the person must use another one, or act.

    ``code`` is the stable word that the API answers with: ``invalid_phone_number``,
    ``phone_number_not_sms_capable``, ``region_not_supported`` or ``recipient_opted_out``; or
    ``quota_exceeded``, where the gateway sends no more to this number until ``retry_after``.
    Of a gateway that checks codes also ``too_many_attempts``: it looks at no more guesses.
    """

    outcome = "refused"
    verdict = "Refused for this number."

    def __init__(
        self,
        message: str = "",
        *,
        code: str,
        error_code: str = "",
        retry_after: timedelta | None = None,
        needs_attention: bool = False,
    ) -> None:
        super().__init__(message, error_code=error_code)
        self.code = code
        self.retry_after = retry_after
        self.needs_attention = needs_attention


class DeliveryBlocked(DeliveryError):
    """The gateway took the request for fraud. The caller, maybe the fraudster, is not told."""

    outcome = "blocked"


class LoginRefused(SMSOTPError):
    """The code was right, but this user may not log in.

    Raised by a user resolver or a token issuer, before it writes anything. The code is spent.
    """


class InsideTransaction(SMSOTPError, RuntimeError):
    """A service was called inside a transaction of the caller's.

    The services commit before they send or answer; an outer transaction could undo a counted
    guess after its answer was given. Mark the view with ``transaction.non_atomic_requests``.
    """


class Contention(SMSOTPError):
    """So many requests change one number's row at once that this one found no turn."""


class Unavailable(SMSOTPError):
    """A store of limits, or a hook of the site, did not answer: nothing was sent. Or the
    gateway that checks a code did not: nobody was logged in.

    ``retry_after`` is how long a client should wait.
    """

    def __init__(
        self, message: str = "", *, retry_after: timedelta = timedelta(seconds=30)
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
