"""By which of its connections a device reaches us, as what it announces tells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from acs.model import Contact

_ADDRESS = re.compile(
    r"(Device\.IP\.Interface\.[0-9]+\.)IPv[46]Address\.[0-9]+\.IPAddress"
    r"|(InternetGatewayDevice\.WANDevice\.[0-9]+\.WANConnectionDevice\.[0-9]+\."
    r"WAN(?:PPP|IP)Connection\.[0-9]+\.)ExternalIPAddress"
)


def carrier_of(contact: Contact) -> str:
    """Return the path of the connection whose address the contact tells; empty: unknown.

    An Inform carries the address of the WAN it came by (TR-069 3.7.1.4, TR-098 and TR-181
    forced Inform parameters).  It must be that of the address connection requests go to, where
    one is told: a device that is reached elsewhere does not come by the connection it names.
    Where there are several, the address the contact came from tells too.
    """
    told: dict[str, set[str]] = {}
    for path, value in contact.values.items():
        if not path.endswith("IPAddress"):
            continue
        if (match := _ADDRESS.fullmatch(path)) and (address := _address(value.text)):
            told.setdefault(match[1] or match[2], set()).add(address)
    host = _address(_host(contact.told("ManagementServer.ConnectionRequestURL")))
    if host:
        return _only(path for path, addresses in told.items() if host in addresses)
    came_from = _address(contact.address)
    fitting = _only(path for path, addresses in told.items() if came_from in addresses)
    return fitting or _only(told)


def _only(paths: Iterable[str]) -> str:
    first, *more = [*paths, ""]
    return "" if len(more) > 1 else first


@lru_cache(maxsize=16_384)
def _address(text: str) -> str:
    """Return an address in its one spelling; empty when it is none that leads outside."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    inside = address.is_unspecified or address.is_loopback or address.is_link_local
    return "" if inside else str(address)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
