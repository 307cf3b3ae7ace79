"""Waking devices: connection requests over HTTP and through a NAT (TR-069 3.2.2, Annex G).

`allowed` is the guard before everything, `HttpCaller` and `StunServer` are the edges; all else
takes and returns values.
"""

from acs.cwmp.wakeup.http_edge import HttpCaller
from acs.cwmp.wakeup.target import Refused, Target, allowed, allowed_datagram

__all__ = ["HttpCaller", "Refused", "Target", "allowed", "allowed_datagram"]
