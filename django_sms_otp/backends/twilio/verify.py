"""Sends by Twilio Verify, which makes the codes and checks them (extra ``twilio``).

https://www.twilio.com/docs/verify/api
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from django.core.checks import CheckMessage, Warning

from ...conf.validators import true_or_false
from ...exceptions import DeliveryError, DeliveryUnknown, InvalidBackend, NotDelivered
from ...purposes import LOGIN
from ..base import BaseSMSBackend, CodeCheck, SendResult, SMSMessage
from ..transport.deadline import within
from .client import DEFAULT_TIMEOUT, OwnErrors, ask, make_client
from .hints import explain
from .sids import is_sid
from .verify_errors import NOT_FOUND, WINDOW, NoVerification, error_of_check, error_of_start

CHANNELS: Mapping[str, str] = MappingProxyType(
    {"sms": "sms", "whatsapp": "whatsapp", "voice": "call"}
)
"""What Twilio calls our channels."""

LONGEST_CODE, SHORTEST_CODE = 10, 4

# https://www.twilio.com/docs/verify/supported-languages, of Verify's default template. Another
# language is left out: then Twilio takes that of the number's country.
LOCALES = """
    af ar ca cs da de el en en-GB es et fi fr he hi hr hu id it ja kn ko lt ms mr nb nl pl pt
    pt-BR ro ru sk sv te th tl tr uk vi zh zh-CN zh-HK
