"""By which of its connections a device reaches us, as what it announces tells."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from acs.model import Contact

_ADDRESS = re.compile(
    r"(Device\.IP\.Interface\.\d+\.)IPv[46]Address\.\d+\.IPAddress"
    r"|(InternetGatewayDevice\.WANDevice\.\d+\.WANConnectionDevice\.\d+\."
    r"WAN(?:PPP|IP)Connection\.\d+\.)ExternalIPAddress"
)
_NONE = ("", "0.0.0.0", "::")  # noqa: S104 - an address that is not there, nothing is bound


def carrier_of(contact: Contact) -> str:
    """Return the path of the connection whose address the contact tells; empty: unknown.

    An Inform carries the address of the WAN it came by (TR-069 3.7.1.4, TR-098 and TR-181
    forced Inform parameters).  Where there are several, it is that of the address connection
    requests go to, or that the contact came from.
    """
    told = {
        match[1] or match[2]: value.text
        for path, value in contact.values.items()
        if (match := _ADDRESS.fullmatch(path)) and value.text not in _NONE
    }
    if len(told) == 1:
        return next(iter(told))
    host = _host(contact.told("ManagementServer.ConnectionRequestURL"))
    for address in (host, contact.address):
        fitting = [path for path, text in told.items() if address and text == address]
        if len(fitting) == 1:
            return fitting[0]
    return ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
