"""The settings of the app: ``SMS_OTP`` for policy, ``SMS_OTP_BACKENDS`` for gateways.

Both are read at every use, so that ``override_settings`` works. An unknown key or a value of
the wrong type is refused with a text that says what to change.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from django.conf import settings as django_settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from ..exceptions import InvalidBackend, InvalidSettings
from ..limits.rates import Rate, parse_rates
from . import validators as rules
from .validators import DEFAULT_LIMITS, UNKNOWN_NUMBERS_CHOICES, did_you_mean

__all__ = [
    "Breaker",
    "Budget",
    "Settings",
    "backend_config",
    "get_settings",
    "load_class",
    "secret_keys",
]

T = TypeVar("T")

DEFAULT_ALIAS = "default"
LONGEST_ALIAS = 64
"""As much as a code's row has room for."""
DEFAULT_BACKENDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {DEFAULT_ALIAS: {"BACKEND": "django_sms_otp.backends.console.SMSBackend"}}
)


def _setting(default: Any, rule: rules.Rule, *, shown: bool = True) -> Any:
    # A factory: before Python 3.12 dataclasses take a mappingproxy for a mutable default.
    return field(default_factory=lambda: default, repr=shown, metadata={"rule": rule})


def _seconds(*seconds: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=each) for each in seconds)


@dataclass(frozen=True, kw_only=True, eq=False)
class Budget:
    """Messages to unverified numbers that may be unredeemed at a time.

    For a country and an IP address, each in a day and an hour, the greatest of: the figure
    here; a share of what is redeemed. The figures are those of Authgear's fraud protection.
    """

    country_day: int = _setting(20, rules.whole_number(1, 10**6))
    country_hour: int = _setting(3, rules.whole_number(1, 10**6))
    ip_day: int = _setting(10, rules.whole_number(1, 10**6))
    ip_hour: int = _setting(5, rules.whole_number(1, 10**6))
    ip_countries: int = _setting(3, rules.whole_number(1, 300))
    share_day: float = _setting(0.3, rules.share)
    share_hour: float = _setting(0.2, rules.share)


@dataclass(frozen=True, kw_only=True, eq=False)
class Breaker:
    """When the share of redeemed codes of a country or prefix stops its messages.

    Counted over an hour, of codes older than ``settle``. Healthy is 60 to 80 % (Telnyx).
    """

    least: int = _setting(20, rules.whole_number(1, 10**6))
    alert_below: float = _setting(0.35, rules.share)
    block_below: float = _setting(0.20, rules.share)
    settle: timedelta = _setting(timedelta(minutes=5), rules.positive_duration)
    block_for: timedelta = _setting(timedelta(hours=12), rules.positive_duration)


