"""The instances of the backends, by alias."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.utils.module_loading import import_string

from ..conf import DEFAULT_ALIAS, backend_aliases, backend_config
from ..exceptions import InvalidBackend
from .base import BaseSMSBackend

__all__ = ["code_issuing_backend", "get_backend", "with_targets"]

# One instance for each thread and alias: a backend keeps its connections to the gateway open,
# and HTTP sessions are not made to be shared.
_local = threading.local()


@dataclass(frozen=True, slots=True)
class _Instance:
    """A backend, with its configuration and its targets."""

    config: tuple[str, dict[str, Any]]
    backend: BaseSMSBackend
    targets: list[BaseSMSBackend]

    def is_current(self, config: tuple[str, dict[str, Any]]) -> bool:
        return self.config == config and self.targets == _get_targets(self.backend)


def get_backend(alias: str = DEFAULT_ALIAS) -> BaseSMSBackend:
    """Return the backend that ``SMS_OTP_BACKENDS`` has under ``alias``.

    :raises InvalidBackend: there is no such alias or class, or the class does not take the
        options.
    """
    config = backend_config(alias)
    instances: dict[str, _Instance] = _local.__dict__.setdefault("instances", {})
    if alias not in instances or not instances[alias].is_current(config):
        with _refuse_circles(alias):
            backend = _create(alias, *config)
            instances[alias] = _Instance(config, backend, _get_targets(backend))
    return instances[alias].backend


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


def code_issuing_backend(alias: str) -> BaseSMSBackend | None:
    """Return the backend under ``alias`` if its gateway makes the codes, else ``None``.

    :raises InvalidBackend: its entry in ``SMS_OTP_BACKENDS`` is broken.
    """
    # If a site has taken the alias out, nobody can ask its gateway any more.
    if alias not in backend_aliases():
        return None
    backend = get_backend(alias)
    return backend if backend.checks_codes else None


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
def _refuse_circles(alias: str) -> Iterator[None]:
    """Refuse a backend that hands messages on to one that hands them back to it."""
    under_way: list[str] = _local.__dict__.setdefault("under_way", [])
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


def _get_targets(backend: BaseSMSBackend) -> list[BaseSMSBackend]:
    return [get_backend(alias) for alias in backend.targets]
