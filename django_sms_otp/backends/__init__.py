"""Backends by alias, as ``SMS_OTP_BACKENDS`` names them."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from dataclasses import replace
from typing import Any

from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from ..conf import DEFAULT_ALIAS, backend_config
from ..events import event
from ..exceptions import DeliveryError, DeliveryUnknown, InvalidBackend
from ..signals import gateway_called
from .base import BaseSMSBackend, CodeCheck, SendResult, SMSMessage

__all__ = [
    "DEFAULT_ALIAS",
    "BaseSMSBackend",
    "CodeCheck",
    "SMSMessage",
    "SendResult",
    "get_backend",
    "hand_over",
    "with_targets",
]

logger = logging.getLogger("django_sms_otp")

# One instance a thread and alias: a backend keeps its connections to the gateway open, and
# HTTP sessions are not made to be shared.
_instances = threading.local()


def get_backend(alias: str = DEFAULT_ALIAS) -> BaseSMSBackend:
    """Return the backend that ``SMS_OTP_BACKENDS`` has under ``alias``.

    :raises InvalidBackend: no such alias, no such class, or options that it does not take.
    """
    config = backend_config(alias)
    known: dict[str, tuple[tuple[str, dict[str, Any]], BaseSMSBackend]]
    known = _instances.__dict__.setdefault("by_alias", {})
    if alias not in known or known[alias][0] != config:
        known[alias] = (config, _create(alias, *config))
    return known[alias][1]


def with_targets(alias: str) -> list[BaseSMSBackend]:
    """Return a backend, and after it all those that it may hand messages on to.

    :raises InvalidBackend: one of them cannot be made.
    """
    found: dict[str, BaseSMSBackend] = {}
    waiting = [alias]
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = get_backend(name)
            waiting.extend(found[name].targets)
    return list(found.values())


@sensitive_variables("message")
def hand_over(message: SMSMessage, alias: str) -> SendResult:
    """Have a backend send a message. The result, or the error, names who did, and how long that
    took.

    :raises DeliveryError: whatever goes wrong; what no backend should raise counts as unknown.
    :raises InvalidBackend: ``SMS_OTP_BACKENDS`` is broken.
    """
    backend = get_backend(alias)
    if backend.checks_codes:
        message = replace(message, code=None, body="")
    started = time.monotonic()
    try:
        result = _send(backend, message)
    except DeliveryError as error:
        error.alias = error.alias or alias
        if error.latency is None:
            error.latency = time.monotonic() - started
        _announce(backend, message, error.outcome, error.latency, error.error_code)
        raise
    latency = time.monotonic() - started if result.latency is None else result.latency
    _announce(backend, message, "sent", latency)
    return replace(result, alias=result.alias or alias, latency=latency)


@sensitive_variables("message")
def _send(backend: BaseSMSBackend, message: SMSMessage) -> SendResult:
    try:
        return backend.send(message)
    except DeliveryError:
        raise
    except Exception as error:
        # Not logger.exception: the text of a foreign error may hold the message.
        frames = "".join(traceback.format_tb(error.__traceback__))
        name = type(error).__name__
    said = event(
        "backend_error",
        request_id=message.request_id,
        phone_number=message.to,
        region=message.region,
        purpose=message.purpose,
        channel=message.channel,
        backend=backend.alias,
        error_code=name,
    )
    logger.error("Backend %r failed with %s:\n%s", backend.alias, name, frames, extra=said)
    # Raised out here, it does not carry the foreign error as its context.
    raise DeliveryUnknown(f"The backend failed with {name}.", error_code=name)


def _announce(
    backend: BaseSMSBackend,
    message: SMSMessage,
    outcome: str,
    latency: float,
    error_code: str = "",
) -> None:
    if backend.targets:
        return  # Those that it has handed the message to have been announced.
    gateway_called.send_robust(
        type(backend),
        alias=backend.alias,
        channel=message.channel,
        region=message.region,
        outcome=outcome,
        error_code=error_code,
        latency=latency,
    )


def _create(alias: str, path: str, options: dict[str, Any]) -> BaseSMSBackend:
    try:
        backend_class = import_string(path)
    except ImportError as error:
        raise InvalidBackend(f"cannot import {path!r}: {error}.", alias=alias) from error
    if not (isinstance(backend_class, type) and issubclass(backend_class, BaseSMSBackend)):
        raise InvalidBackend(
            f"{path!r} is no subclass of django_sms_otp.backends.base.BaseSMSBackend.",
            alias=alias,
        )
    if "alias" in options:
        raise InvalidBackend("OPTIONS must not name 'alias'.", alias=alias)
    try:
        return backend_class(alias=alias, **options)
    except TypeError as error:
        raise InvalidBackend(f"OPTIONS do not fit: {error}.", alias=alias) from error
