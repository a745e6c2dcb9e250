"""Sends by any service that Apprise knows, by its URL (extra ``apprise``).

https://appriseit.com/services/
"""

from __future__ import annotations

import logging
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.views.decorators.debug import sensitive_variables

from ..conf.validators import CHANNELS, SMS, positive_number
from ..exceptions import DeliveryError, DeliveryUnknown, InvalidBackend, NotDelivered
from .base import BaseSMSBackend, SendResult, SMSMessage
from .transport.connections import never_connected
from .transport.deadline import current, for_the_gateway, within
from .transport.quiet_logging import unlogged

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
STATUS = re.compile(r"\berror=(\d{3})\b")
"""How Apprise's plugins tell a status of HTTP. Where one tells it otherwise, nobody knows."""

NEEDS_ATTENTION = frozenset({401, 403, 404})
NOBODY_KNOWS = frozenset({408, 409})
"""Of the 4xx: the service waited for more of the request, or knows the message already."""


class SMSBackend(BaseSMSBackend):
    """Send by a service of Apprise's.

    Apprise answers yes or no. After a no, the message counts as not sent only where it made
    one request, which found nobody or was answered by a 4xx.

    :param url: of Apprise, with ``{to}`` for the number in E.164 or ``{digits}`` for the same
        without its plus sign.
    :param timeout: seconds within which the site has answered, where the service says nothing;
        instead of what ``cto`` and ``rto`` in the URL say. An answer that drips takes longer.
    :param channel: what the service sends.
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
            raise InvalidBackend(
                "option 'url' must be a URL of Apprise's with either {to} or {digits} in it, "
                "once.",
                alias=alias,
            )
        if problem := positive_number(timeout):
            raise InvalidBackend(f"option 'timeout' {problem}.", alias=alias)
        if channel not in CHANNELS:
            raise InvalidBackend(f"option 'channel' must be one of {CHANNELS}.", alias=alias)
        self.channels = frozenset({channel})
        self._url, self._timeout = url, timeout
        self._asset = _make_asset(alias)
        with unlogged(*LOGGERS):
            service = self._service_for(EXAMPLE_NUMBER)
        if service is None:
            # Which part of it is wrong, Apprise says in texts that hold its passwords.
            raise InvalidBackend(
                "Apprise does not take option 'url': see the service's page of its "
                "documentation.",
                alias=alias,
            )
        if len(service) // (service.retry + 1) > 1:
            raise InvalidBackend("option 'url' has more than one recipient.", alias=alias)

    @sensitive_variables("message")
    def send(self, message: SMSMessage) -> SendResult:
        with unlogged(*LOGGERS), within(self._timeout):
            failures = self._failures(message)
        if not failures:
            return SendResult()
        # Of several requests, one may have been the message.
        raise failures[0] if len(failures) == 1 else _unexplained()

    @sensitive_variables("message", "service")
    def _failures(self, message: SMSMessage) -> list[DeliveryError]:
        """Send, and return nothing, or else what went wrong with each request.

        The service is gone afterwards: some log out then, and log that.
        """
        service = self._service_for(message.to)
        if service is None:
            return [NotDelivered("Apprise does not take this number.", error_code="no-url")]
        # An instance has it from its class, where it is the logger of all of Apprise.
        witness = service.logger = _Witness()
        is_sent = _is_sent(service, message.body, witness)
        return [] if is_sent else witness.failures or [_unexplained()]

    @sensitive_variables()
    def _service_for(self, phone_number: str) -> NotifyBase | None:
        import apprise

        values = {"{to}": quote(phone_number, safe=""), "{digits}": phone_number.lstrip("+")}
        url = PLACEHOLDER.sub(lambda found: values[found[0]], self._url)
        service = apprise.Apprise.instantiate(url, asset=self._asset)
        if service is None:
            return None
        plugin: Any = type(service)
        service.__class__ = _timed(plugin)
        # Of the plugins that speak something else than HTTP.
        service.socket_connect_timeout = for_the_gateway(self._timeout) / 3
        service.socket_read_timeout = for_the_gateway(self._timeout) * 2 / 3
        # A POST that is redirected may be a second message.
        service.redirects = False
        # It serves one message: there is nobody to be slow for.
        service.request_rate_per_sec = 0
        return service


@cache
def _timed(plugin: Any) -> Any:
    """Return a plugin whose requests, all together, have the time until the deadline."""
    from urllib3.util import Timeout

    def request_timeout(self: NotifyBase) -> Timeout:
        left = current().left()
        # Each address of a host has the time to connect: so it is not all that there is.
        return Timeout(total=left, connect=left / 3)

    return type(plugin.__name__, (plugin,), {"request_timeout": property(request_timeout)})


class _Witness(logging.Logger):
    """Is told what a plugin logs, and keeps what it says of a request that failed.

    Logging levels do not matter to it, since it is no logger of the site's. It keeps no text,
    which may be the message.
    """

    def __init__(self) -> None:
        super().__init__("django_sms_otp.backends.apprise", level=logging.WARNING)
        self.failures: list[DeliveryError] = []
        # Of a caller that sends because another backend has failed.
        self._earlier = sys.exception()

    def handle(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        if error and error is not self._earlier:
            self.failures.append(_error_of(error))
        elif found := STATUS.search(record.getMessage()):
            self.failures.append(_error_of_status(int(found[1])))


@sensitive_variables("body")
def _is_sent(service: NotifyBase, body: str, witness: _Witness) -> bool:
    from apprise import OverflowMode

    try:
        # Not Apprise.notify(): that tries again where the URL says so. And one message is one,
        # however long.
        return service.notify(body=body, overflow=OverflowMode.UPSTREAM)
    except Exception as error:  # Apprise has 170 plugins.
        witness.failures.append(_error_of(error))
        return False


def _make_asset(alias: str) -> AppriseAsset:
    try:
        import apprise
    except ImportError as error:
        raise InvalidBackend(
            "Apprise is missing: pip install 'django-sms-otp[apprise]'.", alias=alias
        ) from error
    # Nothing of it is written to a disk, and passwords are masked in what its errors say.
    return apprise.AppriseAsset(storage_path=None, secure_logging=True)


def _error_of_status(status: int) -> DeliveryError:
    error_code = str(status)
    if not 400 <= status < 500 or status in NOBODY_KNOWS:
        return DeliveryUnknown(f"The service failed ({status}).", error_code=error_code)
    return NotDelivered(
        f"The service refused the message ({status}).",
        error_code=error_code,
        needs_attention=status in NEEDS_ATTENTION,
    )


def _error_of(error: BaseException) -> DeliveryError:
    name = type(error).__name__
    if never_connected(error):
        return NotDelivered(f"The service cannot be reached ({name}).", error_code=name)
    return DeliveryUnknown(f"The service did not answer ({name}).", error_code=name)


def _unexplained() -> DeliveryError:
    return DeliveryUnknown("Apprise says no, and not why.", error_code="no")
