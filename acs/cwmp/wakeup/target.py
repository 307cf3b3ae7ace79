"""Which address a connection request may go to: the guard against forged requests.

ConnectionRequestURL and UDPConnectionRequestAddress are words of the device. Without a guard a
device could have this server send requests to any host it reaches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MOST = 1024
"""Characters of a URL that is looked at; TR-069 lets it have 256."""
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)([^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]{0,5}))?")
_SPECIAL = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "::1/128",
            "fe80::/10",
            "ff00::/8",
        ),
    )
)
"""Addresses no customer's device has: this machine, this wire, many machines, none at all."""
_OWN = "{} is this machine itself, which devices are called on only where wakeup.networks names it"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a connection request may be sent: an address, never a name."""

    host: str
    """IP address without brackets."""
    port: int
    resource: str = "/"
    """Path and query to ask for."""

    @property
    def authority(self) -> str:
        """Host and port as HTTP wants them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing may be sent there."""

    reason: str
    """For people."""


def allowed(url: str, networks: Sequence[str], caller: str) -> Target | Refused:
    """Return what a ConnectionRequestURL leads to, if that may be called (TR-069 3.2.2).

    ``networks`` are those that may be called in, like ``100.64.0.0/10``; with none of them only
    ``caller`` may, the address the device called from (a port behind it is ignored).  Loopback,
    link-local, multicast and reserved addresses want a network that lies within those, or the
    caller itself; loopback always does, for behind a proxy on this machine every device seems to
    call from there.  Raises ValueError for a network that is none.
    """
    url = url.strip()
    if not url:
        return Refused("the device tells no address for connection requests")
    # What is not printable could smuggle a line into the request.
    if len(url) > _MOST or not url.isascii() or not url.isprintable() or " " in url:
        return Refused("its ConnectionRequestURL is no URL")
    parts = _URL.fullmatch(url.partition("#")[0])
    if parts is None:
        return Refused("its ConnectionRequestURL is no URL")
    scheme, authority, resource = parts.groups()
    if scheme.lower() != "http":
        return Refused("its ConnectionRequestURL is not of http")
    if "@" in authority:
        return Refused("its ConnectionRequestURL holds a user name")
    place = _place(authority)
    if isinstance(place, Refused):
        return place
    host, port = place
    if reason := _objection(host, networks, caller):
        return Refused(reason)
    if not resource.startswith("/"):
        resource = f"/{resource}"
    return Target(str(host), port, resource)


def allowed_datagram(address: str, networks: Sequence[str], caller: str) -> Target | Refused:
    """The same for ``host:port`` of a UDPConnectionRequestAddress or a binding (Annex G)."""
    if not address.strip():
        return Refused("the device tells no address for datagrams")
    place = _place(address.strip())
    if isinstance(place, Refused):
        return place
    host, port = place
    if reason := _objection(host, networks, caller):
        return Refused(reason)
    return Target(str(host), port)


def _place(authority: str) -> tuple[Address, int] | Refused:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return Refused("the address it tells is not host:port")
    bracketed, plain, port_text = parts.groups()
    host = _parsed(bracketed or plain or "")
    # Brackets are for IPv6 alone; a form of IPv4 in them was written IPv6, too.
    if host is None or (bracketed is not None) != (":" in (bracketed or plain)):
        return Refused("the address it tells is no IP address; names are not looked up")
    port = int(port_text) if port_text else 80
    if not 1 <= port <= 65535:
        return Refused("the address it tells has no possible port")
    return host, port


def _objection(host: Address, networks: Sequence[str], caller: str) -> str:
    """Say why a host may not be called; empty: it may."""
    if not networks:
        if host == _caller(caller):
            return _OWN.format(host) if host.is_loopback else ""
        return f"{host} is not the address it called from, and no networks are set up"
    within = [network for network in _parsed_networks(tuple(networks)) if host in network]
    if not within:
        return f"{host} is not in the networks that devices may be called in (wakeup.networks)"
    special = next((each for each in _SPECIAL if host in each), None)
    if special is None or any(_lies_in(net, special) for net in within):
        return ""
    if host.is_loopback:
        return _OWN.format(host)
    return "" if host == _caller(caller) else f"{host} is no address of a device"


def _lies_in(network: Network, other: Network) -> bool:
    return (
        network.version == other.version
        and network.network_address in other
        and network.prefixlen >= other.prefixlen
    )


def _caller(text: str) -> Address | None:
    """Read an address that may have a port behind it."""
    address = _parsed(text)
    if address is None and (parts := _AUTHORITY.fullmatch(text)):
        address = _parsed(parts[1] or parts[2] or "")
    return address


def _parsed(text: str) -> Address | None:
    """Read an IP address; one of IPv4 that is written in IPv6 is that of IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


@lru_cache(maxsize=16)
def _parsed_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)
