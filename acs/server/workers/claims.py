"""Which worker has a session with which device, so that a device has one session in all of them.

The name of the worker stands on a board under the device's key as long as its session lasts, and
no session begins before it stands there.  Whoever finds another's name asks him to end his session
first, as the later Inform wins (TR-069 3.7.2.4), and looks again: a third may have been quicker.
A name of the dead is a name nobody answers to.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import cast, final

from twisted.internet.defer import Deferred

from acs.model import Contact
from acs.server.workers.board import Board
from acs.server.workers.messages import GiveWay, Gone
from acs.server.workers.neighbours import NeighbourGone, Neighbours

YIELD_SECONDS = 5.0
"""For the other to end its session and to write what it learned."""
ROUNDS = 5
"""Others that are asked one after the other; a device that calls more of them at once waits."""


@final
class Claims:
    """Implements `acs.cwmp.rivals.Rivals` for one worker."""

    def __init__(self, name: str, board: Board, neighbours: Neighbours) -> None:
        self._name = name.encode()
        self._board = board
        self._neighbours = neighbours
        # While one session takes the place of another here, both have claimed the device.
        self._held: Counter[str] = Counter()

    def claim(self, contact: Contact) -> Deferred[bool] | None:
        """Take the device, once whoever has it has let go; see `Rivals.claim`."""
        holder = self._take(contact.device.key)
        return Deferred.fromCoroutine(self._ask(contact, holder)) if holder else None

    def release(self, key: str) -> None:
        """A session with the device has ended, or did not begin."""
        self._held[key] -= 1
        if self._held[key] <= 0:
            self.void(key)

    def void(self, key: str) -> None:
        """There is no session with the device here, whatever was said."""
        self._held.pop(key, None)
        self._board.remove(key.encode(), self._name)

    async def _ask(self, contact: Contact, holder: bytes) -> bool:
        short = replace(contact, values={})
        for _ in range(ROUNDS):
            gone = b""
            other = self._neighbours.named(holder.decode())
            if other is None:
                gone = holder
            else:
                try:
                    answer = await other.ask(lambda number: GiveWay(number, short), YIELD_SECONDS)
                except NeighbourGone:
                    gone = holder
                else:
                    if not cast(Gone, answer).yes:
                        return False
            holder = self._take(contact.device.key, gone)
            if not holder:
                return True
        return False

    def _take(self, key: str, gone: bytes = b"") -> bytes:
        """Write our name, over that of one who is ``gone``; returns who else has the device."""
        before = self._board.take(key.encode(), self._name, gone)
        if before not in (b"", self._name, gone):
            return before
        self._held[key] += 1
        return b""
