"""Which worker has a session with which device, so that a device has one session in all of them.

The name of the worker stands on a board under the device's key as long as its session lasts.
Whoever finds another's name there asks him to end his session first, as the later Inform wins
(TR-069 3.7.2.4).  A name of the dead is a name nobody answers to.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import cast, final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acs.model import Contact
from acs.server.workers.board import Board
from acs.server.workers.messages import Answer, GiveWay, Gone
from acs.server.workers.neighbours import NeighbourGone, Neighbours

YIELD_SECONDS = 5.0
"""For the other to end its session and to write what it learned."""


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
        """Take the device, and ask whoever has it to let go; see `Rivals.claim`."""
        key = contact.device.key
        self._held[key] += 1
        before = self._board.put(key.encode(), self._name)
        if not before or before == self._name:
            return None
        other = self._neighbours.named(before.decode())
        if other is None:
            return None
        short = replace(contact, values={})
        asked = other.ask(lambda number: GiveWay(number, short), YIELD_SECONDS)
        return asked.addCallbacks(self._settled, _nobody, callbackArgs=(key, before))

    def release(self, key: str) -> None:
        """A session with the device has ended, or did not begin."""
        self._held[key] -= 1
        if self._held[key] <= 0:
            del self._held[key]
            self._board.remove(key.encode(), self._name)

    def _settled(self, answer: Answer, key: str, before: bytes) -> bool:
        if cast(Gone, answer).yes:
            return True
        # It was his all the time.
        self._board.put(key.encode(), before)
        self._held[key] -= 1
        if self._held[key] <= 0:
            del self._held[key]
        return False


def _nobody(failure: Failure) -> bool:
    failure.trap(NeighbourGone)
    return True
