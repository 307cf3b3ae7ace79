"""Sessions that other processes on the same ports have with a device that calls here."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred

from acs.model import Contact


class Rivals(Protocol):
    """Keeps a device to one session, whichever process it is in (TR-069 3.7.2.4)."""

    def claim(self, contact: Contact) -> Deferred[bool] | None:
        """Take the device for a session that is about to begin here.

        None: nobody else has a session with it, go on. Else it fires once theirs has ended;
        with False when it stays, for the caller proves too little, and the claim is void.
        """

    def release(self, key: str) -> None:
        """A session with the device of this key, which was claimed, has ended or did not begin."""
