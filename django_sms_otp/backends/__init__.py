"""Backends by alias, as ``SMS_OTP_BACKENDS`` names them."""

from __future__ import annotations

import threading
from typing import Any

from django.utils.module_loading import import_string

from ..conf import DEFAULT_ALIAS, backend_config
from ..exceptions import InvalidBackend
from .base import BaseSMSBackend, SendResult, SMSMessage

__all__ = ["DEFAULT_ALIAS", "BaseSMSBackend", "SMSMessage", "SendResult", "get_backend"]


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
