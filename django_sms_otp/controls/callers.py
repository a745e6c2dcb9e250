"""The caller of a request, as limits see it: a network and perhaps a device."""

from __future__ import annotations

from dataclasses import dataclass

from ..conf import secret_keys
from ..crypto import digest
from ..limits.addresses import network_of

__all__ = ["Caller"]

TAG_LABEL = b"django_sms_otp.caller"
TAG_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The client behind a request.

    :param network: an IPv4 address, or the /64 of an IPv6 address; empty if it is unknown.
    :param device: an opaque text that the site gave to the caller's device, such as a cookie.
    """

    network: str = ""
    device: str = ""

    @classmethod
    def of(cls, ip_address: str | None, device: str | None) -> Caller:
        """Return the caller with this address and device.

        :raises ValueError: ``ip_address`` is not an IP address.
        """
        network = network_of(ip_address) if ip_address else ""
        return cls(network=network, device=device or "")

    def network_tag(self, e164: str) -> str:
        """Return the tag of the network in a number's row; empty if it is unknown."""
        return _tag("network", self.network, e164) if self.network else ""

    def device_tag(self, e164: str) -> str:
        """Return the tag of the device in a number's row; empty if it is unknown."""
        return _tag("device", self.device, e164) if self.device else ""

    def tags(self, e164: str) -> tuple[str, ...]:
        """Return the tags that are known: of the network, then of the device."""
        return tuple(filter(None, (self.network_tag(e164), self.device_tag(e164))))


def _tag(kind: str, name: str, e164: str) -> str:
    # The tag is keyed and bound to the number. So a leaked table does not tell from which
    # network a number was used, nor which numbers share a network.
    text = "\0".join((kind, name, e164)).encode()
    return digest(secret_keys()[0], TAG_LABEL, text)[:TAG_BYTES].hex()
