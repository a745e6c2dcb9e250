"""Sends by any service that Apprise knows, by its URL (extra ``apprise``).

https://appriseit.com/services/
"""

from __future__ import annotations

import re
from contextvars import Context
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..conf.choices import CHANNELS, SMS
from ..conf.validators import one_of, positive_number
from ..exceptions import Cause, DeliveryError, InvalidBackend, NotDelivered
from ..masked import MaskedText
from .base import BaseSMSBackend, SendResult, SMSMessage
from .faults import UNEXPLAINED, UNREACHABLE, fault_of_code
from .transport.connecting import never_connected
from .transport.deadline import socket_timeouts, within
from .transport.quiet_logging import suppress_logs

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

LOGGERS = (
    "apprise",
    "oauthlib",
    "paho",
    "requests",
    "requests_oauthlib",
    "slixmpp",
    "smpplib",
    "urllib3",
)
PLACEHOLDER = re.compile(r"\{(?:to|digits)\}")
EXAMPLE_NUMBER = "+15005550006"


class SMSBackend(BaseSMSBackend):
    """Send by a service that Apprise knows.

    Apprise answers yes or no, and not why. But its services log a warning while they handle an
    error. If each warning came with an error of the connection, nothing was sent. After any
    other no, nobody knows.

    :param url: Apprise's URL of the service, with ``{to}`` for the number in E.164 or
        ``{digits}`` for the number without its plus sign.
    :param timeout: seconds within which the site has answered. It replaces ``cto`` and ``rto``
        in the URL.
    :param channel: the channel that the service sends by.
    """

    def __init__(
        self,
        *,
        alias: str,
        url: str = "",
        timeout: float = 10.0,
        channel: str = SMS,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        if not isinstance(url, str) or len(PLACEHOLDER.findall(url)) != 1:
            self._expect(
                "url", "must be an Apprise URL with either {to} or {digits} in it, once"
            )
        self._expect("timeout", positive_number(timeout))
        self._expect("channel", one_of(*CHANNELS)(channel))
        self.channels = frozenset({channel})
        self._url, self._timeout = url, timeout
        self._asset = _make_asset(alias)
        with suppress_logs(*LOGGERS):
            service = self._make_service(EXAMPLE_NUMBER)
        if service is None:
            # Apprise logs which part is wrong, with the passwords of the URL.
            raise InvalidBackend(
                "Apprise does not take option 'url': see the service's page of its "
                "documentation.",
                alias=alias,
            )
        if len(service) // (service.retry + 1) > 1:
            self._expect("url", "has more than one recipient")

    def send(self, message: SMSMessage) -> SendResult:
        # Some services put the text and the password into an address. Tools such as Sentry keep
        # each address that is called beside what they know of the request, which is in the
        # context. In a context of its own the call is no part of the request.
        error = within(
            self._timeout, lambda: Context().run(self._send, message), gateway=self.alias
        )
        if error is not None:
            raise error
        return SendResult()

    def _send(self, message: SMSMessage) -> DeliveryError | None:
        with suppress_logs(*LOGGERS):
            return self._notify(message)

    def _notify(self, message: SMSMessage) -> DeliveryError | None:
        """Send, and return the error. An error that is raised here would keep the service
        alive: some log out when they are deleted, and log that."""
        from apprise import OverflowMode

        service = self._make_service(message.to)
        if service is None:
            return NotDelivered(
                "Apprise does not take this number.", error_code="no-url", cause=Cause.NUMBER
            )
        failures = _Failures()
        try:
            # Not Apprise.notify(), which tries again if the URL says so. And one message stays
            # one, however long it is.
            with suppress_logs(*LOGGERS, note=failures.note):
                is_sent = service.notify(body=message.body, overflow=OverflowMode.UPSTREAM)
        except Exception as error:
            failures.note(error)
            return failures.error(_name(error))
        return None if is_sent else failures.error("no")

    def _make_service(self, phone_number: str) -> NotifyBase | None:
        import apprise

        number = MaskedText(quote(phone_number, safe=""))
        values = {"{to}": number, "{digits}": MaskedText(phone_number.lstrip("+"))}
        url = MaskedText(PLACEHOLDER.sub(lambda found: values[found[0]], self._url))
        service = apprise.Apprise.instantiate(url, asset=self._asset)
        if service is None:
            return None
        to_connect, silence = socket_timeouts(self._timeout)
        service.socket_connect_timeout, service.socket_read_timeout = to_connect, silence
        # A POST that is redirected may be a second message.
        service.redirects = False
        # A service object sends one message: it need not wait between two requests.
        service.request_rate_per_sec = 0
        return service


def _make_asset(alias: str) -> AppriseAsset:
    try:
        import apprise
    except ImportError as error:
        raise InvalidBackend(
            "Apprise is missing: pip install 'django-sms-otp[apprise]'.", alias=alias
        ) from error
    # Apprise writes nothing to a disk, and masks passwords in its errors.
    return apprise.AppriseAsset(storage_path=None, secure_logging=True)


class _Failures:
    """What the warnings of one message say about it. It keeps no error: see ``_notify``."""

    def __init__(self) -> None:
        self._unreached: list[str] = []
        self._may_be_sent = False

    def note(self, error: BaseException | None) -> None:
        if error is not None and never_connected(error):
            self._unreached.append(_name(error))
        else:
            self._may_be_sent = True

    def error(self, otherwise: str) -> DeliveryError:
        """Return what to raise.

        :param otherwise: the error code if the message may have been sent.
        """
        if self._unreached and not self._may_be_sent:
            error_code = self._unreached[-1]
            return (fault_of_code(error_code) or UNREACHABLE).error("Apprise", error_code)
        fault = fault_of_code(otherwise) or UNEXPLAINED
        return fault.error("Apprise", otherwise, is_sure=False)


def _name(error: BaseException) -> str:
    """Return the class of the error that requests wraps, else of the error itself."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return type(reason or error).__name__
