"""The errors of this app. All derive from :class:`SMSOTPError`."""

from __future__ import annotations

import enum
import logging
from datetime import timedelta
from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured

from .texts import TEXTS, text_of

__all__ = [
    "Cause",
    "Contention",
    "DeliveryBlocked",
    "DeliveryError",
    "DeliveryRefused",
    "DeliveryUnknown",
    "InsideTransaction",
    "InvalidBackend",
    "InvalidPhoneNumber",
    "InvalidSettings",
    "LastWayIn",
    "LoginRefused",
    "NotDelivered",
    "NotQueued",
    "NotSMSCapable",
    "PhoneNumberError",
    "PhoneNumberTaken",
    "RegionNotSupported",
    "SMSOTPError",
    "Unavailable",
]


class SMSOTPError(Exception):
    """Base class of the errors of this app."""


class InvalidSettings(SMSOTPError, ImproperlyConfigured):
    """``SMS_OTP``, or something that it names, is wrong. The text says what to change."""


class InvalidBackend(InvalidSettings):
    """An entry of ``SMS_OTP_BACKENDS`` is wrong. The text names the alias."""

    def __init__(self, message: str, *, alias: str) -> None:
        super().__init__(f"SMS_OTP_BACKENDS[{alias!r}]: {message}")
        self.alias = alias


class PhoneNumberError(SMSOTPError, ValueError):
    """A phone number that gets no code.

    ``code`` is the stable word of the API's answer, and the ``str`` its text in the active
    language. ``region`` is the region of the number, if it has one.
    """

    code = "invalid_phone_number"

    def __init__(self, message: object = "", *, region: str = "") -> None:
        super().__init__(message or TEXTS[self.code])
        self.region = region


class InvalidPhoneNumber(PhoneNumberError):
    """The text is not a phone number."""


class NotSMSCapable(PhoneNumberError):
    """A number of a type that receives no SMS, or that is expensive to call."""

    code = "phone_number_not_sms_capable"


class RegionNotSupported(PhoneNumberError):
    """A number of a region that the site does not send to."""

    code = "region_not_supported"


class Cause(enum.Enum):
    """What a gateway's error is about. Circuits, retries and the level of the log follow from
    it."""

    NUMBER = "number"
    """This phone number, or its country. The gateway works."""

    MESSAGE = "message"
    """This message: its text, template, language or options. The gateway works."""

    ACCOUNT = "account"
    """The site's account or settings. Nothing is sent until somebody mends them."""

    MOMENT = "moment"
    """The gateway, at this moment. Later it may send the same message."""


class DeliveryError(SMSOTPError):
    """A message was not sent, or it is unknown whether it was.

    Backends raise one of the subclasses. ``error_code`` is the gateway's word for the error,
    which the row of the code stores. Neither it nor the text may hold a code or a whole phone
    number. ``cause`` is what the error is about. ``needs_attention`` says that somebody has to
    act; that is so if the account is at fault.

    The app sets ``alias``, the backend that failed, and ``latency``, the seconds that the
    gateway took (``None`` if no gateway was called). ``outcome`` is a stable word for logs and
    metrics, and ``verdict`` says the same to people.
    """

    alias = ""
    latency: float | None = None
    outcome: ClassVar[str] = "failed"
    verdict: ClassVar[str] = "Not sent."

    def __init__(
        self,
        message: str = "",
        *,
        error_code: str = "",
        cause: Cause = Cause.MOMENT,
        needs_attention: bool = False,
    ) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.cause = cause
        self.needs_attention = needs_attention or cause is Cause.ACCOUNT

    @property
    def counts_against_gateway(self) -> bool:
        """Whether it counts in the gateway's circuit. If the number or the message is at fault,
        the next message may well be sent."""
        return self.cause in {Cause.ACCOUNT, Cause.MOMENT}

    @property
    def log_level(self) -> int:
        """The level to log it at."""
        if self.needs_attention:
            return logging.ERROR
        return logging.INFO if self.cause is Cause.NUMBER else logging.WARNING