@dataclass(frozen=True, kw_only=True, eq=False)
class Settings:
    """The keys of ``SMS_OTP`` with their defaults. ``docs/settings.md`` explains each."""

    CODE_LENGTH: int = _setting(6, rules.whole_number(4, 10))
    CODE_LIFETIME: timedelta = _setting(timedelta(hours=1), rules.positive_duration)
    MAX_ATTEMPTS: int = _setting(5, rules.whole_number(1, 100))
    COOLDOWN: Sequence[timedelta] = _setting(_seconds(30, 60, 120, 300, 900), rules.durations)
    LIMITS: Mapping[str, str | None] = _setting(DEFAULT_LIMITS, rules.limits)
    LIMITS_CACHE: str | None = _setting(None, rules.or_none(rules.text))
    CONTROL_MODES: Mapping[str, str] = _setting(MappingProxyType({}), rules.modes)
    MAX_CONSECUTIVE_FAILURES: int = _setting(100, rules.whole_number(1, 1000))
    UNVERIFIED_BUDGET: Mapping[str, Any] | None = _setting(
        None, rules.or_none(rules.figures(Budget))
    )
    CONVERSION_BREAKER: Mapping[str, Any] | None = _setting(
        None, rules.or_none(rules.figures(Breaker))
    )
    CHALLENGE: str | None = _setting(None, rules.or_none(rules.dotted_path))
    NUMBER_LOOKUP: str | None = _setting(None, rules.or_none(rules.dotted_path))
    REQUIRE_REQUEST_ID: bool = _setting(False, rules.true_or_false)
    SECRET_KEYS: Sequence[str | bytes] | None = _setting(
        None, rules.or_none(rules.secret_keys), shown=False
    )
    DEFAULT_REGION: str | None = _setting(None, rules.or_none(rules.region))
    ALLOWED_REGIONS: Collection[str] | None = _setting(None, rules.or_none(rules.regions))
    REFUSED_NUMBER_TYPES: Collection[str] = _setting(("UNKNOWN",), rules.number_types)
    MESSAGE: str = _setting(gettext_noop("Your code is {code}"), rules.message)
    SITE_NAME: str | None = _setting(None, rules.or_none(rules.text))
    ORIGIN: str | None = _setting(None, rules.or_none(rules.origin))
    CHANNELS: Mapping[str, str] = _setting(
        MappingProxyType({rules.SMS: DEFAULT_ALIAS}), rules.channels
    )
    DELIVERY: str = _setting("immediate", rules.one_of(*rules.DELIVERIES))
    DELIVERY_QUEUE: str | None = _setting(None, rules.or_none(rules.text))
    PUBLIC_URL: str | None = _setting(None, rules.or_none(rules.public_url))
    UNKNOWN_NUMBERS: str = _setting("register", rules.one_of(*UNKNOWN_NUMBERS_CHOICES))
    ALLOW_STAFF: bool = _setting(False, rules.true_or_false)
    USER_RESOLVER: str = _setting(
        "django_sms_otp.auth.users.VerifiedPhoneResolver", rules.dotted_path
    )
    USER_PHONE_FIELD: str | None = _setting(None, rules.or_none(rules.text))
    TOKEN_ISSUER: str = _setting(
        "django_sms_otp.auth.tokens.SimpleJWTIssuer", rules.dotted_path
    )
    TOKEN_SERIALIZER: str | None = _setting(None, rules.or_none(rules.dotted_path))
    TRUSTED_PROXY_COUNT: int = _setting(0, rules.whole_number(0, 10))
    STORE_IP_ADDRESS: bool = _setting(False, rules.true_or_false)
    DEVICE_COOKIE: str | None = _setting(None, rules.or_none(rules.text))
    RETENTION: timedelta = _setting(timedelta(days=30), rules.positive_duration)

    def rates(self, limit: str) -> tuple[Rate, ...]:
        """Return the rates of a limit; none where it is off."""
        text = self.LIMITS[limit]
        return () if text is None or self.mode(limit) == "off" else parse_rates(text)

    def mode(self, control: str) -> str:
        """Return ``off``, ``record`` or ``enforce``."""
        return self.CONTROL_MODES.get(control, "enforce")

    @property
    def heeds_fraud_blocks(self) -> bool:
        """Whether a prefix is blocked that a gateway takes for a source of fraud.

        Not where messages leave during the request, and no breaker is wanted: verified numbers
        pass, and the time of the answer would tell which ones they are.
        """
        is_wanted = self.CONVERSION_BREAKER is not None or self.DELIVERY != "immediate"
        return is_wanted and self.mode("breaker") != "off"

    @property
    def default_channel(self) -> str:
        """The channel of who asks for none: ``sms``, or else the first that is offered."""
        return rules.SMS if rules.SMS in self.CHANNELS else next(iter(self.CHANNELS))

    @property
    def budget(self) -> Budget | None:
        """The figures of the unverified budget, or ``None`` where it is off."""
        is_on = self.UNVERIFIED_BUDGET is not None and self.mode("budget") != "off"
        return Budget(**(self.UNVERIFIED_BUDGET or {})) if is_on else None

    @property
    def breaker(self) -> Breaker | None:
        """The figures of the conversion breaker, or ``None`` where it is off."""
        is_on = self.CONVERSION_BREAKER is not None and self.mode("breaker") != "off"
        return Breaker(**(self.CONVERSION_BREAKER or {})) if is_on else None


