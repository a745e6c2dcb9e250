"""IP addresses: whose request it is, and which network shares a limit. Pure."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

__all__ = ["client_address", "network_of", "parse_address"]

Address = IPv4Address | IPv6Address

IPV6_PREFIX = 64
"""A subscriber's share of IPv6: whoever has one address has 2^64 of them (RFC 6177)."""

LONGEST = 64
"""Characters: an IPv6 address in full, with its zone, brackets and a port."""

PRIVATE = [
    ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
        *("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10"),
        "100.64.0.0/10",  # RFC 6598; load balancers of some clouds
        "fc00::/7",  # RFC 4193
    )
]


def client_address(
    remote_addr: str, forwarded_for: str, *, trusted_proxies: int
) -> Address | None:
    """Return the address that a request came from, or ``None`` where nobody can tell.

    Each proxy appends the address that it was called from to ``X-Forwarded-For``; all before
    the entries of the trusted ones is the caller's own text.

    :param remote_addr: the peer of the connection (``REMOTE_ADDR``).
    :param forwarded_for: the value of ``X-Forwarded-For``; empty where there is none.
    :param trusted_proxies: how many proxies of the site's own a request passes.
    """
    entries = [entry for entry in forwarded_for.split(",") if entry.strip()]
    if entries and len(entries) >= trusted_proxies > 0:
        return parse_address(entries[-trusted_proxies])
    address = parse_address(remote_addr)
    # Came in past a proxy. Or there are other proxies than the site has told us of, and their
    # address is everybody's.
    is_untold = bool(entries or trusted_proxies)
    return None if is_untold and address and _is_private(address) else address


def network_of(address: str) -> str:
    """Return what shares a limit: an IPv4 address, or the /64 of an IPv6 address.

    :raises ValueError: no IP address.
    """
    if len(address) > LONGEST:
        raise ValueError(f"{address[:LONGEST]!r} and more is no IP address.")
    return _network_of(address)


def parse_address(text: str) -> Address | None:
    """Read an entry of ``X-Forwarded-For``, with or without a port and brackets."""
    return _parse(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=1024)
def _network_of(address: str) -> str:
    parsed = _plain(ip_address(address))
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))


@lru_cache(maxsize=1024)
def _parse(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return _plain(ip_address(text))
    except ValueError:
        return None


def _is_private(address: Address) -> bool:
    return any(address in network for network in PRIVATE)


def _plain(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    # ::ffff:192.0.2.1 is 192.0.2.1 on a socket for both. A zone (fe80::1%eth0, RFC 4007) is
    # this machine's own name for an interface, and no column takes it.
    return address.ipv4_mapped or IPv6Address(int(address))
