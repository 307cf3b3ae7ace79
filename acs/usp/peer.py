"""One agent as the controller has it in memory: small, for there may be tens of thousands."""

from __future__ import annotations

from collections import OrderedDict

from acs.devices.agents import Agent, Presence, StoredNotify
from acs.devices.visit import Visit
from acs.model import Event
from acs.usp.conversation import Conversation
from acs.usp.mtp import Route
from acs.usp.session_context import SessionContext

REMEMBERED = 16
"""Message ids of Notifies that are remembered of one agent: it repeats one until it is answered."""
WAITING = 100
"""Notifies that may wait for a visit; what comes beyond is in the store all the same."""


class Peer:
    """What is known of an agent right now."""

    __slots__ = (
        "_seen",
        "address",
        "agent",
        "asked",
        "claimed",
        "context",
        "conversation",
        "credential",
        "deadline",
        "due",
        "endpoint",
        "failures",
        "notifies",
        "octets",
        "presence",
        "questioned",
        "rate",
        "reasons",
        "restarted",
        "route",
        "saved_at",
        "session",
        "started",
        "told",
        "version",
        "visit",
        "waiting",
    )

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.agent: Agent | None = None
        """Its row, once it is loaded."""
        self.route: Route | None = None
        """Where it was last reached."""
        self.credential = ""
        """How it last proved itself, see `Contact`; empty: we did not hear it yet."""
        self.address = ""
        """Network address it last came from, where that is known."""
        self.version = "1.0"
        """For records to it, until it is known what it speaks."""
        self.presence = Presence.UNKNOWN
        self.context: SessionContext | None = None
        """Its session context, if it uses one."""
        self.restarted = float("-inf")
        """When we last began another one, because one failed."""
        self.conversation: Conversation | None = None
        self.visit: Visit | None = None
        self.session = ""
        """Name of the visit in logs and on the timeline."""
        self.started = 0.0
        self.claimed = 0.0
        """When it was last said that we visit it, where several servers share agents."""
        self.deadline = float("inf")
        """When the open request counts as unanswered, by the reactor's clock."""
        self.waiting: list[StoredNotify] = []
        """Notifies to be acted on in the next visit."""
        self.told: tuple[StoredNotify, ...] = ()
        """Those that the visit under way was begun with."""
        self.asked: list[Event] = []
        """Other reasons for the next visit."""
        self.reasons: tuple[Event, ...] = ()
        """Those of the visit under way."""
        self.due = float("inf")
        """When the next visit may begin, by the reactor's clock."""
        self.failures = 0
        """Visits in a row that came to nothing."""
        self.saved_at = float("-inf")
        """When its row was last written for no more than having been seen."""
        self.notifies = 0
        """Of this minute, see `rate`."""
        self.questioned = 0
        """Records that waited for its row."""
        self.octets = 0
        """Of its records of this minute."""
        self.rate = float("-inf")
        self._seen: OrderedDict[str, bool] | None = None

    @property
    def is_away(self) -> bool:
        """Tell whether it went and nothing is under way with it: what counts is in the store."""
        return self.presence is Presence.OFFLINE and self.conversation is None

    def repeats(self, msg_id: str) -> bool | None:
        """None: a Notify with this id is new; False: it is being stored; True: it was answered."""
        return self._seen.get(msg_id) if self._seen else None

    def remember(self, msg_id: str, *, answered: bool) -> None:
        """Keep a message id; the oldest one is forgotten."""
        if self._seen is None:
            self._seen = OrderedDict()
        self._seen[msg_id] = answered
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def starts_anew(self) -> None:
        """It connected: after a restart there are agents that count their messages from one again.

        One that repeats what we answered before is served again; what is told twice is no news.
        """
        self._seen = None

    def forget(self, msg_id: str) -> None:
        """A Notify could not be stored: when it comes again it is new."""
        if self._seen is not None:
            self._seen.pop(msg_id, None)

    def ask(self, event: Event) -> None:
        """Give a reason for a visit, once of each kind: none of them has details."""
        if all(event.kind is not each.kind for each in self.asked):
            self.asked.append(event)
