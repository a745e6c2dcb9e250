"""The instances of the backends, by alias."""

from __future__ import annotations

import threading
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..conf import DEFAULT_ALIAS, backend_aliases, backend_config
from ..exceptions import InvalidBackend
from .base import BaseSMSBackend

__all__ = ["code_issuing_backend", "get_backend", "with_targets"]


class _Instances(threading.local):
    """One instance for each thread and alias: a backend keeps its connections to the gateway
    open, and HTTP sessions are not made to be shared."""

    def __init__(self) -> None:
        self.by_alias: dict[str, BaseSMSBackend] = {}
        self.under_way: list[str] = []


_instances = _Instances()


def get_backend(alias: str = DEFAULT_ALIAS) -> BaseSMSBackend:
    """Return the backend that ``SMS_OTP_BACKENDS`` has under ``alias``.

    :raises InvalidBackend: there is no such alias or class, or the class does not take the
        options.
    """
    if alias not in _instances.by_alias:
        _instances.by_alias[alias] = _create(alias)
    return _instances.by_alias[alias]


def with_targets(alias: str) -> list[BaseSMSBackend]:
    """Return a backend, and after it all those that it may hand messages on to.

    :raises InvalidBackend: one of them cannot be made.
    """
    names = [alias]
    for name in names:  # The list grows meanwhile.
        names += [each for each in get_backend(name).targets if each not in names]
    return [get_backend(name) for name in names]


def code_issuing_backend(alias: str) -> BaseSMSBackend | None:
    """Return the backend under ``alias`` if its gateway makes the codes, else ``None``.

    :raises InvalidBackend: its entry in ``SMS_OTP_BACKENDS`` is broken.
    """
    # If a site has taken the alias out, nobody can ask its gateway any more.
    if alias not in backend_aliases():
        return None
    backend = get_backend(alias)
    return backend if backend.checks_codes else None


def _create(alias: str) -> BaseSMSBackend:
    path, options = backend_config(alias)
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
    # A backend that hands messages on makes its targets first, which must not make it.
    under_way = _instances.under_way
    if alias in under_way:
        circle = " to ".join([*under_way[under_way.index(alias) :], alias])
        raise InvalidBackend(f"hands messages on to itself: {circle}.", alias=alias)
    under_way.append(alias)
    try:
        return backend_class(alias=alias, **options)
    except TypeError as error:
        raise InvalidBackend(f"OPTIONS do not fit: {error}.", alias=alias) from error
    finally:
        under_way.pop()


def _start_anew(*, setting: str, **_: Any) -> None:
    global _instances
    if setting == "SMS_OTP_BACKENDS":
        _instances = _Instances()


setting_changed.connect(_start_anew)
