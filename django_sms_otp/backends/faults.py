"""What errors of gateways are about: one table for all gateways.

Each backend maps its gateway's errors to these faults. From a fault follow the error that the
backend raises, whether it counts in the circuit, whether another gateway or a later try may
help, the level of the log, and the words that a person reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext_noop as _

from ..exceptions import (
    Cause,
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)

__all__ = ["Fault", "fault_of_code", "fault_of_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A kind of error.

    :param cause: what it is about.
    :param words: one English sentence for the people who support the site; ``gettext``
        translates it.
    :param refusal: the word of the API's answer, if no gateway would send to this number.
    :param wait: the time after which asking again may help.
    :param is_fraud: the gateway takes the message for fraud.
    :param is_to_mend: somebody has to act, although the account is not at fault.
    """

    cause: Cause
    words: str
    refusal: str = ""
    wait: timedelta | None = None
    is_fraud: bool = False
    is_to_mend: bool = False

    @property
    def needs_attention(self) -> bool:
        """Whether somebody has to act."""
        return self.is_to_mend or self.is_fraud or self.cause is Cause.ACCOUNT

    def error(
        self,
        gateway: str,
        error_code: str,
        *,
        is_sure: bool = True,
        wait: timedelta | None = None,
    ) -> DeliveryError:
        """Return the error to raise.

        :param gateway: the gateway's name, for the text of the error.
        :param error_code: the gateway's word for the error.
        :param is_sure: whether nothing was sent, for certain.
        :param wait: the wait that the gateway asks for.
        """
        wait = wait or self.wait
        text = f"{gateway}: {self.words.removesuffix('.')} ({error_code})."
        if self.is_fraud:
            return DeliveryBlocked(text, error_code=error_code)
        if self.refusal:
            return DeliveryRefused(
                text,
                code=self.refusal,
                error_code=error_code,
                retry_after=wait,
                needs_attention=self.is_to_mend,
            )
        if not is_sure:
            return DeliveryUnknown(text, error_code=error_code)
        return NotDelivered(
            text,
            error_code=error_code,
            cause=self.cause,
            needs_attention=self.is_to_mend,
            retry_after=wait or timedelta(seconds=30),
        )


def _number(words: str, refusal: str = "", *, is_to_mend: bool = False) -> Fault:
    return Fault(cause=Cause.NUMBER, words=words, refusal=refusal, is_to_mend=is_to_mend)


def _message(words: str, *, is_to_mend: bool = False) -> Fault:
    return Fault(cause=Cause.MESSAGE, words=words, is_to_mend=is_to_mend)


def _account(words: str) -> Fault:
    return Fault(cause=Cause.ACCOUNT, words=words)


def _moment(words: str, wait: timedelta | None = None) -> Fault:
    return Fault(cause=Cause.MOMENT, words=words, wait=wait)


# The number

INVALID_NUMBER = _number(_("This is not a number to send to."), "invalid_phone_number")
LANDLINE = _number(
    _("This is a landline, or its carrier takes no SMS."), "phone_number_not_sms_capable"
)
PREMIUM = _number(_("This is a premium-rate number."), "phone_number_not_sms_capable")
NOT_ON_CHANNEL = _number(_("This number is not on WhatsApp."), "phone_number_not_sms_capable")
OPTED_OUT = _number(
    _("The person has texted STOP. Texting START to the same sender ends that."),
    "recipient_opted_out",
)
REGION_OFF = _number(
    _("The gateway account does not send to this country. Enable it there."),
    "region_not_supported",
    is_to_mend=True,
)
REGION_EXCLUDED = _number(
    _("The gateway account's own rules exclude this number, its country or its price."),
    "region_not_supported",
)
NO_ROUTE = _number(_("The gateway has no route from this sender to this number."))
WRONG_SENDER = _number(_("This sender may not send to this number."), is_to_mend=True)
PHONE_OFF = _number(_("The phone is switched off or out of reach."))
UNKNOWN_PHONE = _number(_("The number is not in use, or the phone takes no messages."))
BLOCKED = _number(_("The person or the carrier blocks messages to this number."))
NO_REASON = _number(_("The carrier did not deliver the message, and gives no reason."))
BUSY_LINE = _number(_("The line was busy."))
NOBODY_ANSWERED = _number(_("Nobody answered the call."))
FRAUD = Fault(
    cause=Cause.NUMBER,
    words=_("The gateway takes the message for fraud, and blocks it."),
    is_fraud=True,
)


def must_wait(wait: timedelta) -> Fault:
    """Return the fault of a number that gets nothing more for a while."""
    words = _("The number has had too many messages or wrong guesses, and must wait.")
    return Fault(cause=Cause.NUMBER, words=words, refusal="quota_exceeded", wait=wait)


# The message