"""
CHINESE: Mapping[str, str] = MappingProxyType({"zh-hans": "zh-CN", "zh-hant": "zh-HK"})
"""Django names the script, Twilio a region."""

WRONG = frozenset(
    {"canceled", "deleted", "expired", "failed", "max_attempts_reached", "pending"}
)
"""What a verification may be after a guess that was not right."""


class SMSBackend(BaseSMSBackend):
    """Send by Twilio Verify.

    :param account_sid: ``AC...``.
    :param auth_token: the account's; or else the pair that follows.
    :param api_key_sid: ``SK...``; preferred, since it can be revoked alone.
    :param api_key_secret: of the API key.
    :param service_sid: ``VA...``, the Verify service for logins; or a dict of services by
        purpose. Twilio has one code for a number and service at a time: with one service for
        two purposes the code of one would do for the other.
    :param code_length: of the service's codes.
    :param custom_codes: send this app's own codes, where the service is allowed to. They are
        checked here, and one service serves every purpose.
    :param timeout: seconds within which the site has answered, whatever Twilio does.
    :param region: ``"ie1"`` and the like; only together with ``edge``.
    :param edge: ``"dublin"`` and the like.
    :param base_url: in place of ``https://verify.twilio.com``: an emulator or a gateway.
    """

    channels = frozenset(CHANNELS)
    code_lifetime = WINDOW
    most_guesses = 5

    def __init__(
        self,
        *,
        alias: str,
        account_sid: str = "",
        auth_token: str = "",
        api_key_sid: str = "",
        api_key_secret: str = "",
        service_sid: str | Mapping[str, str] = "",
        code_length: int = 6,
        custom_codes: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        region: str | None = None,
        edge: str | None = None,
        base_url: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        if code_length not in range(SHORTEST_CODE, LONGEST_CODE + 1):
            raise InvalidBackend("option 'code_length' must be from 4 to 10.", alias=alias)
        self._services = _services_by_purpose(service_sid, alias)
        if problem := true_or_false(custom_codes):
            raise InvalidBackend(f"option 'custom_codes' {problem}.", alias=alias)
        if custom_codes and not isinstance(service_sid, str):
            raise InvalidBackend("'custom_codes' takes one 'service_sid', a text.", alias=alias)
        self.checks_codes = not custom_codes
        self.wants_reports = custom_codes
        self.code_length = None if custom_codes else code_length
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
        self._timeout = timeout

    def send(self, message: SMSMessage) -> SendResult:
        """Start a verification, or have its code sent again."""
        locale = locale_of(message.language)
        with within(self._timeout):
            if locale:
                try:
                    return self._start(message, {"locale": locale})
                except NotDelivered as error:
                    # A template need not have every language. Then it is a 404: nothing sent.
                    if error.error_code not in map(str, NOT_FOUND):
                        raise
            return self._start(message, {})

    def check_code(self, check: CodeCheck) -> bool:
        """Ask Twilio. Of a verification that is approved, expired or was never started it knows
        nothing any more: the guess is wrong."""
        # By the verification that our message began, not by the number: there may be a newer
        # one, of somebody else who uses the service.
        is_known = check.message_id.startswith("VE")
        of = {"verification_sid": check.message_id} if is_known else {"to": check.to}
        checks = self._service(check.purpose).verification_checks
        try:
            found = self._ask(
                lambda: checks.create(code=check.typed, **of), own_errors=error_of_check
            )
        except NoVerification:
            return False
        if found.status not in WRONG | {"approved"}:
            raise DeliveryUnknown("Twilio's answer has no status.", error_code="no-status")
        return found.status == "approved" and _is_same_line(found.to, check.to)

    def report_redeemed(self, message_id: str) -> None:
        """Approve a verification with a custom code: Twilio then counts it as redeemed, and a
        new one may begin."""
        verification = self._service(LOGIN).verifications(message_id)
        self._ask(lambda: verification.update(status="approved"))

    def explain(self, error_code: str) -> str:
        return explain(error_code)

    def check(self) -> list[CheckMessage]:
        """Ask Twilio how the services are set up."""
        found: list[CheckMessage] = []
        for service_sid in sorted(set(self._services.values())):
            try:
                service = self._ask(self._client.verify.v2.services(service_sid).fetch)
            except DeliveryError as error:
                found.append(
                    self._warning(f"the service {service_sid} cannot be read: {error}")
                )
                continue
            if self.checks_codes and service.code_length != self.code_length:
                found.append(
                    self._warning(
                        f"the codes of {service_sid} have {service.code_length} digits, but "
                        f"option 'code_length' is {self.code_length}: no code would be taken."
                    )
                )
        return found

    def _start(self, message: SMSMessage, options: dict[str, str]) -> SendResult:
        if not self.checks_codes and message.code:
            options = {**options, "custom_code": message.code}
        verifications = self._service(message.purpose).verifications
        started = self._ask(
            lambda: verifications.create(
                to=message.to, channel=CHANNELS[message.channel], **options
            ),
            own_errors=error_of_start,
        )
        if not started.sid:
            raise DeliveryUnknown("Twilio's answer names no message.", error_code="no-sid")
        return SendResult(message_id=started.sid)

    def _ask(self, call: Callable[[], Any], own_errors: OwnErrors | None = None) -> Any:
        return ask(call, timeout=self._timeout, own_errors=own_errors)

    def _service(self, purpose: str) -> Any:
        if not self.checks_codes:
            purpose = LOGIN  # Our own codes are bound to their purpose.
        if purpose not in self._services:
            raise NotDelivered(
                f"Option 'service_sid' has no service for the purpose {purpose!r}.",
                error_code="no-service",
                needs_attention=True,
            )
        return self._client.verify.v2.services(self._services[purpose])

    def _warning(self, text: str) -> Warning:
        return Warning(f"SMS_OTP_BACKENDS[{self.alias!r}]: {text}", id="sms_otp.W013")


def locale_of(language: str) -> str:
    """Return what Twilio calls a language of Django's, or ``""`` where it has no text in it."""
    primary, _, rest = language.lower().partition("-")
    tag = CHINESE.get(language.lower(), f"{primary}-{rest.upper()}")
    return next((each for each in (tag, primary) if each in LOCALES.split()), "")


def _is_same_line(theirs: object, ours: str) -> bool:
    # Twilio may write a number in another way than it was given, as +521... for +52...: the
    # end stays the same.
    return str(theirs)[-7:] == ours[-7:]


def _services_by_purpose(given: str | Mapping[str, str], alias: str) -> Mapping[str, str]:
    services = given if isinstance(given, Mapping) else {LOGIN: given}
    sids = list(services.values())
    if not sids or not all(is_sid(sid, "VA") for sid in sids):
        raise InvalidBackend(
            "option 'service_sid' must be the SID of a Verify service, VA and 32 hexadecimal "
            "digits, or a dict of those by purpose.",
            alias=alias,
        )
    if len(set(sids)) < len(sids):
        raise InvalidBackend(
            "option 'service_sid' names one service for two purposes: the code of one would do "
            "for the other.",
            alias=alias,
        )
    return services
