"""Waking a device: which ways there are, and what honestly came of it, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How a device is asked to call."""

    NONE = ""
    HTTP = "http"
    """A connection request to its ConnectionRequestURL (TR-069 3.2.2)."""
    UDP = "udp"
    """A signed datagram through its NAT (TR-069 Annex G)."""
    USP = "usp"
    """Its agent is connected: asked at once."""


class WakeState(StrEnum):
    """Where the waking of a device stands; the last four are final."""

    WAITING = "waiting"
    """To be done, or to be done again at `Wake.next_at`."""
    SENT = "sent"
    """It was told to call (200, 204, or datagrams, which nobody answers)."""
    WOKEN = "woken"
    """It called after it was asked."""
    BUSY = "busy"
    """It answered 503, time and again."""
    UNREACHABLE = "unreachable"
    """No way leads to it, or nobody answers there: it is served at its next Inform."""
    REFUSED = "refused"
    """It does not believe that it is us, or its address is outside the allowed networks."""


@dataclass(frozen=True, slots=True)
class Wake:
    """The waking of one device. Times are epoch seconds, 0: never."""

    device_id: int
    reason: str
    state: WakeState = WakeState.WAITING
    way: Way = Way.NONE
    detail: str = ""
    """For people: what the device or the network said."""
    attempts: int = 0
    asked_at: float = 0.0
    sent_at: float = 0.0
    next_at: float = 0.0
    ended_at: float = 0.0


class Reply(StrEnum):
    """What came of one connection request."""

    ACCEPTED = "accepted"
    """200 or 204: it is about to call."""
    BUSY = "busy"
    """503."""
    UNAUTHORIZED = "unauthorized"
    """It does not take our user name and password."""
    FORBIDDEN = "forbidden"
    """Its address is not one that may be called; nothing was sent."""
    UNREACHABLE = "unreachable"
    """No connection, no answer in time, or one that makes no sense."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one connection request, with a sentence for people that holds no secret."""

    reply: Reply
    text: str = ""
