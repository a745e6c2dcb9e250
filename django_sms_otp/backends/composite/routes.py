"""The routes of the routing backend, read from its option."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...conf.choices import CHANNELS
from ...conf.validators import is_region, positive_number

__all__ = ["Route", "parse_routes"]

KEYS = ("regions", "channels", "aliases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route.

    :param regions: the regions that it takes; ``None``: all.
    :param channels: the channels that it takes; ``None``: those of its backends.
    :param weights: the weights of its backends, by alias.
    """

    regions: Collection[str] | None
    channels: Collection[str] | None
    weights: Mapping[str, float]


def parse_routes(value: Any) -> list[Route]:
    """Read the option ``routes``.

    :raises ValueError: it is wrong; the text says what to change.
    """
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("must be a list of dicts, in order")
    routes: list[Route] = []
    for number, entry in enumerate(value, start=1):
        try:
            routes.append(_route(entry))
        except ValueError as error:
            raise ValueError(f"route {number} {error}") from None
    if routes[-1].regions is not None:
        raise ValueError('must end with a route for all other regions: "regions": None')
    for number, route in enumerate(routes[:-1], start=1):
        if route.regions is None and route.channels is None:
            raise ValueError(f"never gets past route {number}, which takes all messages")
    return routes


def _route(entry: Any) -> Route:
    if not isinstance(entry, Mapping) or "regions" not in entry:
        raise ValueError('must be a dict with "regions": a list, or None for all others')
    for key in entry:
        if key not in KEYS:
            raise ValueError(f"has no {key!r}, only {', '.join(map(repr, KEYS))}")
    return Route(
        regions=_names(
            entry["regions"],
            is_region,
            'has "regions" that are no list of two-letter regions, such as ["US"]',
        ),
        channels=_names(
            entry.get("channels"),
            lambda each: each in CHANNELS,
            f'has "channels" that are no list of {", ".join(map(repr, CHANNELS))}',
        ),
        weights=_weights(entry.get("aliases")),
    )


def _names(
    value: Any, is_known: Callable[[object], bool], problem: str
) -> Collection[str] | None:
    if value is None:
        return None
    is_list = isinstance(value, Collection) and not isinstance(value, str | Mapping)
    if is_list and value and all(map(is_known, value)):
        return frozenset(value)
    raise ValueError(problem)


def _weights(value: Any) -> Mapping[str, float]:
    if isinstance(value, str) and value:
        return {value: 1.0}
    if isinstance(value, Mapping) and value and not any(map(positive_number, value.values())):
        return dict(value)
    raise ValueError('must name "aliases": one, or a dict of weights such as {"a": 3, "b": 1}')
