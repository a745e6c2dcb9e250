"""The instances of the backends, by alias."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..conf import DEFAULT_ALIAS, backend_aliases, backend_config
from ..exceptions import DeliveryError, DeliveryUnknown, InvalidBackend
from .base import BaseSMSBackend

__all__ = ["borrow", "code_issuing_backend", "get_backend", "with_targets"]


MOST_IDLE = 8
"""Idle instances of an alias that keep their connections to the gateway open."""


class _Instances:
    """The instances of each alias. One of them tells what the backend can do, to all threads.
    To send, a thread borrows one for itself: HTTP sessions are not made to be shared. Threads
    come and go, under ASGI with each request, so none of them owns an instance."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[str, BaseSMSBackend] = {}
        self.idle: dict[str, list[BaseSMSBackend]] = {}

    def add(self, alias: str, backend: BaseSMSBackend) -> BaseSMSBackend:
        """Keep the first instance of an alias, and return the one that is kept."""
        with self.lock:
            if alias not in self.known:
                self.known[alias] = backend
                self.idle[alias] = [backend]
            return self.known[alias]

    def take(self, alias: str) -> BaseSMSBackend | None:
        """Take the instance that was used last: its connection is the freshest."""
        with self.lock:
            idle = self.idle.get(alias)
            return idle.pop() if idle else None

    def give_back(self, backend: BaseSMSBackend) -> None:
        """Keep an instance for the next message. Of too many, close the oldest."""
        with self.lock:
            idle = self.idle.setdefault(backend.alias, [])
            idle.append(backend)
            oldest = idle.pop(0) if len(idle) > MOST_IDLE else None
        if oldest is not None:
            oldest.close()


_instances = _Instances()
_under_way = threading.local()


def get_backend(alias: str = DEFAULT_ALIAS) -> BaseSMSBackend:
    """Return the backend that ``SMS_OTP_BACKENDS`` has under ``alias``, to see what it can do.
    To ask its gateway, use :func:`borrow`.

    :raises InvalidBackend: there is no such alias or class, or the class does not take the
        options.
    """
    instances = _instances
    known = instances.known.get(alias)
    return known or instances.add(alias, _create(alias))


@contextmanager
def borrow(alias: str) -> Iterator[BaseSMSBackend]:
    """Lend an instance to the block, for nobody else meanwhile.

    :raises InvalidBackend: as :func:`get_backend`.
    """
    get_backend(alias)
    instances = _instances
    backend = instances.take(alias) or _create(alias)
    try:
        yield backend
    except DeliveryError as error:
        if not isinstance(error, DeliveryUnknown):
            instances.give_back(backend)
        # Else the call may still be under way in another thread, and nobody gets the instance.
        raise
    instances.give_back(backend)


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
    under_way: list[str] = vars(_under_way).setdefault("aliases", [])
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
    if setting == "SMS_OTP_BACKENDS":
        _forget()


def _forget() -> None:
    global _instances
    _instances = _Instances()


setting_changed.connect(_start_anew)
if hasattr(os, "register_at_fork"):  # Not on Windows.
    # Two processes must not write to one connection.
    os.register_at_fork(after_in_child=_forget)
