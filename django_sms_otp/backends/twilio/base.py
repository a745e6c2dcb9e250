"""The base class of the two Twilio backends: the account, and the client that asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ...conf.validators import positive_number, public_url
from ...exceptions import InvalidBackend
from ..base import BaseSMSBackend
from ..transport.deadline import within
from .client import ask, make_http_client
from .error_codes import explain
from .sids import require_sid

__all__ = ["TwilioBackend"]

T = TypeVar("T")


class TwilioBackend(BaseSMSBackend):
    """A backend that asks Twilio through Twilio's own SDK.

    :param account_sid: ``AC...``.
    :param auth_token: the account's token; or else the API key.
    :param api_key_sid: ``SK...``; preferred, since it can be revoked alone.
    :param api_key_secret: the secret of the API key.
    :param timeout: seconds within which the site has answered, whatever Twilio does. The SDK's
        own default is to wait for ever.
    :param region: ``"ie1"`` and the like; only together with ``edge``.
    :param edge: ``"dublin"`` and the like.
    :param base_url: the address of an emulator or a gateway, in place of Twilio's own.
    """

    def __init__(
        self,
        *,
        alias: str,
        account_sid: str = "",
        auth_token: str = "",
        api_key_sid: str = "",
        api_key_secret: str = "",
        timeout: float = 10.0,
        region: str | None = None,
        edge: str | None = None,
        base_url: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        require_sid("account_sid", account_sid, "AC", alias=alias)
        if api_key_sid:
            require_sid("api_key_sid", api_key_sid, "SK", alias=alias)
        if bool(api_key_sid) != bool(api_key_secret):
            raise InvalidBackend("'api_key_sid' and 'api_key_secret' go together.", alias=alias)
        if not (auth_token or api_key_sid):
            raise InvalidBackend(
                "give 'api_key_sid' and 'api_key_secret', or 'auth_token'.", alias=alias
            )
        if problem := positive_number(timeout):
            raise InvalidBackend(f"option 'timeout' {problem}.", alias=alias)
        if region and not edge:
            raise InvalidBackend("option 'region' needs 'edge' too.", alias=alias)
        if base_url and (region or edge):
            raise InvalidBackend("'base_url' excludes 'region' and 'edge'.", alias=alias)
        if base_url and (problem := public_url(base_url)):
            raise InvalidBackend(f"option 'base_url' {problem}.", alias=alias)
        try:
            from twilio.rest import Client
        except ImportError as error:
            raise InvalidBackend(
                "Twilio's SDK is missing: pip install 'django-sms-otp[twilio]'.", alias=alias
            ) from error
        self._client: Any = Client(
            api_key_sid or account_sid,
            api_key_secret or auth_token,
            account_sid,
            region=region,
            edge=edge,
            http_client=make_http_client(timeout),
            # If this were empty, the SDK would read TWILIO_REGION and TWILIO_EDGE.
            environment={"TWILIO_REGION": ""},
        )
        if base_url:
            self._client.api.base_url = self._client.verify.base_url = base_url
        self._auth_token, self._timeout = auth_token or "", timeout

    def explain(self, error_code: str) -> str:
        return explain(error_code)

    def _ask(self, call: Callable[[], T]) -> T:
        """Call Twilio, within the time-out.

        :raises DeliveryError: Twilio did not do it, or nobody knows.
        """
        return self._within(lambda: ask(call))

    def _within(self, call: Callable[[], T]) -> T:
        return within(self._timeout, call, gateway=self.alias)
