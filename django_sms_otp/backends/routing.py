"""Hands a message to a backend by its region and channel."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..exceptions import InvalidBackend
from .base import SendResult, SMSMessage
from .composite.base import CompositeBackend
from .composite.routes import Route, parse_routes
from .registry import get_backend


class SMSBackend(CompositeBackend):
    """Send by the first route that takes the number's region and the channel.

    A route with several backends picks one by chance, by their weights. As long as it has
    another one, it does not pick a backend whose circuit is open, or whose last message to this
    number did not arrive. A failed message is not tried again: name a failover for that. For
    the options of circuits see :class:`.composite.base.CompositeBackend`.

    :param routes: in order, each a dict of ``regions``, ``channels`` and ``aliases``. The last
        one takes all regions.
    """

    def __init__(
        self,
        *,
        alias: str,
        routes: Sequence[Mapping[str, Any]] = (),
        **options: Any,
    ) -> None:
        try:
            self._routes = parse_routes(routes)
        except ValueError as error:
            raise InvalidBackend(f"option 'routes' {error}.", alias=alias) from None
        super().__init__(
            alias=alias,
            targets=[target for route in self._routes for target in route.weights],
            **options,
        )
        # A channel counts only if it has a route in every region.
        everywhere = [_channels(route) for route in self._routes if route.regions is None]
        self.channels = frozenset().union(*everywhere)
        for number, route in enumerate(self._routes, start=1):
            self._check_channels(number, route)

    def send(self, message: SMSMessage) -> SendResult:
        """Send by the route that takes the message."""
        matching = (route for route in self._routes if _takes(route, message))
        route = next(matching, self._routes[-1])
        # The order of a draw by weight, without replacement.
        drawn = sorted(route.weights, key=lambda each: random.expovariate(route.weights[each]))
        return self._hand_on(message, next(self._turns(drawn, message)))

    def _check_channels(self, number: int, route: Route) -> None:
        for channel in route.channels or ():
            unable = [
                each for each in route.weights if channel not in get_backend(each).channels
            ]
            problem = f"has route {number} for {channel!r}, "
            if unable:
                self._expect("routes", f"{problem}which {unable[0]!r} cannot send")
            if channel not in self.channels:
                self._expect("routes", f"{problem}but none for it in all other regions")


def _takes(route: Route, message: SMSMessage) -> bool:
    is_there = route.regions is None or message.region in route.regions
    return is_there and message.channel in _channels(route)


def _channels(route: Route) -> Collection[str]:
    if route.channels is not None:
        return route.channels
    return frozenset().union(*(get_backend(alias).channels for alias in route.weights))
