"""A short look at a device that was looked at before, and gives a reason to look again.

A whole look lists tables, tells their rows apart and compares.  What it was about can be read in
one request.  Where all of it is as it was, nothing is to be done: what a town's ONTs are asked
after a power cut.  Where wanted values differ but what tells their places does not, the whole look
would find the same places, and is spared.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.record import Seen, Snapshot
from acs.model import DataModel, Fault, Value
from acs.profiles.outcome import Outcome, OutcomeKind
from acs.profiles.proving import shows
from acs.profiles.reading import Reading

MOST_PATHS = 200
"""Parameters of one glance; a look that was about more has no grounds."""
_AS_WANTED = (OutcomeKind.IN_ORDER, OutcomeKind.PROVEN)


def seen_in(outcome: Outcome, *, at: float, under: str) -> Seen | None:
    """Return what a later glance may rely on; None when neither all was as wanted nor written.

    ``at``: epoch seconds.  ``under`` names all that decides where a device has what is wanted,
    its firmware above all: a glance under another name says nothing.
    """
    plan, values = outcome.plan, outcome.snapshot.values
    compared = [c for c in (*plan.kept, *plan.writes) if not c.secret]
    if outcome.kind in _AS_WANTED:
        met = all(shows(change, values) for change in compared)
    else:
        # Rows that are to be created have no path yet.
        met = outcome.kind is OutcomeKind.AWAITING and not plan.steps
    if outcome.problems or not met or not compared:
        return None
    paths = tuple(change.path for change in compared)
    few = len(paths) + len(outcome.grounds) <= MOST_PATHS
    return Seen(at, under, paths, outcome.grounds if few else None)


async def glance(device: DataModel, seen: Seen) -> Mapping[str, Value] | None:
    """Read what a look was about; None: some of it is there no more. Raises `SessionLost`."""
    asked = (*seen.paths, *(seen.grounds or ()))
    answer = await device.get(*asked)
    if isinstance(answer, Fault) or not all(path in answer.values for path in asked):
        return None
    return answer.values


def is_as_before(glanced: Mapping[str, Value], snapshot: Snapshot) -> bool:
    """Tell whether the device holds what it held."""
    return all(_is_same(value, snapshot.values.get(path)) for path, value in glanced.items())


def reading_of(glanced: Mapping[str, Value], snapshot: Snapshot) -> Reading | None:
    """Return what was glanced at as a reading to plan from; None: only a whole look will do."""
    seen = snapshot.seen
    if seen is None or seen.grounds is None:
        return None
    if not all(_is_same(glanced[path], snapshot.values.get(path)) for path in seen.grounds):
        return None
    asked = frozenset((*seen.paths, *seen.grounds))
    return Reading({path: glanced[path] for path in asked}, (), asked, {})


def _is_same(value: Value, before: Value | None) -> bool:
    # Over USP the type is ours to find, and may not have been known before.
    return before is not None and value.text == before.text
