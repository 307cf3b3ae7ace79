"""Files that devices fetch from us and send to us, and what the house has to say about one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from acs.model import NO_SECRET, Secret

_LINK = re.compile(r"((?:/|%2F)(?:get|put)(?:(?:/|%2F)\d+){3}(?:/|%2F))[\w-]+", re.ASCII | re.I)
"""What our signed addresses look like (`acs.files.links`); what follows is the signature."""
FIRMWARE = "1 Firmware Upgrade Image"
STORED_FIRMWARE = "6 Stored Firmware Image"


def without_links(text: str) -> str:
    """Mask the signature of each of our signed addresses in ``text``: it is a permission."""
    return _LINK.sub(rf"\g<1>{NO_SECRET}", text)


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
    sha256: str = ""
    """Lower-case hex; empty: not known."""


@dataclass(frozen=True, slots=True)
class Refused:
    """There is nothing to offer: no such file, it does not fit the device, we serve no files."""

    reason: str
    """For people, with the way out where there is one."""


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """A file that devices may be given."""

    name: str
    file_type: str
    version: str
    """SoftwareVersion that a device with this image reports; empty for what has none."""
    size: int
    """Octets."""
    sha256: str
    """Lower-case hex; also its name in the folder."""
    fits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Patterns as in a shell, by field: a device must fit one pattern of each field."""
    note: str = ""
    added_at: float = 0.0
    added_by: str = ""

    @property
    def is_firmware(self) -> bool:
        """True for what could make a device useless."""
        return self.file_type in (FIRMWARE, STORED_FIRMWARE)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one device may put one file, once, with an account of its own."""

    username: str
    password: Secret
    device_id: int
    job_id: int
    file_type: str
    expires_at: float
    """Epoch seconds."""
    used: bool = False


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that a device sent."""

    id: int
    device_id: int
    job_id: int
    file_type: str
    size: int
    """Octets of what the device sent."""
    sha256: str
    """Of what the device sent; lower-case hex."""
    stored: str
    """Its name in the folder, where it is encrypted."""
    at: float
    """Epoch seconds."""
