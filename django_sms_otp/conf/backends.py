"""``SMS_OTP_BACKENDS``: the gateways of a site, by alias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings as django_settings

from ..exceptions import InvalidBackend, InvalidSettings
from .validators import did_you_mean

__all__ = ["DEFAULT_ALIAS", "backend_aliases", "backend_config"]

DEFAULT_ALIAS = "default"
DEFAULT_BACKENDS = {DEFAULT_ALIAS: {"BACKEND": "django_sms_otp.backends.console.SMSBackend"}}

LONGEST_ALIAS = 64
"""The length of the column that keeps the alias beside each code."""


def backend_aliases() -> list[str]:
    """Return the aliases of all backends.

    :raises InvalidSettings: ``SMS_OTP_BACKENDS`` is malformed.
    """
    return list(_entries())


def backend_config(alias: str) -> tuple[str, dict[str, Any]]:
    """Return the dotted path and the options of a backend.

    :raises InvalidBackend: the alias does not exist, or its entry is malformed.
    """
    entries = _entries()
    if alias not in entries:
        known = f" There are: {', '.join(map(str, entries))}."
        hint = did_you_mean(alias, entries) or known
        raise InvalidBackend(f"there is no such entry.{hint}", alias=alias)
    if problem := _problem_of(alias, entries[alias]):
        raise InvalidBackend(problem, alias=alias)
    return entries[alias]["BACKEND"], dict(entries[alias].get("OPTIONS", {}))


def _entries() -> Mapping[str, Any]:
    entries = getattr(django_settings, "SMS_OTP_BACKENDS", DEFAULT_BACKENDS)
    if not isinstance(entries, Mapping) or not entries:
        raise InvalidSettings(
            'SMS_OTP_BACKENDS must be a dict of backends by alias, with one called "default".'
        )
    return entries


def _problem_of(alias: str, entry: Any) -> str | None:
    if len(str(alias)) > LONGEST_ALIAS:
        return f"an alias has {LONGEST_ALIAS} characters at most."
    if not isinstance(entry, Mapping) or not isinstance(entry.get("BACKEND"), str):
        return 'must be a dict with "BACKEND", a dotted path.'
    if unknown := sorted(entry.keys() - {"BACKEND", "OPTIONS"}):
        hint = did_you_mean(unknown[0], ["BACKEND", "OPTIONS"])
        return f"unknown key {unknown[0]!r}.{hint}"
    options = entry.get("OPTIONS", {})
    if not isinstance(options, Mapping) or not all(isinstance(key, str) for key in options):
        return '"OPTIONS" must be a dict with texts as keys.'
    return None
