"""Backends by alias, as ``SMS_OTP_BACKENDS`` names them."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from ..conf import DEFAULT_ALIAS, backend_aliases, backend_config
from ..exceptions import DeliveryError, DeliveryUnknown, InvalidBackend
from ..logs import log_fields
from ..signals import gateway_called
from .base import BaseSMSBackend, CodeCheck, SendResult, SMSMessage

__all__ = [
    "DEFAULT_ALIAS",
    "BaseSMSBackend",
    "CodeCheck",
    "SMSMessage",
    "SendResult",
    "ask_gateway",
    "code_issuing_backend",
    "get_backend",
    "hand_over",
    "with_targets",
]

logger = logging.getLogger("django_sms_otp")

T = TypeVar("T")

# One instance a thread and alias: a backend keeps its connections to the gateway open, and
# HTTP sessions are not made to be shared.
_instances = threading.local()


@dataclass(frozen=True, slots=True)
class _Instance:
    """A backend, and what it was made from."""

    config: tuple[str, dict[str, Any]]
    backend: BaseSMSBackend
    targets: list[BaseSMSBackend]

    def is_current(self, config: tuple[str, dict[str, Any]]) -> bool:
        return self.config == config and self.targets == _targets_of(self.backend)


def get_backend(alias: str = DEFAULT_ALIAS) -> BaseSMSBackend:
    """Return the backend that ``SMS_OTP_BACKENDS`` has under ``alias``.

    :raises InvalidBackend: no such alias, no such class, or options that it does not take.
    """
    config = backend_config(alias)
    known: dict[str, _Instance] = _instances.__dict__.setdefault("by_alias", {})
    if alias not in known or not known[alias].is_current(config):
        with _making(alias):
            backend = _create(alias, *config)
            known[alias] = _Instance(config, backend, _targets_of(backend))
    return known[alias].backend


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
        result = _guarded(backend, lambda: backend.send(message), message)
    except DeliveryError as error:
        error.alias = error.alias or alias
        if error.latency is None:
            error.latency = time.monotonic() - started
        _announce(backend, message, error.outcome, error.latency, error.error_code)
        raise
    latency = time.monotonic() - started if result.latency is None else result.latency
    _announce(backend, message, "sent", latency)
    return replace(result, alias=result.alias or alias, latency=latency)


@sensitive_variables("check")
def ask_gateway(check: CodeCheck, alias: str) -> bool:
    """Ask the gateway that made a code whether a guess is right.

    :raises DeliveryError: it did not say; what no backend should raise counts as unknown.
    :raises InvalidBackend: ``SMS_OTP_BACKENDS`` is broken.
    """
    backend = get_backend(alias)
    try:
        return _guarded(backend, lambda: backend.check_code(check), check)
    except DeliveryError as error:
        error.alias = alias
        raise


def code_issuing_backend(alias: str) -> BaseSMSBackend | None:
    """Return the backend under ``alias`` if its gateway makes the codes; ``None``: we do.

    :raises InvalidBackend: its entry in ``SMS_OTP_BACKENDS`` is broken.
    """
    # An alias that a site has taken out: nobody can ask its gateway any more.
    if alias not in backend_aliases():
        return None
    backend = get_backend(alias)
    return backend if backend.checks_codes else None


@sensitive_variables("message", "call")
def _guarded(
    backend: BaseSMSBackend, call: Callable[[], T], message: SMSMessage | CodeCheck
) -> T:
    try:
        return call()
    except DeliveryError:
        raise
    except Exception as error:
        # Not logger.exception: the text of a foreign error may hold the message.
        frames = "".join(traceback.format_tb(error.__traceback__))
        name = type(error).__name__
    extra = log_fields(
        "backend_error",
        request_id=message.request_id,
        phone_number=message.to,
        region=message.region,
        purpose=message.purpose,
        channel=message.channel,
        backend=backend.alias,
        error_code=name,
    )
    logger.error("Backend %r failed with %s:\n%s", backend.alias, name, frames, extra=extra)
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


@contextmanager
def _making(alias: str) -> Iterator[None]:
    """Refuse a backend whose targets, as they are made, need it to be made first."""
    under_way: list[str] = _instances.__dict__.setdefault("under_way", [])
    if alias in under_way:
        circle = [*under_way[under_way.index(alias) :], alias]
        raise InvalidBackend(
            f"hands messages on to itself: {' to '.join(circle)}.", alias=alias
        )
    under_way.append(alias)
    try:
        yield
    finally:
        under_way.pop()


def _targets_of(backend: BaseSMSBackend) -> list[BaseSMSBackend]:
    return [get_backend(alias) for alias in backend.targets]