class NotDelivered(DeliveryError):
    """The message was not sent, by the fault of the site or the gateway.

    The number gets its cooldown back, and another gateway may be asked. ``retry_after`` is how
    long a client should wait.
    """

    outcome = "not_sent"

    def __init__(
        self,
        message: str = "",
        *,
        error_code: str = "",
        cause: Cause = Cause.MOMENT,
        needs_attention: bool = False,
        retry_after: timedelta = timedelta(seconds=30),
    ) -> None:
        super().__init__(
            message, error_code=error_code, cause=cause, needs_attention=needs_attention
        )
        self.retry_after = retry_after

    @property
    def is_lasting(self) -> bool:
        """Whether an automatic retry is useless."""
        return self.needs_attention or self.cause is not Cause.MOMENT


class NotQueued(SMSOTPError):
    """The engine that ``DELIVERY`` names seems not to have taken a job.

    ``retry_after`` is how long a client should wait.
    """

    retry_after = timedelta(seconds=30)


class DeliveryUnknown(DeliveryError):
    """A time-out or a broken answer: the message may have left, so the app does not retry."""

    outcome = "unknown"
    verdict = "Unknown whether it was sent."


class DeliveryRefused(DeliveryError):
    """The message was not sent because of its number. The person must use another one, or act.

    ``code`` is the stable word of the API's answer: ``invalid_phone_number``,
    ``phone_number_not_sms_capable``, ``region_not_supported``, ``recipient_opted_out``, or
    ``quota_exceeded`` if the gateway sends no more to this number until ``retry_after``. If a
    gateway checks codes, it may also be ``too_many_attempts``: no more guesses are evaluated.

    :raises ValueError: ``code`` is none of these.
    """

    outcome = "refused"
    verdict = "Refused for this number."
    codes: ClassVar[tuple[str, ...]] = (
        "invalid_phone_number",
        "phone_number_not_sms_capable",
        "region_not_supported",
        "recipient_opted_out",
        "quota_exceeded",
        "too_many_attempts",
    )

    def __init__(
        self,
        message: str = "",
        *,
        code: str,
        error_code: str = "",
        retry_after: timedelta | None = None,
        needs_attention: bool = False,
    ) -> None:
        if code not in self.codes:
            # The API has neither a status nor a text for any other word.
            raise ValueError(f"code must be one of {', '.join(self.codes)}, not {code!r}.")
        super().__init__(
            message,
            error_code=error_code,
            cause=Cause.NUMBER,
            needs_attention=needs_attention,
        )
        self.code = code
        self.retry_after = retry_after


class DeliveryBlocked(DeliveryError):
    """The gateway took the request for fraud. The caller, maybe the fraudster, is not told."""

    outcome = "blocked"

    def __init__(self, message: str = "", *, error_code: str = "") -> None:
        super().__init__(
            message, error_code=error_code, cause=Cause.NUMBER, needs_attention=True
        )


class LoginRefused(SMSOTPError):
    """The code was right, but this user may not log in. The code is used up.

    A user resolver or a token issuer raises it before it writes anything.
    """


class PhoneNumberTaken(SMSOTPError):
    """The person holds this number, but it stays with another account.

    A user resolver raises it in ``link_number`` before it writes anything. The code is used up.
    """


class LastWayIn(SMSOTPError):
    """Without this number, nobody could log in to the account any more.

    A user resolver raises it in ``unlink_number`` before it writes anything.
    """


class InsideTransaction(SMSOTPError, RuntimeError):
    """A service was called inside a transaction.

    The services commit before they send or answer. An outer transaction could undo a counted
    guess after its answer was given. Mark the view with ``transaction.non_atomic_requests``.
    """


class Contention(SMSOTPError):
    """Too many requests changed the same row at once, and this one lost every race.

    ``text`` says so to people, in the active language.
    """

    code = "busy"

    @property
    def text(self) -> str:
        return text_of(self.code)


class Unavailable(SMSOTPError):
    """A store of limits, a hook of the site, or the gateway that checks a code did not answer.

    Nothing was sent, and nobody was logged in. ``retry_after`` is how long a client should
    wait. ``text`` says so to people, in the active language.
    """

    code = "unavailable"

    def __init__(
        self, message: str = "", *, retry_after: timedelta = timedelta(seconds=30)
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def text(self) -> str:
        return text_of(self.code)
