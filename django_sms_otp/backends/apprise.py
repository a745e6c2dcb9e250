"""Sends by any service that Apprise knows, by its URL (extra ``apprise``).

https://appriseit.com/services/
"""

from __future__ import annotations

import re
from contextvars import Context
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..conf.validators import CHANNELS, SMS, one_of, positive_number
from ..exceptions import Cause, DeliveryError, InvalidBackend, NotDelivered
from ..masked import MaskedText
from .base import BaseSMSBackend, SendResult, SMSMessage
from .faults import UNEXPLAINED, UNREACHABLE, fault_of_code, fault_of_status
from .transport.connecting import never_connected
from .transport.deadline import socket_timeouts, within
from .transport.quiet_logging import suppress_logs
from .transport.watching import Watch, watch_requests

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

    Apprise answers yes or no, and not why. So the backend watches the requests. If each of them
    was refused or had no connection, nothing was sent. After any other no, nobody knows.

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
        with watch_requests() as watch:
            try:
                # Not Apprise.notify(), which tries again if the URL says so. And one message
                # stays one, however long it is.
                is_sent = service.notify(body=message.body, overflow=OverflowMode.UPSTREAM)
            except Exception as error:
                if never_connected(error):
                    return _not_reached(type(error).__name__)
                return _unknown(type(error).__name__)
        return None if is_sent else _error_of(watch)

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


def _error_of(watch: Watch) -> DeliveryError:
    """Return what a no of Apprise's means."""
    if watch.is_endless:
        return _unknown("EndlessAnswer")
    if watch.may_be_sent or not (watch.status or watch.unreached):
        return _unknown("no")
    if watch.unreached:
        return _not_reached(watch.unreached)
    return fault_of_status(watch.status).error("Apprise", str(watch.status))


def _not_reached(error_code: str) -> DeliveryError:
    return (fault_of_code(error_code) or UNREACHABLE).error("Apprise", error_code)


def _unknown(error_code: str) -> DeliveryError:
    fault = fault_of_code(error_code) or UNEXPLAINED
    return fault.error("Apprise", error_code, is_sure=False)
