"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figures import AGENTS, STORM_UNITS


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; times in seconds."""

    rounds: int = 3
    seconds: float = 2.5
    """Of each round, for each of server and echo."""
    warm_up: float = 1.5
    units: int = 2000
    """Devices known to the store, so that none is back before its last visit is written."""
    connections: int = 64
    """Sessions at the same time."""
    open_sessions: int = 2000
    """That are held open; one of a device at most."""
    storm_units: int = STORM_UNITS
    storm_seconds: float = 120.0
    """Within which they arrive, as ONTs do whose street has its power back."""
    agents: int = AGENTS
    """Of USP."""
    agents_seconds: float = 60.0
    """Within which they boot."""
    underway: int = 256
    """Notifies that wait for their answer, at the same time."""
    processes: int = 1
    """Load processes."""
    homes: int = 60
    """Live devices whose customers' passwords are changed, and changes of a burst."""
    changes: int = 200
    """Changes one after the other; the devices take turns."""
    bursts: int = 3
    later: int = 20
    """Devices changed at once that apply what is written after the session, and are called again
    to prove it; 0: none, as that takes two minutes."""
    rows: int = 50_000
    """Equipments that are swept."""


FULL = Size()
QUICK = Size(
    rounds=1,
    seconds=0.3,
    warm_up=0.2,
    units=300,
    open_sessions=300,
    storm_units=100,
    storm_seconds=2.0,
    agents=100,
    agents_seconds=3.0,
    homes=4,
    changes=2,
    bursts=1,
    later=0,
    rows=500,
)
