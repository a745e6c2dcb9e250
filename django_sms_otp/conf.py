"""The settings of the app: ``SMS_OTP`` for policy, ``SMS_OTP_BACKENDS`` for gateways.

Both are read at every use, so that ``override_settings`` works. An unknown key or a value of
the wrong type is refused with a text that says what to change.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar

import phonenumbers
from django.conf import settings as django_settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from .exceptions import InvalidBackend, InvalidSettings

__all__ = [
    "Settings",
    "backend_config",
    "did_you_mean",
    "get_settings",
    "load_class",
    "secret_keys",
]

T = TypeVar("T")

DEFAULT_ALIAS = "default"
DEFAULT_BACKENDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {DEFAULT_ALIAS: {"BACKEND": "django_sms_otp.backends.console.SMSBackend"}}
)
UNKNOWN_NUMBERS_CHOICES = ("register", "ignore", "reject")

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS) | {"001"}
"""ISO 3166-1, and what ``phonenumbers`` calls satellite and international networks."""

# A rule says what is wrong with a value, or None.
Rule = Callable[[Any], str | None]


def _whole_number(least: int, most: int) -> Rule:
    def rule(value: Any) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return None
        return f"must be a whole number from {least} to {most}"

    return rule


def _true_or_false(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be True or False"


def _positive_duration(value: Any) -> str | None:
    if isinstance(value, timedelta) and value > timedelta(0):
        return None
    return "must be a positive datetime.timedelta, such as timedelta(minutes=10)"


def _durations(value: Any) -> str | None:
    is_list = isinstance(value, list | tuple)
    if is_list and not any(_positive_duration(item) for item in value):
        return None
    return "must be a list of positive datetime.timedelta; [] for no cooldown"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str | Promise) and str(value) else "must be a text"


def _dotted_path(value: Any) -> str | None:
    if isinstance(value, str) and "." in value:
        return None
    return 'must be the dotted path of a class, such as "shop.phones.Resolver"'


def _message(value: Any) -> str | None:
    if problem := _text(value):
        return problem
    if is_template_name(value):
        return None
    try:
        rendered = str(value).format(code="123456", minutes=10, site="example.com")
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        return "may name {code}, {minutes} and {site} in braces, and nothing else"
    return None if "123456" in rendered else "must contain {code}"


def _origin(value: Any) -> str | None:
    if problem := _text(value):
        return problem
    host = str(value)
    if host.isascii() and not any(char.isspace() or char in ":/@#" for char in host):
        return None
    return 'must be a bare host name, such as "example.com": no scheme, port or path'


def _region(value: Any) -> str | None:
    return None if is_region(value) else 'must be a two-letter region, such as "US"'


def _regions(value: Any) -> str | None:
    is_list = isinstance(value, Collection) and not isinstance(value, str)
    if is_list and value and all(map(is_region, value)):
        return None
    return 'must be a list of two-letter regions, such as ["US", "CA"], or None for all'


def _secret_keys(value: Any) -> str | None:
    is_list = isinstance(value, list | tuple)
    if is_list and value and all(isinstance(item, str | bytes) and item for item in value):
        return None
    return "must be a list of secret texts, newest first, or None for SECRET_KEY"


def _one_of(*choices: str) -> Rule:
    def rule(value: Any) -> str | None:
        return None if value in choices else f"must be one of {', '.join(map(repr, choices))}"

    return rule


def _or_none(rule: Rule) -> Rule:
    return lambda value: None if value is None else rule(value)


def _setting(default: Any, rule: Rule) -> Any:
    return field(default=default, metadata={"rule": rule})


def _seconds(*seconds: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=each) for each in seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys of ``SMS_OTP`` with their defaults. ``docs/settings.md`` explains each."""

    CODE_LENGTH: int = _setting(6, _whole_number(4, 10))
    CODE_LIFETIME: timedelta = _setting(timedelta(hours=1), _positive_duration)
    MAX_ATTEMPTS: int = _setting(5, _whole_number(1, 100))
    COOLDOWN: Sequence[timedelta] = _setting(_seconds(30, 60, 120, 300, 900), _durations)
    REQUIRE_REQUEST_ID: bool = _setting(False, _true_or_false)
    SECRET_KEYS: Sequence[str | bytes] | None = field(
        default=None, metadata={"rule": _or_none(_secret_keys)}, repr=False
    )
    DEFAULT_REGION: str | None = _setting(None, _or_none(_region))
    ALLOWED_REGIONS: Collection[str] | None = _setting(None, _or_none(_regions))
    MESSAGE: str = _setting(gettext_noop("Your code is {code}"), _message)
    SITE_NAME: str | None = _setting(None, _or_none(_text))
    ORIGIN: str | None = _setting(None, _or_none(_origin))
    UNKNOWN_NUMBERS: str = _setting("register", _one_of(*UNKNOWN_NUMBERS_CHOICES))
    ALLOW_STAFF: bool = _setting(False, _true_or_false)
    USER_RESOLVER: str = _setting("django_sms_otp.users.VerifiedPhoneResolver", _dotted_path)
    USER_PHONE_FIELD: str | None = _setting(None, _or_none(_text))
    TOKEN_ISSUER: str = _setting("django_sms_otp.tokens.SimpleJWTIssuer", _dotted_path)
    TOKEN_SERIALIZER: str | None = _setting(None, _or_none(_dotted_path))
    RETENTION: timedelta = _setting(timedelta(days=30), _positive_duration)


