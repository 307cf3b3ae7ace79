"""Files that devices fetch from us and send to us: what the house has to say about one."""

from __future__ import annotations

from dataclasses import dataclass

from acs.model import Secret


@dataclass(frozen=True, slots=True)
class Offer:
    """Where the device fetches or puts the file of a job; good for this device, for a while."""

    url: str
    """May hold a signature: it must not reach a log."""
    username: str
    """Empty: the URL itself is the permission."""
    password: Secret
    size: int
    """Octets; 0: not known, as of a file that is still to come."""
    target: str
    """Name for the file on the device, or empty."""
    file_type: str
    """As TR-069 A.3.2.8 and A.4.1.5 spell it: ``1 Firmware Upgrade Image``."""


@dataclass(frozen=True, slots=True)
class Refused:
    """There is nothing to offer: no such file, it does not fit the device, we serve no files."""

    reason: str
    """For people, with the way out where there is one."""
