"""What a backend is: see "How to write a backend" in the documentation."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from django.core.checks import CheckMessage

from ..conf.validators import SMS, did_you_mean
from ..exceptions import InvalidBackend

__all__ = ["BaseSMSBackend", "CodeCheck", "SMSMessage", "SendResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SMSMessage:
    """A message to hand over. Its ``repr`` shows neither the code nor the number.

    :param to: phone number in E.164.
    :param body: the text; it contains the code. Empty where the gateway makes the code.
    :param code: the code alone, for gateways with templates of their own; ``None`` where the
        gateway makes the code.
    :param valid_for: how long the code still lives; a gateway should drop the message then.
    :param channel: ``sms``, ``whatsapp`` or ``voice``.
    :param language: the person's, as Django names it: ``"pt-br"``.
    :param region: of the number: ``"US"``.
    :param send_count: which message of this request it is: 1, 2, ... Together with
        ``request_id`` it names the message.
    :param avoid: aliases whose last message did not arrive at this number.
    """

    to: str = field(repr=False)
    body: str = field(repr=False)
    code: str | None = field(repr=False)
    purpose: str
    request_id: uuid.UUID
    valid_for: timedelta
    channel: str = SMS
    language: str = ""
    region: str = ""
    send_count: int = 1
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SendResult:
    """What the gateway said.

    :param message_id: its name for the message, if it has one.
    :param alias: the backend that has sent it, where another one handed it on.
    :param latency: seconds that this backend took; filled in.
    """

    message_id: str = ""
    alias: str = ""
    latency: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCheck:
    """A guess at a code that the gateway has made.

    :param to: phone number in E.164.
    :param typed: the guess: as many ASCII digits as the code has.
    :param region: of the number: ``"US"``.
    :param message_id: what the gateway called the newest message; may be empty.
    """

    to: str = field(repr=False)
    typed: str = field(repr=False)
    purpose: str
    request_id: uuid.UUID
    message_id: str
    channel: str = SMS
    region: str = ""


class BaseSMSBackend:
    """Hands messages to a gateway.

    A subclass takes its options as keyword arguments of ``__init__`` and passes the rest to
    ``super().__init__``, which refuses them by name. One instance serves one thread.
    """

    development_only: bool = False
    """Nothing reaches a phone: an error for a channel's backend under ``check --deploy``."""

    channels: frozenset[str] = frozenset({SMS})
    """What it can send: of ``sms``, ``whatsapp`` and ``voice``."""

    checks_codes: bool = False
    """The gateway makes the codes and checks the guesses: see :meth:`check_code`."""

    wants_reports: bool = False
    """The gateway wants to know which codes were redeemed: see :meth:`report_redeemed`."""

    targets: Sequence[str] = ()
    """The aliases that messages are handed on to, where it does not send by itself."""

    code_length: int | None = None
    """Digits of the codes that the gateway makes; ``None``: as the site has set it."""

    code_lifetime: ClassVar[timedelta | None] = None
    """The longest life of a code that the gateway makes."""

    most_guesses: ClassVar[int | None] = None
    """How many guesses at a code the gateway looks at, where it checks them."""

    def __init__(self, *, alias: str, **options: Any) -> None:
        self.alias = alias
        if options:
            name = min(options)
            hint = did_you_mean(name, self._option_names())
            raise InvalidBackend(f"unknown option {name!r}.{hint}", alias=alias)

    def send(self, message: SMSMessage) -> SendResult:
        """Hand ``message`` to the gateway.

        :raises NotDelivered: not sent, by the site's or the gateway's fault.
        :raises DeliveryRefused: not sent, because of this number.
        :raises DeliveryBlocked: not sent, because the gateway takes it for fraud.
        :raises DeliveryUnknown: nobody knows whether it was sent.
        """
        raise NotImplementedError(f"{type(self).__name__} must define send().")

    def check_code(self, check: CodeCheck) -> bool:
        """Tell whether the guess is right. Asked only where ``checks_codes`` is true, after the
        attempt has been counted.

        :raises NotDelivered: the gateway has not looked at the guess.
        :raises DeliveryRefused: it looks at no more guesses of this number for now.
        :raises DeliveryUnknown: nobody knows whether it has looked.
        """
        raise NotImplementedError(f"{type(self).__name__} must define check_code().")

    def report_redeemed(self, message_id: str) -> None:
        """Tell the gateway that the code of a message was redeemed. Asked only where
        ``wants_reports`` is true; best effort, and never while somebody waits.

        :raises DeliveryError: the gateway did not take it.
        """

    def check(self) -> list[CheckMessage]:
        """Return what is wrong with the configuration, as far as that shows without sending:
        for ``check --deploy`` and ``send_test_sms``."""
        return []

    def explain(self, error_code: str) -> str:
        """Return what to do about an error code of the gateway's, in plain words and with a
        link, for ``send_test_sms``; ``""``: nothing is known of it."""
        return ""

    @classmethod
    def _option_names(cls) -> list[str]:
        parameters = inspect.signature(cls.__init__).parameters
        return [name for name in parameters if name not in {"self", "alias", "options"}]
