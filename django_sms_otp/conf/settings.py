"""``SMS_OTP``: the policy of a site.

It is parsed once. Django's ``setting_changed`` signal clears the cache, so that
``override_settings`` works. An unknown key or a value of the wrong type raises an error that
says what to change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.functional import cached_property
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from ..exceptions import InvalidSettings
from ..limits.rates import Rate, parse_rates
from ..purposes import BUILT_IN, Purpose
from . import validators
from .backends import DEFAULT_ALIAS
from .choices import DEFAULT_LIMITS, DELIVERIES, SMS, UNKNOWN_NUMBERS_CHOICES
from .fixed_codes import code_today, test_numbers_problem
from .prices import currency_problem, prices_problem
from .validators import Validator

__all__ = ["Breaker", "Budget", "Settings", "get_settings", "load_class", "secret_keys"]

T = TypeVar("T")


def _setting(default: Any, validator: Validator, *, shown: bool = True) -> Any:
    # Python 3.11 takes a mappingproxy for a mutable default, which needs a factory.
    metadata = {"validator": validator}
    return field(default_factory=lambda: default, repr=shown, metadata=metadata)


def _optional(validator: Validator, *, shown: bool = True) -> Any:
    return _setting(None, validators.or_none(validator), shown=shown)


@dataclass(frozen=True, kw_only=True, eq=False)
class Budget:
    """How many messages to unverified numbers may be unredeemed at a time.

    A country and an IP address have a budget for a day and one for an hour. Each budget is the
    figure here, or a share of the redeemed codes if that is more. The figures are those of
    Authgear's fraud protection.
    """

    country_day: int = _setting(20, validators.whole_number(1, 10**6))
    country_hour: int = _setting(3, validators.whole_number(1, 10**6))
    ip_day: int = _setting(10, validators.whole_number(1, 10**6))
    ip_hour: int = _setting(5, validators.whole_number(1, 10**6))
    ip_countries: int = _setting(3, validators.whole_number(1, 300))
    share_day: float = _setting(0.3, validators.share)
    share_hour: float = _setting(0.2, validators.share)


@dataclass(frozen=True, kw_only=True, eq=False)
class Breaker:
    """Below which share of redeemed codes a country or a prefix gets no more messages.

    The share is that of one hour, of codes older than ``settle``. A healthy share is 60 to 80 %
    (Telnyx).
    """

    least: int = _setting(20, validators.whole_number(1, 10**6))
    alert_below: float = _setting(0.35, validators.share)
    block_below: float = _setting(0.20, validators.share)
    settle: timedelta = _setting(timedelta(minutes=5), validators.positive_duration)
    block_for: timedelta = _setting(timedelta(hours=12), validators.positive_duration)


@dataclass(frozen=True, kw_only=True, eq=False)
class Settings:
    """The keys of ``SMS_OTP`` with their defaults. ``docs/settings.md`` explains each."""

    CODE_LENGTH: int = _setting(6, validators.code_length)
    CODE_LIFETIME: timedelta = _setting(timedelta(hours=1), validators.positive_duration)
    MAX_ATTEMPTS: int = _setting(5, validators.max_attempts)
    COOLDOWN: Sequence[timedelta] = _setting(
        tuple(timedelta(seconds=each) for each in (30, 60, 120, 300, 900)), validators.durations
    )
    LIMITS: Mapping[str, str | None] = _setting(DEFAULT_LIMITS, validators.limits)
    RESERVED_SHARE: float = _setting(0.2, validators.share)
    LIMITS_CACHE: str | None = _optional(validators.text)
    CONTROL_MODES: Mapping[str, str] = _setting(MappingProxyType({}), validators.modes)
    MAX_CONSECUTIVE_FAILURES: int = _setting(100, validators.whole_number(1, 1000))
    UNVERIFIED_BUDGET: Mapping[str, Any] | None = _optional(validators.figures(Budget))
    CONVERSION_BREAKER: Mapping[str, Any] | None = _optional(validators.figures(Breaker))
    CHALLENGE: str | None = _optional(validators.dotted_path)
    NUMBER_LOOKUP: str | None = _optional(validators.dotted_path)
    REQUIRE_REQUEST_ID: bool = _setting(False, validators.true_or_false)
    SECRET_KEYS: Sequence[str | bytes] | None = _optional(validators.secret_keys, shown=False)
    DEFAULT_REGION: str | None = _optional(validators.region)
    ALLOWED_REGIONS: Collection[str] | None = _optional(validators.regions)
    REFUSED_NUMBER_TYPES: Collection[str] = _setting(("UNKNOWN",), validators.number_types)
    MESSAGE: str = _setting(gettext_noop("Your code is {code}"), validators.message)
    PURPOSES: Mapping[str, Mapping[str, Any]] = _setting(
        MappingProxyType({}), validators.purposes
    )
    SITE_NAME: str | None = _optional(validators.text)
    ORIGIN: str | None = _optional(validators.origin)
    CHANNELS: Mapping[str, str] = _setting(
        MappingProxyType({SMS: DEFAULT_ALIAS}), validators.channels
    )
    DELIVERY: str = _setting("immediate", validators.one_of(*DELIVERIES))
    DELIVERY_QUEUE: str | None = _optional(validators.text)
    PUBLIC_URL: str | None = _optional(validators.public_url)
    RECEIPTS_URL: str | None = _optional(validators.receipts_url)
    UNKNOWN_NUMBERS: str = _setting("register", validators.one_of(*UNKNOWN_NUMBERS_CHOICES))
    TEST_NUMBERS: Mapping[str, Mapping[str, Any]] = _setting(
        MappingProxyType({}), test_numbers_problem, shown=False
    )
    ALLOW_STAFF: bool = _setting(False, validators.true_or_false)
    STALE_AFTER: timedelta | None = _optional(validators.day_or_more)
    NUMBER_RISK: str | None = _optional(validators.dotted_path)
    USER_RESOLVER: str = _setting(
        "django_sms_otp.auth.users.VerifiedPhoneResolver", validators.dotted_path
    )
    USER_PHONE_FIELD: str | None = _optional(validators.text)
    NUMBER_TAKEN: str = _setting("move", validators.one_of("move", "refuse"))
    NOTIFY_OLD_NUMBER: bool = _setting(True, validators.true_or_false)
    NUMBERS_NEED_PROOF_BY: str = _setting("login", validators.one_of("login", "sms"))
    NUMBERS_NEED_PROOF_WITHIN: timedelta | None = _setting(
        timedelta(minutes=10), validators.or_none(validators.positive_duration)
    )
    GUARD_STAFF_NUMBERS: bool = _setting(False, validators.true_or_false)
    TOKEN_ISSUER: str = _setting(
        "django_sms_otp.auth.tokens.SimpleJWTIssuer", validators.dotted_path
    )
    TOKEN_SERIALIZER: str | None = _optional(validators.dotted_path)
    TRUSTED_PROXY_COUNT: int = _setting(0, validators.whole_number(0, 10))
    TRUSTED_ORIGINS: Sequence[str] | None = _optional(validators.origins)
    STORE_IP_ADDRESS: bool = _setting(False, validators.true_or_false)
    DEVICE_COOKIE: str | None = _optional(validators.text)
    PRICES: Mapping[str, Mapping[str, str | Decimal]] = _setting(
        MappingProxyType({}), prices_problem
    )
    CURRENCY: str = _setting("USD", currency_problem)
    RETENTION: timedelta = _setting(timedelta(days=30), validators.positive_duration)

    def rates(self, limit: str) -> tuple[Rate, ...]:
        """Return the rates of a limit: none if the limit is off."""
        text = self.LIMITS[limit]
        return () if text is None or self.mode(limit) == "off" else parse_rates(text)

    def mode(self, control: str) -> str:
        """Return ``off``, ``record`` or ``enforce``."""
        return self.CONTROL_MODES.get(control, "enforce")

    @cached_property
    def purposes(self) -> Mapping[str, Purpose]:
        """The declared purposes by name, with what all purposes share filled in."""
        shared = {
            "message": self.MESSAGE,
            "code_lifetime": self.CODE_LIFETIME,
            "code_length": self.CODE_LENGTH,
            "max_attempts": self.MAX_ATTEMPTS,
        }
        found: dict[str, Purpose] = {}
        for name in {**BUILT_IN, **self.PURPOSES}:
            own = {key.lower(): value for key, value in self.PURPOSES.get(name, {}).items()}
            found[name] = Purpose(name=name, **{**shared, **BUILT_IN.get(name, {}), **own})
        return MappingProxyType(found)

    @property
    def longest_code_lifetime(self) -> timedelta:
        return max(purpose.code_lifetime for purpose in self.purposes.values())

    def purpose(self, name: str) -> Purpose:
        """Return a declared purpose.

        :raises ValueError: there is none of this name.
        """
        if name not in self.purposes:
            hint = validators.did_you_mean(name, self.purposes)
            known = ", ".join(self.purposes)
            raise ValueError(
                f"There is no purpose {name!r}.{hint} Declare it in SMS_OTP['PURPOSES'], or "
                f"use one of: {known}."
            )
        return self.purposes[name]

    def test_code(self, e164: str) -> str | None:
        """Return the fixed code of a test number; ``None`` if it is no such number today."""
        return code_today(self.TEST_NUMBERS.get(e164))

    @property
    def heeds_fraud_blocks(self) -> bool:
        """Whether the app blocks a prefix that a gateway has blocked as fraud.

        False if messages leave during the request and the site has set no breaker: verified
        numbers pass a blocked prefix, and the time of the answer would reveal them.
        """
        is_wanted = self.CONVERSION_BREAKER is not None or self.DELIVERY != "immediate"
        return is_wanted and self.mode("breaker") != "off"

    def channel(self, name: str | None) -> str:
        """Return a channel of the site; ``None`` stands for the default one.

        :raises ValueError: ``CHANNELS`` lacks it.
        """
        if name is None:
            return self.default_channel
        if not isinstance(name, str) or name not in self.CHANNELS:
            known = ", ".join(self.CHANNELS)
            raise ValueError(f"SMS_OTP['CHANNELS'] has no {name!r}. It has: {known}.")
        return name

    @property
    def default_channel(self) -> str:
        """The channel of a request that names none: ``sms`` if offered, else the first one."""
        return SMS if SMS in self.CHANNELS else next(iter(self.CHANNELS))

    @property
    def budget(self) -> Budget | None:
        """The figures of the unverified budget; ``None`` if it is off."""
        is_on = self.UNVERIFIED_BUDGET is not None and self.mode("budget") != "off"
        return Budget(**(self.UNVERIFIED_BUDGET or {})) if is_on else None

    @property
    def breaker(self) -> Breaker | None:
        """The figures of the conversion breaker; ``None`` if it is off."""
        is_on = self.CONVERSION_BREAKER is not None and self.mode("breaker") != "off"
        return Breaker(**(self.CONVERSION_BREAKER or {})) if is_on else None


@cache
def get_settings() -> Settings:
    """Return the settings in force.

    :raises InvalidSettings: ``SMS_OTP`` has an unknown key or a wrong value.
    """
    raw = getattr(django_settings, "SMS_OTP", {})
    known = {each.name: each.metadata["validator"] for each in fields(Settings)}
    if problem := validators.entries("setting", known, "must be a dict.")(raw):
        raise InvalidSettings(f"SMS_OTP{validators.as_sentence(problem, raw)}")
    limits = {**DEFAULT_LIMITS, **raw.get("LIMITS", {})}
    return Settings(**{**raw, "LIMITS": limits})


def load_class(key: str, base: type[T]) -> type[T]:
    """Return the class that a setting names by its dotted path.

    :raises InvalidSettings: the path cannot be imported, or names no subclass of ``base``.
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
    """Return the keys of the site, newest first.

    The first one derives new codes. The others are for codes from before a key rotation.
    """
    keys = get_settings().SECRET_KEYS
    if keys is None:
        keys = [django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS]
    return [key if isinstance(key, bytes) else key.encode() for key in keys]


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "SMS_OTP":
        get_settings.cache_clear()


setting_changed.connect(_forget)
