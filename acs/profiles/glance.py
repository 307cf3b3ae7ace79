"""A short look at a device that was found as wanted before, and gives a reason to look again.

A whole look lists tables, tells their rows apart and compares.  Once all was as wanted, the same
parameters holding the same values say so again, for one request: what a town's ONTs are asked
after a power cut.
"""

from __future__ import annotations

from acs.devices.record import Seen, Snapshot
from acs.model import DataModel, Fault
from acs.profiles.outcome import Outcome, OutcomeKind
from acs.profiles.proving import shows

_AS_WANTED = (OutcomeKind.IN_ORDER, OutcomeKind.PROVEN)


def seen_in(outcome: Outcome, *, at: float, under: str) -> Seen | None:
    """Return what a later glance may rely on; None when not all was as wanted.

    ``at``: epoch seconds.  ``under`` names all that decides where a device has what is wanted,
    its firmware above all: a glance under another name says nothing.
    """
    if outcome.kind not in _AS_WANTED or outcome.problems:
        return None
    values = outcome.snapshot.values
    compared = [c for c in (*outcome.plan.kept, *outcome.plan.writes) if not c.secret]
    if not all(shows(change, values) for change in compared):
        return None
    paths = tuple(change.path for change in compared)
    return Seen(at, under, paths) if paths else None


async def is_as_seen(device: DataModel, snapshot: Snapshot) -> bool:
    """Tell whether the device still holds what was seen of it. Raises `SessionLost`."""
    if snapshot.seen is None:
        return False
    answer = await device.get(*snapshot.seen.paths)
    return not isinstance(answer, Fault) and all(
        path in answer.values and answer.values[path] == snapshot.values.get(path)
        for path in snapshot.seen.paths
    )
