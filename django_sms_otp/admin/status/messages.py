"""Whether a number gets a message now, and if not, why: cooldown, quotas, the last refusal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from ...conf import Settings
from ...controls.quotas import SHARED_CONTROLS
from ...limits.number import NumberState
from ...limits.rates import Entry
from ...limits.refusals import Refusals
from ..formatting import format_end, format_moment
from ..words import describe_control
from .base import Badge

__all__ = ["MessageStatus"]


class MessageStatus:
    """The messages of a number, held against today's settings.

    :param refusals: the newest refused requests.
    """

    def __init__(
        self, state: NumberState, refusals: Refusals, settings: Settings, now: datetime
    ) -> None:
        self.state, self.settings, self.now = state, settings, now
        self.refusals, self.refusal = refusals, refusals.last

    @property
    def badge(self) -> Badge | None:
        if self.number_free_at or self.network_free_at:
            return Badge.USED_UP
        if self.cooldown_ends_at:
            return Badge.COOLDOWN
        return Badge.REFUSED if self.refused_until else None

    @property
    def number_free_at(self) -> datetime | None:
        """When the quota of the number allows the next message; ``None``: now."""
        if self.settings.mode("phone") != "enforce":
            return None
        return self.state.quota_free_at(self.settings.rates("phone"), self.now)

    @property
    def network_free_at(self) -> datetime | None:
        """When the network with the longest wait gets the next message; ``None``: now."""
        if self.settings.mode("phone_ip") != "enforce":
            return None
        waits = (self._free_at(tag) for tag in self._networks())
        return max((wait for wait in waits if wait), default=None)

    @property
    def cooldown_ends_at(self) -> datetime | None:
        if self.settings.mode("cooldown") != "enforce":
            return None
        ends_at = self.state.next_send_at(self.settings.COOLDOWN)
        return ends_at if ends_at and ends_at > self.now else None

    @property
    def refused_until(self) -> datetime | None:
        """The end of a wait for a limit in another row that refused since the last message."""
        waits = [
            datetime.fromtimestamp(refusal.until, UTC)
            for refusal in self.refusals.entries
            if refusal.until is not None
            # Their counts stand in other rows: of these the refusals alone tell.
            and refusal.control in SHARED_CONTROLS
            and not self.state.has_sent_since(datetime.fromtimestamp(refusal.at + 1, UTC))
        ]
        return max((until for until in waits if until > self.now), default=None)

    def free_at(self) -> datetime | None:
        """When any network may ask for the next message; ``None``: now."""
        waits = (self.number_free_at, self.cooldown_ends_at, self.refused_until)
        return max((wait for wait in waits if wait), default=None)

    def busiest_network(self) -> list[Entry]:
        """Return the messages of the network that has to wait longest, or has most of them."""
        if not self.settings.rates("phone_ip"):
            return []
        networks = self._networks()
        waits = {tag: self._free_at(tag) or self.now for tag in networks}
        busiest = max(networks, key=lambda tag: (waits[tag], len(networks[tag])), default=None)
        return networks[busiest] if busiest is not None else []

    def last_refusal(self) -> Iterator[str]:
        """Yield when the last request was refused, by what, and until when."""
        if self.refusal is None:
            return
        at = format_moment(self.refusal.at, self.now)
        yield _("last refused %(time)s by %(control)s") % {
            "time": at,
            "control": self.refusal.control,
        }
        until = self.refusal.until
        if until and until > self.now.timestamp():
            yield _("free again at %(time)s") % {"time": format_end(until, self.now)}

    def last_refusal_in_words(self) -> str:
        if self.refusal is None:
            return ""
        at = format_moment(self.refusal.at, self.now)
        text = f"{at}, {describe_control(self.refusal.control)}"
        until = self.refusal.until
        if until and until > self.now.timestamp():
            free = _("free again at %(time)s") % {"time": format_end(until, self.now)}
            return f"{text}; {free}"
        return text

    def _networks(self) -> dict[str, list[Entry]]:
        """Return the messages of each network. An empty tag stands for an unknown address."""
        networks: dict[str, list[Entry]] = {}
        for send in self.state.sends:
            if send.network:
                networks.setdefault(send.network, []).append((send.at, 1))
        return networks

    def _free_at(self, tag: str) -> datetime | None:
        return self.state.quota_free_at(self.settings.rates("phone_ip"), self.now, tag=tag)
