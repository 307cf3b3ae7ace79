"""Waking devices: connection requests over HTTP and through a NAT (TR-069 3.2.2, Annex G).

`allowed` and `allowed_datagram` are the guard before everything: what they make of the words of
a device is all that the edges, `HttpCaller` and `StunServer`, take. The rest takes and returns
values.
"""

from acs.cwmp.wakeup.bindings import Binding
from acs.cwmp.wakeup.http_edge import HttpCaller
from acs.cwmp.wakeup.target import Refused, Target, allowed, allowed_datagram
from acs.cwmp.wakeup.udp_edge import StunServer

__all__ = [
    "Binding",
    "HttpCaller",
    "Refused",
    "StunServer",
    "Target",
    "allowed",
    "allowed_datagram",
]