REFUSED = _message(_("The gateway refused the message."))
FILTERED = _message(_("The carrier has filtered the message out."))
EXPIRED = _message(_("The code had expired before the message could arrive."))
WRONG_LANGUAGE = _message(_("The gateway has no text or voice in this language."))
BAD_TEXT = _message(
    _("The gateway does not take the text: it is empty, too long or not allowed."),
    is_to_mend=True,
)
BAD_OPTION = _message(_("The gateway does not take an option of the message."), is_to_mend=True)
BAD_TEMPLATE = _message(
    _("The gateway does not take the template or its values."), is_to_mend=True
)
BAD_CALLBACK = _message(
    _("The gateway cannot reach the address for receipts. See SMS_OTP['PUBLIC_URL']."),
    is_to_mend=True,
)

# The account

CREDENTIALS = _account(_("The gateway does not accept the credentials."))
FORBIDDEN = _account(_("The gateway account may not do this."))
NOT_FOUND = _account(
    _("The gateway does not know the account, service or sender of the settings.")
)
SUSPENDED = _account(_("The gateway account is suspended, closed or under review."))
TRIAL = _account(_("The gateway account is on trial: it sends to verified numbers only."))
SANDBOX = _account(_("This is WhatsApp's sandbox, which the phone must join first."))
NO_MONEY = _account(
    _("The gateway account has run out of credit, or used up its limit of messages.")
)
SENDER = _account(_("The sender is missing, or the gateway account may not send from it."))
UNREGISTERED = _account(_("The sender is not registered as this country or carrier asks."))
CHANNEL_OFF = _account(_("The channel is not enabled for this gateway account or service."))
SERVICE = _account(_("The settings of the account or service at the gateway are wrong."))
SETTINGS = _account(_("The settings of the site are wrong."))
KEY_GONE = _account(_("The key that made this code is gone. See SECRET_KEY_FALLBACKS."))

# The moment

BUSY = _moment(
    _("The gateway or the carrier takes no more messages for a moment."), timedelta(seconds=5)
)
QUEUE_FULL = _moment(
    _("Too many messages of the gateway account are waiting."), timedelta(minutes=1)
)
DOWN = _moment(_("The gateway has a fault, or is under maintenance."))
UNREACHABLE = _moment(_("The gateway cannot be reached."))
NO_SUCH_HOST = _moment(_("The name of the gateway's host is unknown."))
TLS_FAILED = _moment(_("The gateway's certificate is wrong or not trusted, or TLS fails."))
TIMEOUT = _moment(_("The gateway did not answer in time."))
UNREADABLE = _moment(_("The gateway's answer cannot be read."))
UNEXPLAINED = _moment(_("The gateway refused, and gave no reason."))
OVERLOADED = _moment(_("Too many calls to the gateway are under way."))
LATE = _moment(_("The message had waited for too long."))
NOT_QUEUED = _moment(_("The queue did not take the message."))

_OF_CODES: dict[str, Fault] = {
    # Errors of the system and of libraries, which stand in the place of a gateway's code.
    **dict.fromkeys(("gaierror", "NameResolutionError"), NO_SUCH_HOST),
    **dict.fromkeys(("ConnectTimeout", "ConnectTimeoutError", "TimeoutError"), UNREACHABLE),
    **dict.fromkeys(("ConnectionError", "ConnectionRefusedError", "OSError"), UNREACHABLE),
    **dict.fromkeys(("NewConnectionError", "EndpointConnectionError"), UNREACHABLE),
    **dict.fromkeys(("ProxyConnectionError", "ProxyError", "InvalidURL"), UNREACHABLE),
    **dict.fromkeys(("SSLCertVerificationError", "SSLError"), TLS_FAILED),
    **dict.fromkeys(("timeout", "ReadTimeout", "ReadTimeoutError"), TIMEOUT),
    # This app's own.
    **dict.fromkeys(
        ("EndlessAnswer", "no-id", "no-sid", "no-status", "unreadable"), UNREADABLE
    ),
    **dict.fromkeys(("channel", "no-backend", "no-code", "no-sender", "no-service"), SETTINGS),
    **dict.fromkeys(("no-texts", "settings"), SETTINGS),
    **dict.fromkeys(("full", "no-thread"), OVERLOADED),
    "key-gone": KEY_GONE,
    "late": LATE,
    "no": UNEXPLAINED,
    "no-url": INVALID_NUMBER,
    "queue": NOT_QUEUED,
}

_OF_STATUSES = {
    401: CREDENTIALS,
    402: NO_MONEY,
    403: FORBIDDEN,
    **dict.fromkeys((404, 405, 410, 415), NOT_FOUND),
    413: BAD_TEXT,
    **dict.fromkeys((408, 423, 425, 429), BUSY),
}


def fault_of_status(status: int) -> Fault:
    """Return what an HTTP status says, where the gateway says no more."""
    if 400 <= status < 500:
        return _OF_STATUSES.get(status, REFUSED)
    return DOWN


def fault_of_code(error_code: str) -> Fault | None:
    """Return what an error code says that does not come from a gateway's own list: this app's,
    a library's or an HTTP status; ``None``: it is none of those."""
    if error_code.isascii() and error_code.isdigit() and 400 <= int(error_code) < 600:
        return fault_of_status(int(error_code))
    return _OF_CODES.get(error_code)