_cache: tuple[Any, Settings] | None = None


def get_settings() -> Settings:
    """Return the settings in force.

    :raises InvalidSettings: an unknown key, or a value that its key does not take.
    """
    global _cache
    raw = getattr(django_settings, "SMS_OTP", {})
    # Compared by value, with a copy: an override is another dict, a change in place another
    # content. Both are seen, and neither costs a validation per request.
    if _cache is None or _cache[0] != raw:
        built = _build(raw)
        _cache = (copy.deepcopy(raw), built)
    return _cache[1]


def load_class(key: str, base: type[T]) -> type[T]:
    """Return the class that a setting names by its dotted path.

    :raises InvalidSettings: it cannot be imported, or is no subclass of ``base``.
    """
    path = getattr(get_settings(), key)
    try:
        found = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"SMS_OTP[{key!r}]: {error}.") from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InvalidSettings(
            f"SMS_OTP[{key!r}]: {path!r} is no subclass of {base.__module__}.{base.__name__}."
        )
    return found


def secret_keys() -> list[bytes]:
    """Return the site's keys, newest first: codes are made with the first, read with any."""
    keys = get_settings().SECRET_KEYS
    if keys is None:
        keys = [django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS]
    return [key if isinstance(key, bytes) else key.encode() for key in keys]


def backend_aliases() -> list[str]:
    return list(_backends())


def backend_config(alias: str) -> tuple[str, dict[str, Any]]:
    """Return the dotted path and the options of a backend.

    :raises InvalidBackend: there is no such alias, or its entry is malformed.
    """
    backends = _backends()
    if alias not in backends:
        known = did_you_mean(alias, backends)
        raise InvalidBackend(f"there is no such entry.{known}", alias=alias)
    entry = backends[alias]
    if not isinstance(entry, Mapping) or not isinstance(entry.get("BACKEND"), str):
        raise InvalidBackend('must be a dict with "BACKEND", a dotted path.', alias=alias)
    if unknown := sorted(entry.keys() - {"BACKEND", "OPTIONS"}):
        hint = did_you_mean(unknown[0], ["BACKEND", "OPTIONS"])
        raise InvalidBackend(f"unknown key {unknown[0]!r}.{hint}", alias=alias)
    options = entry.get("OPTIONS", {})
    if not isinstance(options, Mapping) or not all(isinstance(key, str) for key in options):
        raise InvalidBackend('"OPTIONS" must be a dict with texts as keys.', alias=alias)
    return entry["BACKEND"], dict(options)


def did_you_mean(word: Any, known: Collection[str]) -> str:
    """Return a hint at the nearest known word, to append to an error, or ``""``."""
    matches = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def is_region(value: object) -> bool:
    """Tell whether ``value`` is a region that numbers have: ``"US"``, or ``"001"``."""
    return isinstance(value, str) and value in REGIONS


def is_template_name(message: str | Promise) -> bool:
    """Tell a template's name ("sms/login.txt") from the text of a message."""
    return str(message).endswith(".txt") and " " not in str(message)


def _build(raw: Any) -> Settings:
    if not isinstance(raw, Mapping):
        raise InvalidSettings("SMS_OTP must be a dict.")
    rules = {each.name: each.metadata["rule"] for each in fields(Settings)}
    for key, value in raw.items():
        if key not in rules:
            hint = did_you_mean(key, rules)
            raise InvalidSettings(f"SMS_OTP has no setting {key!r}.{hint}")
        if problem := rules[key](value):
            shown = "" if key == "SECRET_KEYS" else f", not {value!r}"
            raise InvalidSettings(f"SMS_OTP[{key!r}] {problem}{shown}.")
    return Settings(**raw)


def _backends() -> Mapping[str, Any]:
    backends = getattr(django_settings, "SMS_OTP_BACKENDS", DEFAULT_BACKENDS)
    if not isinstance(backends, Mapping) or not backends:
        raise InvalidSettings(
            'SMS_OTP_BACKENDS must be a dict of backends by alias, with one called "default".'
        )
    return backends