_cache: tuple[Any, Settings] | None = None


def get_settings() -> Settings:
    """Return the settings in force.

    :raises InvalidSettings: an unknown key, or a value that its key does not take.
    """
    global _cache
    try:
        raw = _of_site("SMS_OTP")
    except AttributeError:
        raw = {}
    # Compared by value, with a copy: an override is another dict, a change in place another
    # content. Both are seen, and neither costs a validation per request.
    if _cache is None or _cache[0] != raw:
        built = _build(raw)
        _cache = (copy.deepcopy(raw), built)
    return _cache[1]


def _of_site(name: str) -> Any:
    """Return a setting of Django's.

    :raises AttributeError: the site has none of that name.
    """
    try:
        # What was read before is an attribute of the object itself. Django's own way to it is a
        # method in Python, which takes ten times as long, and a login reads sixty settings.
        return object.__getattribute__(django_settings, name)
    except AttributeError:
        return getattr(django_settings, name)


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
        keys = [_of_site("SECRET_KEY"), *_of_site("SECRET_KEY_FALLBACKS")]
    return [key if isinstance(key, bytes) else key.encode() for key in keys]


def backend_aliases() -> list[str]:
    return list(_backends())


def backend_config(alias: str) -> tuple[str, dict[str, Any]]:
    """Return the dotted path and the options of a backend.

    :raises InvalidBackend: there is no such alias, or its entry is malformed.
    """
    backends = _backends()
    if alias not in _configs:
        _configs[alias] = _read_config(alias, backends)
    return _configs[alias]


def _read_config(alias: str, backends: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if alias not in backends:
        known = f" There are: {', '.join(map(str, backends))}."
        hint = did_you_mean(alias, backends) or known
        raise InvalidBackend(f"there is no such entry.{hint}", alias=alias)
    if len(str(alias)) > LONGEST_ALIAS:
        raise InvalidBackend(f"an alias has {LONGEST_ALIAS} characters at most.", alias=alias)
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


def _build(raw: Any) -> Settings:
    if not isinstance(raw, Mapping):
        raise InvalidSettings("SMS_OTP must be a dict.")
    known = {each.name: each.metadata["rule"] for each in fields(Settings)}
    for key, value in raw.items():
        if key not in known:
            hint = did_you_mean(key, known)
            raise InvalidSettings(f"SMS_OTP has no setting {key!r}.{hint}")
        if problem := known[key](value):
            raise InvalidSettings(_complaint(key, problem, value))
    limits = {**DEFAULT_LIMITS, **raw.get("LIMITS", {})}
    return Settings(**{**raw, "LIMITS": limits})


def _complaint(key: str, problem: str, value: Any) -> str:
    gap = "" if problem.startswith("[") else " "
    is_sentence = problem.endswith((".", "?"))
    # A secret is not shown, and a dict's entry has been.
    shown = "" if is_sentence or key == "SECRET_KEYS" else f", not {value!r}"
    return f"SMS_OTP[{key!r}]{gap}{problem}{shown}{'' if is_sentence else '.'}"


_known_backends: Mapping[str, Any] | None = None
_configs: dict[str, tuple[str, dict[str, Any]]] = {}
"""What has been read of ``_known_backends``."""


def _backends() -> Mapping[str, Any]:
    global _known_backends
    backends = DEFAULT_BACKENDS
    with suppress(AttributeError):
        backends = _of_site("SMS_OTP_BACKENDS")
    if backends != _known_backends:
        if not isinstance(backends, Mapping) or not backends:
            raise InvalidSettings(
                "SMS_OTP_BACKENDS must be a dict of backends by alias, with one called "
                '"default".'
            )
        _configs.clear()
        _known_backends = copy.deepcopy(dict(backends))
    return backends
