"""Signed addresses of files: for one device, one job, one file, and a while.

    /get/17/301/1790003600/gO5-…32 characters…/XX230v_1.2.bin

A device has no account on the file server; who holds the address may use it (TR-069 A.3.2.8 bounds
a URL to 256 characters).  The signature is an HMAC-SHA-256 over everything else, cut to 192 bits.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

LONGEST_URL = 256
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z")
"""Names that need no escaping anywhere and lead out of no directory."""

_SIGNATURE_OCTETS = 24
_PATH = re.compile(
    r"/(?P<purpose>get|put)/(?P<device>\d{1,18})/(?P<job>\d{1,18})/(?P<expires>\d{1,12})"
    r"/(?P<signature>[A-Za-z0-9_-]{32})/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,79})\Z",
    re.ASCII,
)


class Purpose(StrEnum):
    """What an address is good for."""

    GET = "get"
    PUT = "put"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a signed address says."""

    purpose: Purpose
    device_id: int
    job_id: int
    expires: int
    """Epoch seconds."""
    name: str
    """Of the file; matches `NAME`."""


class Links:
    """Signs and reads addresses with one key, which every process of the server has."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Take the key, 16 octets or more. Raises ValueError for a shorter one."""
        if len(key) < 16:
            raise ValueError("the key of links needs at least 16 octets")
        self._key = key

    def path(self, ticket: Ticket) -> str:
        """The path of an address. Raises ValueError for a name that `NAME` does not take."""
        if not NAME.match(ticket.name):
            raise ValueError(f"{ticket.name!r} is no name of a file")
        before = f"/{ticket.purpose}/{ticket.device_id}/{ticket.job_id}/{ticket.expires}"
        return f"{before}/{self._sign(before, ticket.name)}/{ticket.name}"

    def read(self, target: str, now: float) -> Ticket | None:
        """Read the target of a request: a path, or an absolute URL, before which may stand more.

        None for one that we did not sign, or whose time has passed; ``now`` in epoch seconds.
        """
        found = _PATH.search(target.partition("?")[0])
        if found is None:
            return None
        before = target[found.start() : found.start("signature") - 1]
        signature = self._sign(before, found["name"])
        if not hmac.compare_digest(signature, found["signature"]):
            return None
        if now >= int(found["expires"]):
            return None
        return Ticket(
            Purpose(found["purpose"]),
            int(found["device"]),
            int(found["job"]),
            int(found["expires"]),
            found["name"],
        )

    def _sign(self, before: str, name: str) -> str:
        octets = hmac.digest(self._key, f"{before}/{name}".encode("ascii"), sha256)
        return base64.urlsafe_b64encode(octets[:_SIGNATURE_OCTETS]).decode("ascii")
