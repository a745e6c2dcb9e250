"""Hands messages and guesses over to a backend, and translates foreign errors into ours."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ..exceptions import DeliveryError, DeliveryUnknown
from ..logs import describe_error, log_fields, translate_errors
from ..signals import gateway_called
from .base import BaseSMSBackend, CodeCheck, SendResult, SMSMessage
from .registry import borrow, get_backend

__all__ = ["ask_gateway", "hand_over"]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")


def hand_over(message: SMSMessage, alias: str) -> SendResult:
    """Have a backend send a message. The result, or the error, names the backend that sent it
    and the time that this took.

    :raises DeliveryError: the message was not sent, or nobody knows. Any error that a backend
        should not raise counts as unknown.
    :raises InvalidBackend: ``SMS_OTP_BACKENDS`` is broken.
    """
    backend = get_backend(alias)
    if backend.checks_codes:
        message = replace(message, code=None, body="")
    started = time.monotonic()
    try:
        result = _guard(backend, lambda: _send(alias, message), message)
    except DeliveryError as error:
        error.alias = error.alias or alias
        if error.latency is None:
            error.latency = time.monotonic() - started
        _announce(backend, message, error.outcome, error.latency, error.error_code)
        raise
    latency = time.monotonic() - started if result.latency is None else result.latency
    _announce(backend, message, "sent", latency)
    return replace(result, alias=result.alias or alias, latency=latency)


def ask_gateway(check: CodeCheck, alias: str) -> bool:
    """Ask the gateway that made a code whether a guess is right.

    :raises DeliveryError: the gateway did not say. Any error that a backend should not raise
        counts as unknown.
    :raises InvalidBackend: ``SMS_OTP_BACKENDS`` is broken.
    """
    backend = get_backend(alias)
    try:
        return _guard(backend, lambda: _check(alias, check), check)
    except DeliveryError as error:
        error.alias = alias
        raise


def _send(alias: str, message: SMSMessage) -> SendResult:
    with borrow(alias) as backend:
        return backend.send(message)


def _check(alias: str, check: CodeCheck) -> bool:
    with borrow(alias) as backend:
        return backend.check_code(check)


def _guard(
    backend: BaseSMSBackend, call: Callable[[], T], message: SMSMessage | CodeCheck
) -> T:
    def translate(error: Exception) -> DeliveryUnknown:
        name = type(error).__name__
        logger.error(
            "Backend %r failed with %s",
            *(backend.alias, describe_error(error)),
            extra=log_fields(
                "backend_error",
                request_id=message.request_id,
                phone_number=message.to,
                region=message.region,
                purpose=message.purpose,
                channel=message.channel,
                backend=backend.alias,
                error_code=name,
            ),
        )
        return DeliveryUnknown(f"The backend failed with {name}.", error_code=name)

    return translate_errors(call, translate, own=DeliveryError)


def _announce(
    backend: BaseSMSBackend,
    message: SMSMessage,
    outcome: str,
    latency: float,
    error_code: str = "",
) -> None:
    if backend.targets:
        return  # The backends that it handed the message on to were announced.
    gateway_called.send_robust(
        type(backend),
        alias=backend.alias,
        channel=message.channel,
        region=message.region,
        outcome=outcome,
        error_code=error_code,
        latency=latency,
    )
