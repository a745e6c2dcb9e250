"""Who asks: an IP address and perhaps a device, as far as limits need to know them."""

from __future__ import annotations

from ..conf import secret_keys
from ..crypto import digest
from ..limits.addresses import network_of

__all__ = ["Caller"]

LABEL = b"django_sms_otp.controls.callers.tag"
TAG_BYTES = 8


class Caller:
    """
    :param network: an IPv4 address, or the /64 of an IPv6 address; empty where it is unknown.
    :param device: an opaque text that the site gave to the caller's device, such as a cookie.
    """

    __slots__ = ("_known", "device", "network")

    def __init__(self, *, network: str = "", device: str = "") -> None:
        self.network = network
        self.device = device
        self._known: dict[tuple[str, str], str] = {}

    @classmethod
    def of(cls, ip_address: str | None, device: str | None) -> Caller:
        """:raises ValueError: ``ip_address`` is none."""
        network = network_of(ip_address) if ip_address else ""
        return cls(network=network, device=device or "")

    def network_tag(self, e164: str) -> str:
        """Name the network in a number's row."""
        return self._tag("network", self.network, e164) if self.network else ""

    def tags(self, e164: str) -> tuple[str, ...]:
        """Name the network and the device in a number's row."""
        named = (("network", self.network), ("device", self.device))
        return tuple([self._tag(kind, name, e164) for kind, name in named if name])

    def _tag(self, kind: str, name: str, e164: str) -> str:
        if (kind, e164) not in self._known:
            # Keyed, and bound to the number: the table does not tell who was where, nor which
            # numbers were used from one place.
            text = "\0".join((kind, name, e164)).encode()
            tag = digest(secret_keys()[0], LABEL, text)[:TAG_BYTES]
            self._known[kind, e164] = tag.hex()
        return self._known[kind, e164]
