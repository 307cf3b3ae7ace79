"""What a message transfer protocol (MTP) and the controller are to each other (TR-369, MTPs).

An edge (`acs.usp.mqtt`, `acs.usp.websocket`; STOMP would be a third) brings octets of records
with their `Origin`, and carries octets to a `Route`. It knows nothing of records: it never looks
into one. The controller knows nothing of topics and sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Mtp(StrEnum):
    """A message transfer protocol."""

    MQTT = "mqtt"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Route:
    """Where records for an agent go."""

    mtp: Mtp
    address: str
    """A topic; or the endpoint id whose WebSocket session it is."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from."""

    mtp: Mtp
    reply: Route | None
    """Where the answer goes, as the record itself told; None: it told nothing."""
    vouched: str = ""
    """Endpoint id that the transport vouches for (certificate, account, client id held by an
    ACL); empty: it vouches for none."""
    credential: str = "none"
    """How it vouches: ``certificate``, ``own``, ``bootstrap`` or ``none``, see `Contact`."""
    peer: str = ""
    """Network address, where known; else the topic."""
    problem: str = ""
    """Why its answer cannot be returned as it should, such as two MQTT versions on the way."""


class Verdict(StrEnum):
    """What became of the octets an edge brought."""

    TAKEN = "taken"
    IGNORED = "ignored"
    """Not for us, or from somebody it may not be from: counted and dropped."""
    UNDECODABLE = "undecodable"
    """No record at all: a WebSocket session is closed with 1003 (R-WS.16)."""


class Receiver(Protocol):
    """The controller, as an edge sees it. Everything is called on the reactor's thread."""

    def record(self, octets: bytes, origin: Origin) -> Verdict:
        """Take the octets of one record. Never raises for what is in them."""

    def present(self, endpoint: str, mtp: Mtp, evidence: str, address: str = "") -> None:
        """The transport itself saw that the agent came (a session opened, a broker's word).

        ``address``: the network address it came from, where that is known.
        """

    def absent(self, endpoint: str, mtp: Mtp, evidence: str) -> None:
        """The transport itself saw that the agent went."""

    def link_down(self, mtp: Mtp, why: str) -> None:
        """We can reach nobody over this MTP: the broker is away. Presence becomes unknown."""

    def link_up(self, mtp: Mtp) -> None:
        """We can reach agents over this MTP (again)."""


class Sender(Protocol):
    """An edge, as the controller sees it."""

    def send(self, route: Route, octets: bytes) -> bool:
        """Carry one record; False: there is no way to ``route`` now."""

    def drop(self, route: Route, why: str) -> None:
        """End the transport session of one agent, where the transport has such a thing."""
