"""What is to be written to a business system, as it waits in the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OutgoingState(StrEnum):
    """Life of a row of the outbox."""

    WAITING = "waiting"
    """To be written when it is due."""
    DOUBTED = "doubted"
    """Was sent, and nobody knows whether it was saved: to be read back first."""
    DONE = "done"
    """Written; the row is kept to know what was."""
    DEAD = "dead"
    """Refused: a person has to look at it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One row. Times are epoch seconds, 0: never."""

    key: str
    """Says what it is about, so that what is newer takes its place: ``equipment/EQ-1/facts``."""
    kind: str
    doctype: str
    """Doctype and name it is about, which need not be those it is written to."""
    name: str
    body: bytes
    """What is to be written, in the form of its kind."""
    state: OutgoingState = OutgoingState.WAITING
    attempts: int = 0
    created_at: float = 0.0
    changed_at: float = 0.0
    """When the body was put; no two bodies of a row have the same."""
    next_at: float = 0.0
    ended_at: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingSettled:
    """What became of an attempt at the body of ``changed_at``; a newer one is not touched."""

    key: str
    changed_at: float
    state: OutgoingState
    error: str = ""
    next_at: float = 0.0
    tried: bool = True
    """False: it was not even sent."""
