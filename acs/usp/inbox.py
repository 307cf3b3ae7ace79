"""What agents report: stored, then answered, then acted on in a visit where that is called for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.python.failure import Failure

from acs.devices.agents import StoredNotify
from acs.devices.effects import SaveNotify
from acs.model import Event, EventKind
from acs.store.errors import StoreError
from acs.usp import announcement, messages
from acs.usp.keeping import Bounds, Keeping
from acs.usp.messages import Message, Notify, NotifyResp
from acs.usp.mtp import Origin
from acs.usp.peer import WAITING, Peer
from acs.usp.speaking import Speaker, Way
from acs.usp.visits import Visits
from acs.usp.watcher import UspWatcher

NOTIFY_DELAY = 0.05
"""Seconds after a Notify until a visit: what happened together is told one by one."""


class Inbox:
    """Takes Notifies: each is kept once, and answered as often as it comes."""

    def __init__(
        self,
        keeping: Keeping,
        visits: Visits,
        speaker: Speaker,
        watcher: UspWatcher,
        bounds: Bounds,
        now: Callable[[], float],
    ) -> None:
        """Take the parts. ``now``: seconds since the epoch."""
        self._keeping = keeping
        self._visits = visits
        self._speaker = speaker
        self._watcher = watcher
        self._bounds = bounds
        self._now = now

    def take(self, peer: Peer, msg_id: str, notify: Notify, way: Way, origin: Origin) -> None:
        """Take a Notify; it is answered by ``way`` once it is kept, if it wants an answer."""
        kind = type(notify.content).__name__
        known = peer.repeats(msg_id)
        self._watcher.notify(kind, again=known is not None)
        if known is not None:
            # R-MSG.4: answered again when it was answered; while it is stored the answer follows.
            if known:
                self._confirm(peer, msg_id, notify, way)
            return
        if not self._may_notify(peer):
            self._watcher.dropped("too many Notifies", peer.endpoint, origin)
            return
        if announcement.is_periodic(notify):
            peer.remember(msg_id, answered=True)
            self._confirm(peer, msg_id, notify, way)
            peer.ask(Event(EventKind.PERIODIC, text="Periodic!"))
            self._visits.soon(peer, NOTIFY_DELAY)
            return
        peer.remember(msg_id, answered=False)
        stored = announcement.stored(peer.endpoint, msg_id, self._now(), notify)
        if stored.path == announcement.BOOT and stored.kind == "Event":
            # What was asked of it before it restarted is not answered any more.
            self._visits.lost(peer, "it restarted")

        def kept(_: object) -> None:
            peer.remember(msg_id, answered=True)
            self._confirm(peer, msg_id, notify, way)
            if stored.waiting:
                if len(peer.waiting) < WAITING and not _is_among(peer.waiting, stored):
                    peer.waiting.append(stored)
                self._visits.soon(peer, NOTIFY_DELAY)

        def not_kept(failure: Failure) -> None:
            # It is not answered, so a well-made agent tells it again.
            peer.forget(msg_id)
            if not failure.check(StoreError):
                self._watcher.bug(f"a Notify of {peer.endpoint}", failure.value)

        self._keeping.commit((SaveNotify(stored),)).addCallbacks(kept, not_kept)

    def _may_notify(self, peer: Peer) -> bool:
        peer.notifies += 1
        return peer.notifies <= self._bounds.notifies_per_minute

    def _confirm(self, peer: Peer, msg_id: str, notify: Notify, way: Way) -> None:
        # R-NOT.6a: an OnBoardRequest is answered whatever it says.
        if notify.send_resp or isinstance(notify.content, messages.OnBoardRequest):
            response = NotifyResp(notify.subscription_id)
            self._speaker.say(peer, Message(msg_id, response), way)


def _is_among(waiting: list[StoredNotify], notify: StoredNotify) -> bool:
    """Tell whether it waits already: after a Connect record an agent may tell a thing again."""
    return any(replace(each, at=notify.at) == notify for each in waiting)
