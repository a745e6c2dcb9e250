"""Hands a message to a backend by where it goes."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.views.decorators.debug import sensitive_variables

from ..exceptions import InvalidBackend
from . import get_backend
from .base import SendResult, SMSMessage
from .composite.base import CompositeBackend, Turn
from .composite.routes import Route, parse_routes


class SMSBackend(CompositeBackend):
    """Send by the first route that takes the number's region and the channel.

    A route with several backends picks one by chance, by their weights. A backend whose circuit
    is open is not picked, nor one whose message to this number did not arrive, as long as the
    route has another one. What fails is not tried again: name a failover for that.

    :param routes: in order, each a dict of ``regions``, ``channels`` and ``aliases``. The last
        one takes all regions.
    :param failures: how many in a row open the circuit of a backend.
    :param open_for: seconds that it is passed over then.
    :param open_for_at_most: seconds; the time doubles with each try that fails.
    """

    def __init__(
        self,
        *,
        alias: str,
        routes: Sequence[Mapping[str, Any]] = (),
        failures: int = 5,
        open_for: float = 30.0,
        open_for_at_most: float = 300.0,
        **options: Any,
    ) -> None:
        try:
            self._routes = parse_routes(routes)
        except ValueError as error:
            raise InvalidBackend(f"option 'routes' {error}.", alias=alias) from None
        super().__init__(
            alias=alias,
            targets=[target for route in self._routes for target in route.weights],
            failures=failures,
            open_for=open_for,
            open_for_at_most=open_for_at_most,
            **options,
        )
        # What has no route in some region cannot be promised to anybody.
        everywhere = [_channels(route) for route in self._routes if route.regions is None]
        self.channels = frozenset().union(*everywhere)
        for number, route in enumerate(self._routes, start=1):
            self._check(number, route)

    @sensitive_variables("message")
    def send(self, message: SMSMessage) -> SendResult:
        """Send by the route that takes the message."""
        matching = (route for route in self._routes if _takes(route, message))
        route = next(matching, self._routes[-1])
        return self._hand_on(message, self._pick(route.weights, message))

    def _pick(self, weights: Mapping[str, float], message: SMSMessage) -> Turn:
        targets = self._able(weights, message)
        circuits = self._look_at(targets, message)
        avoided = [target for target in targets if self._is_avoided(target, message)]
        fresh = [target for target in targets if target not in avoided]
        for group in (fresh, avoided):
            left = list(group)
            while left:
                target = _by_weight(left, weights)
                if turn := self._turn(target, circuits):
                    return turn
                left.remove(target)
        # All circuits are open, and a person waits.
        return Turn(target=_by_weight(fresh or avoided, weights))

    def _check(self, number: int, route: Route) -> None:
        for channel in route.channels or ():
            unable = [
                each for each in route.weights if channel not in get_backend(each).channels
            ]
            if unable:
                raise self._invalid(
                    f"'routes' has route {number} for {channel!r}, "
                    f"which {unable[0]!r} cannot send"
                )
            if channel not in self.channels:
                raise self._invalid(
                    f"'routes' has route {number} for {channel!r}, "
                    "but none for it in all other regions"
                )


def _takes(route: Route, message: SMSMessage) -> bool:
    is_there = route.regions is None or message.region in route.regions
    return is_there and message.channel in _channels(route)


def _channels(route: Route) -> Collection[str]:
    if route.channels is not None:
        return route.channels
    return frozenset().union(*(get_backend(alias).channels for alias in route.weights))


def _by_weight(targets: Sequence[str], weights: Mapping[str, float]) -> str:
    chosen = [weights[target] for target in targets]
    return random.choices(targets, chosen)[0]  # noqa: S311  (no secret)
