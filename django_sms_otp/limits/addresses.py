"""IP addresses: find the client of a request, and the network that shares a limit. No I/O."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["IPV6_PREFIX", "client_address", "network_of", "wider_network"]

Address = IPv4Address | IPv6Address

IPV6_PREFIX = 64
"""The least that a subscriber gets (RFC 6177). A subscriber has all 2^64 addresses in it."""

TRANSLATED_NETWORKS = [
    IPv6Network(network)
    for network in (
        "::/96",  # RFC 4291, 2.5.5.1: IPv4-compatible
        "::ffff:0:0:0/96",  # RFC 2765, 2.1: IPv4-translated
        "64:ff9b::/96",  # RFC 6052, 2.1: NAT64, seen by a server that has IPv6 alone
        "64:ff9b:1::/48",  # RFC 8215: the same with a prefix of the network's own
    )
]
"""The last 32 bits of these addresses are the IPv4 address of the client. Without them all
clients behind one translator would share a limit."""

UNEMBEDDED = 2
"""``::`` and ``::1`` are IPv4-compatible by their form, but mean no address and this host."""

PRIVATE_NETWORKS = [
    ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
        *("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10"),
        "100.64.0.0/10",  # RFC 6598. Load balancers of some clouds have such addresses.
        "fc00::/7",  # RFC 4193
    )
]


def client_address(
    remote_addr: str, forwarded_for: str, *, trusted_proxies: int
) -> Address | None:
    """Return the address that a request came from, or ``None`` if it is unknown.

    Each proxy appends the address of its caller to ``X-Forwarded-For``. Anybody can write the
    entries that stand before those of the trusted proxies.

    :param remote_addr: the peer of the connection (``REMOTE_ADDR``).
    :param forwarded_for: the value of ``X-Forwarded-For``; empty if there is none.
    :param trusted_proxies: the number of the site's proxies that a request passes.
    """
    entries = [entry for entry in forwarded_for.split(",") if entry.strip()]
    if entries and len(entries) >= trusted_proxies > 0:
        return _parse(entries[-trusted_proxies])
    address = _parse(remote_addr)
    # The settings and the header disagree. A private address may then belong to a proxy, and
    # all clients behind the proxy would share its limit.
    is_doubtful = bool(entries or trusted_proxies)
    return None if is_doubtful and address and _is_private(address) else address


def network_of(address: str) -> str:
    """Return the network that shares a limit: an IPv4 address, or the /64 of an IPv6 address.

    :raises ValueError: ``address`` is not an IP address.
    """
    parsed = _normalised(ip_address(address))
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))


def wider_network(network: str, prefix: int) -> str:
    """Return the IPv6 network of ``prefix`` bits around a /64; empty for an IPv4 address.

    :param network: what :func:`network_of` has returned.
    """
    if ":" not in network:
        return ""
    return str(IPv6Network(network).supernet(new_prefix=prefix))


def _parse(text: str) -> Address | None:
    """Read an IP address with or without a port and brackets."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return _normalised(ip_address(text))
    except ValueError:
        return None


def _is_private(address: Address) -> bool:
    return any(address in network for network in PRIVATE_NETWORKS)


def _normalised(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    # A zone (fe80::1%eth0, RFC 4007) names an interface of this machine, and Django's column
    # refuses it.
    return _embedded(address) or IPv6Address(int(address))


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address whose holder has this IPv6 address, if there is one.

    A socket for both versions writes 192.0.2.1 as ``::ffff:192.0.2.1``. By 6to4 (RFC 3056) the
    holder of one IPv4 address has 65,536 networks, by Teredo (RFC 4380) as many as it asks for.
    """
    if embedded := address.ipv4_mapped or address.sixtofour:
        return embedded
    if address.teredo:
        _server, client = address.teredo
        return client
    is_translated = any(address in network for network in TRANSLATED_NETWORKS)
    if is_translated and int(address) >= UNEMBEDDED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
