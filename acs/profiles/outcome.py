"""What is to be reached on a device, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from acs.devices.record import ProofLine, Snapshot
from acs.model import Fault, SessionLost
from acs.profiles.blueprint import Blueprint
from acs.profiles.intent import Intent, Problem
from acs.profiles.plan import Plan
from acs.profiles.reading import Reading

Keep = Callable[[Snapshot], Awaitable[None]]
"""Makes a snapshot durable."""


async def keep_nothing(snapshot: Snapshot) -> None:
    """Keep no snapshot: for a run whose device nobody will call again."""


def nothing_withheld(plan: Plan) -> str:
    """Every plan may be written."""
    return ""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be reached on one device, and what is known of it."""

    intent: Intent
    blueprint: Blueprint
    snapshot: Snapshot
    key: bytes
    """Seals secrets in digests."""
    fingerprint: str
    """`acs.profiles.fingerprint` of intent and blueprint."""
    reset: bool = False
    """The device was reset: what we know of it is void, everything is written again."""
    verifying: bool = False
    """A plan written earlier waits to be seen on the device."""
    heal: bool = True
    """Write what differs though it was proven before; False: only report it."""
    fresh: bool = True
    """It was not yet proven with this fingerprint: first time, changed intent, or a retry."""
    rewrite: bool = False
    """Write secrets again whatever was written before, on request."""
    withheld: Callable[[Plan], str] = nothing_withheld
    """Says of a plan why it may not be written; "": it may."""
    mark: bool = True
    """Leave a mark on the device, so that its loss tells of a reset."""
    max_changes: int = 200
    """A longer plan is not written: something is wrong with blueprint or device."""
    shows_all: bool = True
    """What the device does not show it does not have; False: our role may not see it."""
    missing: frozenset[str] = frozenset()
    """Optional names known to be absent on this model and firmware (`Outcome.missing`)."""
    carrier: str = ""
    """Path of the connection by which the device reaches us; empty: unknown."""
    change_carrier: bool = False
    """That connection may be moved to another VLAN or mode."""
    keep: Keep = keep_nothing
    """Called before each row that is created, so that the row is known though we are cut short."""
    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Rows, by the table's path, that it surely has: these tables need not be listed."""
    reading: Reading | None = None
    """What was read of the device already; None: it is to be read."""
    now: float = 0.0
    session: str = ""
    device_id: int = 0


class OutcomeKind(StrEnum):
    """How a run ended."""

    IN_ORDER = "in order"
    """Everything was as wanted; nothing written."""
    PROVEN = "proven"
    """Written and read back, now or, after an earlier session, now seen."""
    AWAITING = "awaiting"
    """Written; the next session must verify it."""
    DRIFTED = "drifted"
    """Differs from what is wanted; only reported."""
    PLANNED = "planned"
    """Differs from what is wanted, and nothing may be sent to it."""
    MISMATCH = "mismatch"
    """The device accepted it but holds something else."""
    FAILED = "failed"
    """Refused by the device, or by us before anything was sent."""
    NOTHING = "nothing"
    """Nothing is wanted of this device."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    kind: OutcomeKind
    text: str
    """One sentence for people."""
    plan: Plan
    snapshot: Snapshot
    """To be kept: what was read and written."""
    lines: tuple[ProofLine, ...] = ()
    fault: Fault | None = None
    missing: tuple[str, ...] = ()
    """Optional names the model does not have, to be kept for it and handed in next time."""
    marker: str = ""
    """The mark of this wish, when the device was seen to carry it; else empty."""
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Rows by the table's path, of tables it was asked to list."""
    grounds: tuple[str, ...] = ()
    """What was read and decided where things are; neither secret nor compared itself."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Wishes that cannot be met."""
        return self.plan.problems


class WriteLost(SessionLost):
    """The device went away while it was written: it holds the old values, or the new ones."""

    def __init__(self, reason: str, snapshot: Snapshot) -> None:
        super().__init__(reason)
        self.snapshot = snapshot
        """To be kept: secrets it took for certain, and rows created for a chain cut short."""
