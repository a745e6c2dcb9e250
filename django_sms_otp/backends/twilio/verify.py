"""Sends by Twilio Verify, which makes the codes and checks them (extra ``twilio``).

https://www.twilio.com/docs/verify/api
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Warning

from ...conf import validators
from ...exceptions import (
    Cause,
    DeliveryBlocked,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    NotDelivered,
)
from ...purposes import LOGIN
from ..base import CodeCheck, SendResult, SMSMessage
from ..faults import WRONG_LANGUAGE
from ..transport.deadline import within
from .base import TwilioBackend
from .error_codes import (
    BAD_PARAMETER,
    NOT_FOUND,
    VERIFICATION_LIFETIME,
    fault_of_twilio,
    read_number,
)
from .validators import is_sid

CHANNELS = {"sms": "sms", "whatsapp": "whatsapp", "voice": "call"}
"""Twilio's names of our channels."""

# https://www.twilio.com/docs/verify/supported-languages, of Verify's default template.
LANGUAGES = """
    af ar ca cs da de el en en-GB es et fi fr he hi hr hu id it ja kn ko lt ms mr nb nl pl pt
    pt-BR ro ru sk sv te th tl tr uk vi zh zh-CN zh-HK
"""
LOCALES = {
    **{name.lower(): name for name in LANGUAGES.split()},
    "zh-hans": "zh-CN",
    "zh-hant": "zh-HK",
}
"""Twilio's names of languages, by Django's."""

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
        self._expect_all(validators.code_length, code_length=code_length)
        self._expect_all(validators.true_or_false, custom_codes=custom_codes)
        if custom_codes and not isinstance(service_sid, str):
            raise self._invalid("'custom_codes' takes one 'service_sid', a text.")
        services = service_sid if isinstance(service_sid, Mapping) else {LOGIN: service_sid}
        sids = list(services.values())
        if not sids or not all(is_sid(sid, "VA") for sid in sids):
            raise self._invalid(
                "option 'service_sid' must be the SID of a Verify service, VA and 32 "
                "hexadecimal digits, or a dict of those by purpose."
            )
        if len(set(sids)) < len(sids):
            raise self._invalid(
                "option 'service_sid' names one service for two purposes: the code of one "
                "would do for the other."
            )
        self._services = services
        self.checks_codes = not custom_codes
        self.wants_feedback = custom_codes
        self.code_length = None if custom_codes else code_length

    def shows_text(self, channel: str) -> bool:
        """Return ``False``: Twilio sends a text of its own."""
        return False

    def send(self, message: SMSMessage) -> SendResult:
        """Start a verification, or have its code sent again."""
        return within(self._timeout, lambda: self._send(message), gateway=self.alias)

    def check_code(self, check: CodeCheck) -> bool:
        """Ask Twilio."""
        # By the verification that our message began, not by the number: somebody else who uses
        # the service may have begun a newer one.
        is_known = check.message_id.startswith("VE")
        key = {"verification_sid": check.message_id} if is_known else {"to": check.to}
        checks = self._service(check.purpose).verification_checks
        try:
            found = self._ask(lambda: checks.create(code=check.typed, **key))
        except DeliveryError as error:
            # Twilio forgets a verification that is approved or expired.
            if read_number(error.error_code) in NOT_FOUND:
                return False
            raise _error_of_guess(error) from None
        if found.status not in WRONG | {"approved"}:
            raise DeliveryUnknown("Twilio's answer has no status.", error_code="no-status")
        return found.status == "approved" and _is_same_line(found.to, check.to)

    def send_feedback(self, message_id: str) -> None:
        """Approve a verification with a custom code. Twilio then counts it as redeemed, and a
        new one may begin."""
        verification = self._service(LOGIN).verifications(message_id)
        self._ask(lambda: verification.update(status="approved"))

    def check(self) -> list[CheckMessage]:
        """Ask Twilio how the services are set up."""
        problems = [self._problem(service_sid) for service_sid in self._services.values()]
        return [
            Warning(f"SMS_OTP_BACKENDS[{self.alias!r}]: {problem}", id="sms_otp.W013")
            for problem in problems
            if problem
        ]

    def _problem(self, service_sid: str) -> str:
        try:
            service = self._ask(self._client.verify.v2.services(service_sid).fetch)
        except DeliveryError as error:
            return f"the service {service_sid} cannot be read: {error}"
        if self.checks_codes and service.code_length != self.code_length:
            return (
                f"the codes of {service_sid} have {service.code_length} digits, but option "
                f"'code_length' is {self.code_length}: no code would be taken."
            )
        return ""

    def _send(self, message: SMSMessage) -> SendResult:
        if locale := find_locale(message.language):
            try:
                return self._start(message, {"locale": locale})
            except NotDelivered as error:
                # A template, or a voice, need not have every language. Nothing was sent then.
                if not _may_be_about_language(error):
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
                cause=Cause.ACCOUNT,
            )
        return self._client.verify.v2.services(self._services[purpose])


def _may_be_about_language(error: NotDelivered) -> bool:
    """Tell whether the same message may be taken without a language. A plain 404 and a wrong
    parameter do not say what is missing."""
    code = read_number(error.error_code)
    is_open = code in NOT_FOUND or code == BAD_PARAMETER
    return is_open or fault_of_twilio(code) is WRONG_LANGUAGE


def _error_of_guess(error: DeliveryError) -> DeliveryError:
    """Return what an error means for a guess. A number that Twilio refuses has no guess looked
    at, and :exc:`DeliveryRefused` would say that it has had too many."""
    code = error.error_code
    fault = fault_of_twilio(code)
    if fault and fault.refusal == "quota_exceeded":
        return DeliveryRefused(
            f"Verify looks at no more guesses of this number now ({code}).",
            code="too_many_attempts",
            error_code=code,
            retry_after=fault.wait,
        )
    if isinstance(error, DeliveryRefused | DeliveryBlocked):
        return NotDelivered(f"Verify did not look at the guess ({code}).", error_code=code)
    return error


def find_locale(language: str) -> str:
    """Return Twilio's name for one of Django's languages. Empty: Twilio has no text in it, and
    takes the language of the number's country."""
    name = language.lower()
    return LOCALES.get(name) or LOCALES.get(name.partition("-")[0], "")


def _is_same_line(theirs: object, ours: str) -> bool:
    # Twilio may write a number in another way than the app, as +521... for +52... The end stays
    # the same.
    return str(theirs)[-7:] == ours[-7:]
