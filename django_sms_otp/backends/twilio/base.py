"""The base class of the two Twilio backends: the account, and the client that asks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...conf.validators import Validator, positive_number, public_url
from ...exceptions import InvalidBackend
from ..base import BaseSMSBackend
from ..faults import Fault
from ..transport.deadline import within
from ..transport.quiet_logging import suppress_logs
from .client import ask, make_http_client
from .error_codes import fault_of_twilio, read_number
from .validators import if_given, sid

__all__ = ["TwilioBackend"]

T = TypeVar("T")

LOGGERS = ("twilio", "urllib3")
"""They log addresses, and that of a look-up has the number in it."""


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
        self._expect_all(sid("AC"), account_sid=account_sid)
        self._expect_all(if_given(sid("SK")), api_key_sid=api_key_sid)
        self._expect_all(positive_number, timeout=timeout)
        self._expect_all(if_given(public_url), base_url=base_url)
        self._need("'edge' too", edge, region=region)
        if bool(api_key_sid) != bool(api_key_secret):
            raise self._invalid("'api_key_sid' and 'api_key_secret' go together.")
        if not (auth_token or api_key_sid):
            raise self._invalid("give 'api_key_sid' and 'api_key_secret', or 'auth_token'.")
        if base_url and (region or edge):
            raise self._invalid("'base_url' excludes 'region' and 'edge'.")
        self._client = self._make_client(
            api_key_sid or account_sid,
            api_key_secret or auth_token,
            account_sid,
            region=region,
            edge=edge,
            timeout=timeout,
        )
        if base_url:
            for domain in (self._client.api, self._client.verify, self._client.lookups):
                domain.base_url = base_url
        self._auth_token, self._timeout = auth_token or "", timeout

    def _make_client(self, *credentials: str, timeout: float, **options: Any) -> Any:
        try:
            from twilio.rest import Client
        except ImportError as error:
            raise self._invalid(
                "Twilio's SDK is missing: pip install 'django-sms-otp[twilio]'."
            ) from error
        # If the environment were empty, the SDK would read TWILIO_REGION and TWILIO_EDGE.
        return Client(
            *credentials,
            http_client=make_http_client(timeout),
            environment={"TWILIO_REGION": ""},
            **options,
        )

    def close(self) -> None:
        self._client.http_client.session.close()

    def fault_of(self, error_code: str) -> Fault | None:
        return fault_of_twilio(error_code) or super().fault_of(error_code)

    def link_of(self, error_code: str) -> str:
        if read_number(error_code) < 10_000:
            return ""  # It is not one of Twilio's.
        return f"https://www.twilio.com/docs/api/errors/{error_code}"

    def look_up(self, number: str, packages: Sequence[str], **parameters: str) -> Any:
        """Ask Twilio Lookup about a number. Each package has a price.

        https://www.twilio.com/docs/lookup/v2-api

        :param number: in E.164.
        :param parameters: what a package needs, by the SDK's names.
        :raises DeliveryError: Twilio gave no answer.
        """
        with suppress_logs(*LOGGERS):
            numbers = self._client.lookups.v2.phone_numbers(number)
            return self._ask(lambda: numbers.fetch(fields=",".join(packages), **parameters))

    def _ask(self, call: Callable[[], T]) -> T:
        """Call Twilio, within the time-out.

        :raises DeliveryError: Twilio did not do it, or nobody knows.
        """
        return within(self._timeout, lambda: ask(call), gateway=self.alias)

    def _expect_all(self, validator: Validator, **options: object) -> None:
        """Refuse options that the validator has a problem with."""
        for name, value in options.items():
            self._expect(name, validator(value))

    def _need(self, other: str, has_other: object, **options: object) -> None:
        """Refuse options that only work together with another one."""
        for name, value in options.items():
            if value and not has_other:
                raise self._invalid(f"option {name!r} needs {other}.")

    def _invalid(self, text: str) -> InvalidBackend:
        return InvalidBackend(text, alias=self.alias)
