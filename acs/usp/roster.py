"""All agents in memory: who there is, whether each can be reached, and what is new of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from acs.devices.agents import Presence
from acs.devices.effects import SaveAgent
from acs.store.errors import StoreError
from acs.usp.identity import PROOFS
from acs.usp.keeping import Bounds, Keeping
from acs.usp.mtp import Mtp, Origin
from acs.usp.peer import Peer
from acs.usp.watcher import UspWatcher

SAVE_SECONDS = 60.0
"""Least seconds between two writes of an agent's row for no more than having been seen."""
ROOM_SECONDS = 1.0
"""Least seconds between two looks for agents that may be forgotten: there are many to look at."""


class Roster:
    """Keeps the agents of one controller."""

    def __init__(
        self,
        keeping: Keeping,
        watcher: UspWatcher,
        bounds: Bounds,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        """Take the parts. ``clock``: seconds that only go on; ``now``: seconds since the epoch."""
        self.peers: dict[str, Peer] = {}
        """By endpoint id."""
        self._keeping = keeping
        self._watcher = watcher
        self._bounds = bounds
        self._clock = clock
        self._now = now
        self._roomy = float("-inf")
        """When it was last tried to make room for more agents."""

    def peer(self, endpoint: str) -> Peer | None:
        """The agent of this id, taken up where it is new; None: there is no room for more."""
        peer = self.peers.get(endpoint)
        if peer is None and (len(self.peers) < self._bounds.peers or self._make_room()):
            peer = self.peers[endpoint] = Peer(endpoint)
        return peer

    def _make_room(self) -> bool:
        """Forget who is away, but for what is stored: who makes up ids must not lock others out."""
        now = self._clock()
        if now - self._roomy < ROOM_SECONDS:
            return False
        self._roomy = now
        away = [name for name, peer in self.peers.items() if peer.is_away]
        for name in away:
            del self.peers[name]
        return bool(away)

    def seen(self, peer: Peer, origin: Origin, presence: Presence, evidence: str) -> None:
        """Keep that an agent came or went, and what told so."""
        changed = presence is not peer.presence
        peer.presence = presence
        told: dict[str, object] = {"presence": presence, "evidence": evidence[:200]}
        if changed:
            told["presence_at"] = self._now()
            self._watcher.present(peer.endpoint, presence, evidence)
        if presence is Presence.ONLINE:
            told["mtp"] = str(origin.mtp)
            if peer.credential in PROOFS:
                told["credential"] = peer.credential  # Less than that is weighed in a visit.
            if peer.route is not None and peer.route.mtp is Mtp.MQTT:
                told["reply_to"] = peer.route.address
        self.save(peer, **told)

    def save(self, peer: Peer, **changes: object) -> None:
        """Keep new values, and that it was seen."""
        peer.saved_at = self._clock()
        if peer.presence is Presence.ONLINE:
            changes["last_seen"] = self._now()
        self.see(peer, changes)

    def see(self, peer: Peer, changes: Mapping[str, object]) -> None:
        """Keep new values for fields of the agent's row, here and in the store."""
        if not changes:
            return
        if peer.agent is not None:
            for name, value in changes.items():
                setattr(peer.agent, name, value)
        try:
            self._keeping.post((SaveAgent(peer.endpoint, changes),))
        except StoreError as error:
            self._watcher.bug("the store", error)

    def heard(self, peer: Peer) -> None:
        """Keep, once in a while, that an agent which is known to be there was heard."""
        if self._clock() - peer.saved_at >= SAVE_SECONDS:
            self.save(peer)
