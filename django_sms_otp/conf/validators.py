"""Validators of settings. Each says what is wrong with a value, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from datetime import timedelta
from math import inf
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from django.utils.functional import Promise

from ..limits.failures import MOST_KEPT
from ..limits.rates import parse_rates
from ..phone import SUPPORTED_REGIONS
from ..purposes import BUILT_IN, OWN_PLACEHOLDERS, is_name, is_template_name, placeholders
from .choices import (
    CHANNELS,
    CONTROLS,
    DEFAULT_LIMITS,
    MODES,
    NUMBERS_OWN,
    OPTIONAL_NUMBER_TYPES,
)

EXAMPLE: Mapping[str, Any] = MappingProxyType(
    {"code": "123456", "minutes": 10, "site": "example.com"}
)

Validator = Callable[[Any], str | None]
"""Returns the problem with a value, or ``None``."""


def did_you_mean(word: Any, known: Collection[str]) -> str:
    """Return a hint at the nearest known word, to append to an error, or ``""``."""
    matches = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def is_region(value: object) -> bool:
    """Tell whether ``value`` is a region that numbers have: ``"US"``, or ``"001"``."""
    return isinstance(value, str) and value in SUPPORTED_REGIONS


def whole_number(least: int, most: int) -> Validator:
    def validate(value: Any) -> str | None:
        is_whole = type(value) is int and least <= value <= most
        return None if is_whole else f"must be a whole number from {least} to {most}"

    return validate


def true_or_false(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be True or False"


def positive_duration(value: Any) -> str | None:
    if isinstance(value, timedelta) and value > timedelta(0):
        return None
    return "must be a positive datetime.timedelta, such as timedelta(minutes=10)"


def day_or_more(value: Any) -> str | None:
    if isinstance(value, timedelta) and value >= timedelta(days=1):
        return None
    return "must be a datetime.timedelta of at least a day, such as timedelta(days=365)"


def durations(value: Any) -> str | None:
    is_list = isinstance(value, list | tuple)
    if is_list and not any(positive_duration(item) for item in value):
        return None
    return "must be a list of positive datetime.timedelta; [] for no cooldown"


def text(value: Any) -> str | None:
    return None if isinstance(value, str | Promise) and str(value) else "must be a text"


def dotted_path(value: Any) -> str | None:
    if isinstance(value, str) and "." in value:
        return None
    return 'must be the dotted path of a class, such as "shop.phones.Resolver"'


def message(value: Any) -> str | None:
    return _message_problem(value, OWN_PLACEHOLDERS, "{code}, {minutes} and {site} in braces")


def message_with_context(value: Any) -> str | None:
    return _message_problem(value, None, "{code}, {minutes}, {site} and words in braces")


def _message_problem(value: Any, known: Collection[str] | None, names: str) -> str | None:
    """Return the problem with a message.

    :param known: what it may name; ``None`` for any word.
    """
    if problem := text(value):
        return problem
    if is_template_name(value):
        return None
    found = placeholders(value)
    if found is None or not (known is None or found <= {*known}):
        return f"may name {names}, and nothing else"
    try:
        rendered = str(value).format_map({**dict.fromkeys(found, "word"), **EXAMPLE})
    except (ValueError, TypeError):
        return f"may name {names}, and nothing else"
    return None if EXAMPLE["code"] in rendered else "must contain {code}"


def origin(value: Any) -> str | None:
    if problem := text(value):
        return problem
    host = str(value)
    if host.isascii() and not any(char.isspace() or char in ":/@#" for char in host):
        return None
    return 'must be a bare host name, such as "example.com": no scheme, port or path'


def origins(value: Any) -> str | None:
    is_list = isinstance(value, list | tuple)
    if is_list and all(isinstance(each, str) and _is_origin(each) for each in value):
        return None
    return 'must be a list of origins, such as ["https://example.com", "https://*.example.com"]'


def _is_origin(text: str) -> bool:
    scheme, _, host = text.partition("://")
    is_word = not any(char.isspace() or char in "/?#@" for char in host)
    return bool(scheme and host) and is_word and "*" not in host.removeprefix("*.")


def region(value: Any) -> str | None:
    return None if is_region(value) else 'must be a two-letter region, such as "US"'


def regions(value: Any) -> str | None:
    is_list = isinstance(value, Collection) and not isinstance(value, str)
    if is_list and value and all(map(is_region, value)):
        return None
    return 'must be a list of two-letter regions, such as ["US", "CA"], or None for all'


def secret_keys(value: Any) -> str | None:
    is_list = isinstance(value, list | tuple)
    if is_list and value and all(isinstance(item, str | bytes) and item for item in value):
        return None
    # A sentence: the value is not shown after it.
    return "must be a list of secret texts, newest first, or None for SECRET_KEY."


def entries(
    word: str, validators: Mapping[str, Validator], problem: str, *, may_be_empty: bool = True
) -> Validator:
    """Validate a dict with a validator for each of its possible keys.

    :param word: what a key is called, for errors.
    :param problem: what is wrong with another value.
    """

    def validate(value: Any) -> str | None:
        if not isinstance(value, Mapping) or not (value or may_be_empty):
            return problem
        for name, entry in value.items():
            if name not in validators:
                return f"has no {word} {name!r}.{did_you_mean(name, validators)}"
            if inner := validators[name](entry):
                return f"[{name!r}]{as_sentence(inner, entry)}"
        return None

    return validate


def as_sentence(problem: str, value: Any) -> str:
    """Return what to append to the name of a value. A sentence shows the value already."""
    gap = "" if problem.startswith("[") else " "
    is_sentence = problem.endswith((".", "?"))
    return f"{gap}{problem}" if is_sentence else f"{gap}{problem}, not {value!r}."


def rates(most: float) -> Validator:
    def validate(value: Any) -> str | None:
        try:
            found = parse_rates(value if isinstance(value, str) else "")
        except ValueError as error:
            return f"{error}; or None for no limit"
        is_too_much = any(rate.count > most for rate in found)
        return f"must allow at most {most} in a window" if is_too_much else None

    return or_none(validate)


def alias(value: Any) -> str | None:
    is_alias = isinstance(value, str) and value
    return None if is_alias else "must be an alias of SMS_OTP_BACKENDS"


def public_url(value: Any) -> str | None:
    problem = 'must be a scheme and a host, such as "https://example.com"'
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return problem  # An invalid port or IPv6 address.
    is_bare = parts.path in {"", "/"} and not (parts.query or parts.fragment)
    is_one_word = len(str(value).split()) == 1
    is_web = parts.scheme in {"http", "https"}
    return None if is_web and has_host and is_bare and is_one_word else problem


def receipts_url(value: Any) -> str | None:
    if isinstance(value, str) and "://" in value:
        scheme, _, rest = value.partition("://")
        host, _, path = rest.partition("/")
        is_plain = not set(path) & set("?# ")
        if is_plain and public_url(f"{scheme}://{host}") is None:
            return None
    elif dotted_path(value) is None:
        return None
    return (
        'must be an address, such as "https://example.com/eu/auth/sms/", or the dotted path '
        "of a function that returns it"
    )


def number_types(value: Any) -> str | None:
    is_list = isinstance(value, Collection) and not isinstance(value, str)
    if is_list and all(item in OPTIONAL_NUMBER_TYPES for item in value):
        return None
    return f"must be a list of {', '.join(map(repr, OPTIONAL_NUMBER_TYPES))}"


def figures(group: type[Any]) -> Validator:
    """Validate a dict of some fields of a dataclass by the validators of the fields."""
    return entries(
        "figure",
        {each.name: each.metadata["validator"] for each in fields(group)},
        "must be a dict of figures; {} for the defaults, None to switch it off",
    )


def share(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if is_number and 0 <= value <= 1 else "must be a number from 0 to 1"


def positive_number(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if is_number and 0 < value < inf else "must be a number above 0"


def one_of(*choices: str) -> Validator:
    def validate(value: Any) -> str | None:
        return None if value in choices else f"must be one of {', '.join(map(repr, choices))}"

    return validate


def or_none(validator: Validator) -> Validator:
    return lambda value: None if value is None else validator(value)


def purposes(value: Any) -> str | None:
    """Validate ``PURPOSES``: what differs from the settings of all purposes, by name."""
    if not isinstance(value, Mapping):
        return "must be a dict of dicts by purpose"
    for name, entry in value.items():
        if not is_name(name):
            return (
                f"has the purpose {name!r}. A name is 1 to 32 letters, digits or any of "
                "_ . : -, and not 'test'."
            )
        # The app asks for the codes of its own purposes, and gives no words to show.
        validator = message if name in BUILT_IN else message_with_context
        keys = {**PURPOSE_KEYS, "MESSAGE": validator}
        problem = entries("key", keys, "must be a dict such as {'CODE_LENGTH': 8}")(entry)
        if problem:
            return f"[{name!r}]{as_sentence(problem, entry)}"
    return None


code_length = whole_number(4, 10)
max_attempts = whole_number(1, 100)

PURPOSE_KEYS: Mapping[str, Validator] = MappingProxyType(
    {
        "CODE_LENGTH": code_length,
        "CODE_LIFETIME": positive_duration,
        "MAX_ATTEMPTS": max_attempts,
    }
)

limits = entries(
    "limit",
    {name: rates(MOST_KEPT if name in NUMBERS_OWN else inf) for name in DEFAULT_LIMITS},
    "must be a dict of rates",
)
modes = entries(
    "control",
    dict.fromkeys(CONTROLS, one_of(*MODES)),
    'must be a dict such as {"prefix": "record"}',
)
channels = entries(
    "channel",
    dict.fromkeys(CHANNELS, alias),
    'must be a dict of aliases by channel, such as {"sms": "default"}',
    may_be_empty=False,
)
