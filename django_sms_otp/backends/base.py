"""What a backend is: see "How to write a backend" in the documentation."""

from __future__ import annotations

import inspect
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ..exceptions import InvalidBackend
from ..rules import did_you_mean

__all__ = ["BaseSMSBackend", "SMSMessage", "SendResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SMSMessage:
    """A message to hand over. Its ``repr`` shows neither the code nor the number.

    :param to: phone number in E.164.
    :param body: the text; it contains the code.
    :param code: the code alone, for gateways with templates of their own; ``None`` where the
        gateway makes the code.
    :param valid_for: how long the code still lives; a gateway should drop the message then.
    """

    to: str = field(repr=False)
    body: str = field(repr=False)
    code: str | None = field(repr=False)
    purpose: str
    request_id: uuid.UUID
    valid_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What the gateway said. ``message_id`` is its name for the message, if it has one."""

    message_id: str = ""


class BaseSMSBackend:
    """Hands messages to a gateway.

    A subclass takes its options as keyword arguments of ``__init__`` and passes the rest to
    ``super().__init__``, which refuses them by name. One instance serves one thread.
    """

    development_only = False
    """Nothing reaches a phone: an error for the default backend under ``check --deploy``."""

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

    @classmethod
    def _option_names(cls) -> list[str]:
        parameters = inspect.signature(cls.__init__).parameters
        return [name for name in parameters if name not in {"self", "alias", "options"}]
