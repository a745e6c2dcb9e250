"""The base class of backends, and their messages and results: see "Write a backend" in the
documentation."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from django.core.checks import CheckMessage
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from ..conf import get_settings
from ..conf.choices import SMS
from ..conf.validators import did_you_mean
from ..exceptions import InvalidBackend
from ..masked import MaskedText
from ..phone import E164
from .faults import Fault, fault_of_code

__all__ = ["BaseSMSBackend", "CodeCheck", "SMSMessage", "SendResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SMSMessage:
    """A message to hand over. Its ``repr`` shows neither the code nor the number.

    :param to: phone number in E.164.
    :param body: the text, with the code in it. Empty if the gateway makes the code.
    :param code: the code alone, for gateways with templates of their own. ``None`` if the
        gateway makes the code, or if the text is the site's own and has none.
    :param valid_for: the time that the code still lives. A gateway should drop the message
        after it.
    :param channel: ``sms``, ``whatsapp`` or ``voice``.
    :param language: the person's language, as Django names it: ``"pt-br"``.
    :param region: the number's region: ``"US"``.
    :param send_count: the number of this message in its request: 1, 2, ... Together with
        ``request_id`` it names the message.
    :param avoid: the aliases whose last message did not arrive at this number.
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

    def __post_init__(self) -> None:
        # A local variable of a backend shows none of them in a report of an error.
        object.__setattr__(self, "to", E164(self.to))
        object.__setattr__(self, "body", MaskedText(self.body))
        if self.code is not None:
            object.__setattr__(self, "code", MaskedText(self.code))


@dataclass(frozen=True, slots=True)
class SendResult:
    """The gateway's answer to a message that it has taken.

    :param message_id: the gateway's name for the message, if it has one.
    :param alias: the backend that has sent it, if another one handed it on.
    :param latency: the seconds that this backend took; the app fills them in.
    """

    message_id: str = ""
    alias: str = ""
    latency: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCheck:
    """A guess at a code that the gateway has made.

    :param to: phone number in E.164.
    :param typed: the guess: as many ASCII digits as the code has.
    :param region: the number's region: ``"US"``.
    :param message_id: the gateway's name for the newest message; may be empty.
    """

    to: str = field(repr=False)
    typed: str = field(repr=False)
    purpose: str
    request_id: uuid.UUID
    message_id: str
    channel: str = SMS
    region: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "to", E164(self.to))
        object.__setattr__(self, "typed", MaskedText(self.typed))


