"""The networks that requests come from, of which nothing is kept but a keyed hash of the prefix."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

_PREFIX = {4: 24, 6: 48}


def prefix_of(address: str) -> str:
    """The network of an IP address: its /24, or its /48 of version 6. Whatever is no address is a network of its own,
    as that of a call from AWS's console.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "none"
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return str(ip_network((mapped, _PREFIX[mapped.version]), strict=False))
