"""Send a test message through one backend, and explain what is wrong if that fails."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings as django_settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext

from ...backends import (
    BaseSMSBackend,
    SendResult,
    SMSMessage,
    get_backend,
    hand_over,
    with_targets,
)
from ...conf import get_settings
from ...conf.choices import CHANNELS
from ...conf.validators import did_you_mean
from ...delivery.messages import site_name
from ...delivery.queues import is_queued
from ...exceptions import DeliveryError, InvalidSettings, PhoneNumberError
from ...models import new_request_id
from ...phone import PhoneNumber
from ...purposes import TEST
from ...services import read_phone_number
from ...signals import gateway_called
from ..diagnosis import explain_failure


class Command(BaseCommand):
    help = (
        "Send a test message to a phone, and explain in plain words what is wrong if that "
        "fails. Nobody can log in with the message: it holds no valid code."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", help="such as +14155552671")
        parser.add_argument(
            "--backend",
            metavar="ALIAS",
            help="entry of SMS_OTP_BACKENDS; default: the one that serves the channel",
        )
        parser.add_argument(
            "--channel",
            choices=CHANNELS,
            metavar="CHANNEL",
            help="sms, whatsapp or voice; default: the channel of a request that names none",
        )
        parser.add_argument(
            "--language",
            metavar="LANGUAGE",
            help="such as de; default: LANGUAGE_CODE",
        )

    def handle(self, number: str, **options: Any) -> None:
        language = _language(options["language"])
        try:
            channel, alias = _channel_and_alias(options["channel"], options["backend"])
            backend, *targets = with_targets(alias)
            phone_number = read_phone_number(number)
        except InvalidSettings as error:
            raise CommandError(str(error)) from error
        except PhoneNumberError as error:
            text = f"SMS_OTP lets no message go to this number: {error.code}. {error}"
            raise CommandError(text) from error
        self._show_findings([backend, *targets])
        if channel not in backend.channels:
            able_to = ", ".join(sorted(backend.channels)) or "nothing"
            raise CommandError(f"{alias!r} does not send by {channel}: it sends {able_to}.")
        message = _message(phone_number, channel, language)
        self.stdout.write(f"Sending a test to {phone_number} by {channel}, backend {alias!r}.")
        failed: dict[str, str] = {}

        def note_failure(alias: str, outcome: str, error_code: str, **call: Any) -> None:
            if outcome != "sent":
                code = f", {error_code}" if error_code else ""
                failed[alias] = f"{outcome}{code} ({call['latency']:.2f} s)"

        gateway_called.connect(note_failure)
        try:
            result = hand_over(message, alias)
        except DeliveryError as error:
            # The last failure is explained at length.
            failed.pop(error.alias, None)
            raise CommandError(explain_failure(error)) from None
        finally:
            gateway_called.disconnect(note_failure)
            for name, outcome in failed.items():
                text = f"{name!r} failed before: {outcome}."
                self.stderr.write(self.style.WARNING(text))
        self._show_result(alias, result)

    def _show_findings(self, backends: list[BaseSMSBackend]) -> None:
        """Show the problems that are visible without sending."""
        found = [str(message) for backend in backends for message in backend.check()]
        found += [
            f"{backend.alias!r} is for development: no message reaches a phone."
            for backend in backends
            if backend.development_only
        ]
        if is_queued():
            found.append(
                f"SMS_OTP['DELIVERY'] is {get_settings().DELIVERY!r}: workers send the codes. "
                "This command sends the message itself: it tests neither queue nor workers."
            )
        # A backend that hands messages on may also report problems of its targets.
        for text in dict.fromkeys(found):
            self.stderr.write(self.style.WARNING(text))

    def _show_result(self, alias: str, result: SendResult) -> None:
        took = f" in {result.latency:.2f} s" if result.latency is not None else ""
        by = f" by {result.alias!r}" if result.alias != alias else ""
        self.stdout.write(self.style.SUCCESS(f"The gateway took it{by}{took}."))
        if result.message_id:
            self.stdout.write(f"The gateway's id of the message: {result.message_id}")
        backend = get_backend(result.alias)
        if backend.checks_codes:
            text = "This gateway has sent a code of its own, which looks like a login code."
            self.stdout.write(text)
        if backend.development_only:
            self.stdout.write("This backend is for development: it reaches no phone.")
        else:
            self.stdout.write("Look at the phone to see whether it arrives.")


def _language(name: str | None) -> str:
    language = name or django_settings.LANGUAGE_CODE
    if not translation.check_for_language(language):
        known = [code for code, _label in django_settings.LANGUAGES]
        raise CommandError(f"There is no language {language!r}.{did_you_mean(language, known)}")
    return language


def _channel_and_alias(channel: str | None, alias: str | None) -> tuple[str, str]:
    settings = get_settings()
    channel = channel or settings.default_channel
    if alias:
        return channel, alias
    if channel not in settings.CHANNELS:
        raise CommandError(
            f"SMS_OTP['CHANNELS'] does not offer {channel!r}. Name a backend by --backend, or "
            f"take one of these channels: {', '.join(settings.CHANNELS)}."
        )
    return channel, settings.CHANNELS[channel]


def _message(phone_number: PhoneNumber, channel: str, language: str) -> SMSMessage:
    """Return a message like a login code's. It has no row, so nobody can redeem it."""
    settings = get_settings()
    with translation.override(language):
        body = gettext("This is a test message of %(site)s. It holds no code.")
    return SMSMessage(
        to=phone_number.e164,
        body=body % {"site": site_name() or "SMS login"},
        # Templates of a gateway and voice calls need a code.
        code="0" * settings.CODE_LENGTH,
        purpose=TEST,
        request_id=new_request_id(),
        valid_for=settings.CODE_LIFETIME,
        channel=channel,
        language=language,
        region=phone_number.region,
    )
