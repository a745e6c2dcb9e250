"""Sends by Twilio Verify, which makes the codes and checks them (extra ``twilio``).

https://www.twilio.com/docs/verify/api
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.core.checks import CheckMessage, Warning

from ...conf.validators import true_or_false
from ...exceptions import (
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    InvalidBackend,
    NotDelivered,
)
from ...logs import translate_errors
from ...purposes import LOGIN
from ..base import CodeCheck, SendResult, SMSMessage
from .base import TwilioBackend
from .error_codes import NOT_FOUND, VERIFICATION_LIFETIME, look_up, read_number
from .sids import is_sid

CHANNELS: Mapping[str, str] = MappingProxyType(
    {"sms": "sms", "whatsapp": "whatsapp", "voice": "call"}
)
"""Twilio's names of our channels."""

LONGEST_CODE, SHORTEST_CODE = 10, 4

# https://www.twilio.com/docs/verify/supported-languages, of Verify's default template. For any
# other language no locale is sent: then Twilio takes that of the number's country.
LOCALES = """
    af ar ca cs da de el en en-GB es et fi fr he hi hr hu id it ja kn ko lt ms mr nb nl pl pt
    pt-BR ro ru sk sv te th tl tr uk vi zh zh-CN zh-HK
"""
CHINESE: Mapping[str, str] = MappingProxyType({"zh-hans": "zh-CN", "zh-hant": "zh-HK"})
"""Django names the script, Twilio the region."""

WRONG = frozenset(
    {"canceled", "deleted", "expired", "failed", "max_attempts_reached", "pending"}
)
"""Statuses that a verification may have after a wrong guess."""


class SMSBackend(TwilioBackend):
    """Send by Twilio Verify. The options of the account are those of
    :class:`.base.TwilioBackend`.

    :param service_sid: ``VA...``, the Verify service for logins; or a dict of services by
        purpose. Twilio has one code for a number and service at a time: with one service for
        two purposes the code of one would do for the other.
    :param code_length: digits of the service's codes.
    :param custom_codes: send this app's own codes, if the service is allowed to. They are
        checked here, and one service serves every purpose.
    """

    channels = frozenset(CHANNELS)
    code_lifetime = VERIFICATION_LIFETIME
    most_guesses = 5

    def __init__(
        self,
        *,
        alias: str,
        service_sid: str | Mapping[str, str] = "",
        code_length: int = 6,
        custom_codes: bool = False,
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

    def send(self, message: SMSMessage) -> SendResult:
        """Start a verification, or have its code sent again."""
        return self._within(lambda: self._send(message))

    def check_code(self, check: CodeCheck) -> bool:
        """Ask Twilio. It has forgotten a verification that is approved or expired: then the
        guess is wrong."""
        # By the verification that our message began, not by the number: somebody else who uses
        # the service may have begun a newer one.
        is_known = check.message_id.startswith("VE")
        key = {"verification_sid": check.message_id} if is_known else {"to": check.to}
        checks = self._service(check.purpose).verification_checks
        try:
            found = translate_errors(
                lambda: self._ask(lambda: checks.create(code=check.typed, **key)),
                _check_error,
                foreign=DeliveryError,
            )
        except NoVerification:
            return False
        if found.status not in WRONG | {"approved"}:
            raise DeliveryUnknown("Twilio's answer has no status.", error_code="no-status")
        return found.status == "approved" and _is_same_line(found.to, check.to)

    def report_redeemed(self, message_id: str) -> None:
        """Approve a verification with a custom code. Twilio then counts it as redeemed, and a
        new one may begin."""
        verification = self._service(LOGIN).verifications(message_id)
        self._ask(lambda: verification.update(status="approved"))

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

    def _send(self, message: SMSMessage) -> SendResult:
        if locale := find_locale(message.language):
            try:
                return self._start(message, {"locale": locale})
            except NotDelivered as error:
                # A template need not have every language. Then the answer is a 404, and nothing
                # was sent.
                if read_number(error.error_code) not in NOT_FOUND:
                    raise
        return self._start(message, {})

    def _start(self, message: SMSMessage, options: dict[str, str]) -> SendResult:
        if not self.checks_codes and message.code:
            options = {**options, "custom_code": message.code}
        verifications = self._service(message.purpose).verifications
        started = self._ask(
            lambda: verifications.create(
                to=message.to, channel=CHANNELS[message.channel], **options
            )
        )
        if not started.sid:
            raise DeliveryUnknown("Twilio's answer names no message.", error_code="no-sid")
        return SendResult(message_id=started.sid)

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


class NoVerification(NotDelivered):
    """There is no open verification."""


def _check_error(error: DeliveryError) -> DeliveryError:
    """Return what an error means for a guess. A number that Twilio refuses has no guess looked
    at, and :exc:`DeliveryRefused` would say that it has had too many."""
    code = error.error_code
    if read_number(code) in NOT_FOUND:
        return NoVerification("There is no such verification.", error_code=code)
    if wait := look_up(code).wait:
        return DeliveryRefused(
            f"Verify looks at no more guesses of this number now ({code}).",
            code="too_many_attempts",
            error_code=code,
            retry_after=wait,
        )
    if isinstance(error, DeliveryRefused | DeliveryBlocked):
        return NotDelivered(f"Verify did not look at the guess ({code}).", error_code=code)
    return error


def find_locale(language: str) -> str:
    """Return Twilio's name for one of Django's languages. Empty: Twilio has no text in it."""
    primary, _, rest = language.lower().partition("-")
    tag = CHINESE.get(language.lower(), f"{primary}-{rest.upper()}")
    return next((each for each in (tag, primary) if each in LOCALES.split()), "")


def _is_same_line(theirs: object, ours: str) -> bool:
    # Twilio may write a number in another way than the app, as +521... for +52... The end stays
    # the same.
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