class BaseSMSBackend:
    """Hands messages to a gateway.

    A subclass takes its options as keyword arguments of ``__init__`` and passes the rest to
    ``super().__init__``, which refuses them by name. One instance serves one message at a time.
    """

    # A subclass declares what it can do.

    development_only: bool = False
    """Whether nothing reaches a phone: an error for a channel's backend under
    ``check --deploy``."""

    channels: frozenset[str] = frozenset({SMS})
    """The channels that it can send by: ``sms``, ``whatsapp``, ``voice``."""

    checks_codes: bool = False
    """Whether the gateway makes the codes and checks the guesses: see :meth:`check_code`."""

    wants_feedback: bool = False
    """Whether the gateway wants to know which codes were redeemed: see
    :meth:`send_feedback`."""

    targets: Sequence[str] = ()
    """The aliases that it hands messages on to, if it does not send by itself."""

    code_length: int | None = None
    """Digits of the codes that the gateway makes; ``None``: as the site has set it."""

    code_lifetime: timedelta | None = None
    """The longest life of a code that the gateway makes."""

    most_guesses: ClassVar[int | None] = None
    """The number of guesses at a code that the gateway looks at, if it checks them."""

    gateway: ClassVar[str] = ""
    """The gateway's name in the address of its receipts: ``webhooks/<gateway>/<alias>/``."""

    receipt_view: ClassVar[str] = ""
    """The dotted path of the :class:`~django_sms_otp.webhooks.ReceiptView` that reads the
    gateway's receipts. Empty: it sends none."""

    receipt_secret: str = ""
    """The secret that the gateway signs its receipts with. Empty: no receipt can be verified,
    and all are refused."""

    def __init__(self, *, alias: str, **options: Any) -> None:
        self.alias = alias
        if options:
            name = min(options)
            hint = did_you_mean(name, self.option_names())
            raise InvalidBackend(f"unknown option {name!r}.{hint}", alias=alias)

    # A subclass defines send(), and what else its gateway can do.

    def send(self, message: SMSMessage) -> SendResult:
        """Hand ``message`` to the gateway.

        :raises NotDelivered: not sent, by the site's or the gateway's fault.
        :raises DeliveryRefused: not sent, because of this number.
        :raises DeliveryBlocked: not sent, because the gateway takes it for fraud.
        :raises DeliveryUnknown: nobody knows whether it was sent.
        """
        raise NotImplementedError(f"{type(self).__name__} must define send().")

    def check_code(self, check: CodeCheck) -> bool:
        """Tell whether the guess is right. The app asks only if ``checks_codes`` is true, after
        it has counted the attempt.

        :raises NotDelivered: the gateway has not looked at the guess.
        :raises DeliveryRefused: it looks at no more guesses of this number for now.
        :raises DeliveryUnknown: nobody knows whether it has looked.
        """
        raise NotImplementedError(f"{type(self).__name__} must define check_code().")

    def send_feedback(self, message_id: str) -> None:
        """Tell the gateway that the code of a message was redeemed. The app asks only if
        ``wants_feedback`` is true, makes no promise to, and never while somebody waits.

        :raises DeliveryError: the gateway did not take it.
        """

    def shows_text(self, channel: str) -> bool:
        """Return whether the person gets the message's ``body``.

        A call speaks the code, a template of WhatsApp or of a gateway shows it in words of its
        own. Codes that are bound to a context, such as an amount, are not sent so.
        """
        return channel == SMS

    def close(self) -> None:
        """Close the connections to the gateway: this instance is not used any more."""

    def check(self) -> list[CheckMessage]:
        """Return what is wrong with the configuration, as far as that shows without sending:
        for ``check --deploy`` and ``send_test_sms``."""
        return []

    def fault_of(self, error_code: str) -> Fault | None:
        """Return what one of the gateway's error codes is about; ``None``: nothing is known of
        it. The base class knows HTTP statuses and errors of connections."""
        return fault_of_code(error_code)

    def link_of(self, error_code: str) -> str:
        """Return the address of the gateway's page about an error code, or nothing."""
        return ""

    # A subclass calls these, and does not override them.

    def receipt_url(self) -> str | None:
        """Return the public address of the gateway's receipts; ``None``: the site has none."""
        settings = get_settings()
        if (address := settings.RECEIPTS_URL) is not None:
            if "://" not in address:
                address = import_string(address)()
            return f"{address.rstrip('/')}/webhooks/{quote(self.gateway)}/{quote(self.alias)}/"
        if settings.PUBLIC_URL is None:
            return None
        try:
            path = reverse("sms_otp:webhook", args=[self.gateway, self.alias])
        except NoReverseMatch:
            return None
        return f"{settings.PUBLIC_URL.rstrip('/')}{path}"

    def _expect(self, option: str, problem: str | None) -> None:
        """Refuse an option that has a problem, which the validators of settings word."""
        if problem:
            raise InvalidBackend(f"option {option!r} {problem}.", alias=self.alias)

    @classmethod
    def option_names(cls) -> list[str]:
        """Return the names of all options, those of the base classes included."""
        names = [
            parameter.name
            for each in cls.__mro__[:-1]
            if "__init__" in vars(each)
            for parameter in inspect.signature(each).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY
        ]
        return [name for name in dict.fromkeys(names) if name != "alias"]
