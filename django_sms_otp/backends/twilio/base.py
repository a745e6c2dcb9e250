"""What the two Twilio backends share: the account, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..base import BaseSMSBackend
from ..transport.deadline import within
from .client import ask, make_client
from .error_codes import explain

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
        self._client = make_client(
            alias=alias,
            account_sid=account_sid,
            auth_token=auth_token,
            api_key_sid=api_key_sid,
            api_key_secret=api_key_secret,
            timeout=timeout,
            region=region,
            edge=edge,
            base_url=base_url,
        )
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
