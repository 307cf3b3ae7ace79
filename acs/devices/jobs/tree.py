"""The job that reads all a device holds, or a part of it, in pieces it can bear.

Payload: ``path`` (an object; empty: everything) and ``names`` (true: ask for the names of its
model again as well).  What one session does not get through, the next one goes on with: until
all is there, the values wait in the result of the job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from acs.devices.discovery import learn_names
from acs.devices.effects import SaveTree
from acs.devices.jobs.kind import Kind, Result, failed
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.devices.vocabulary import Discovery
from acs.model import DataModel, Fault, SessionLost, Value, ValueType
from acs.profiles.reading import ABSENT

LEAVES = 300
"""Values that are asked for at once: some devices drop the connection over large answers."""
NAMES = 32
"""Paths that are asked for at once."""
READS = 100
"""Reads of one session; each may cost several requests where a device refuses."""
SHOWN = 50
"""Paths a result names that the device would not tell."""

Piece = list[str]
"""Paths that are read together."""


@dataclass(slots=True)
class _Progress:
    """How far the reading is."""

    pieces: list[Piece]
    """What is still to be read, the last one first."""
    began: float
    values: dict[str, Value] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Objects over which a session was lost: they are listed, and read in parts."""

    def kept(self) -> dict[str, object]:
        """The form it waits in for the next session."""
        return {
            "count": len(self.values),
            "remaining": self.pieces,
            "began": self.began,
            "values": {path: [value.text, value.type.value] for path, value in self.values.items()},
            "skipped": self.skipped,
            "broken": sorted(self.broken),
        }

    @classmethod
    def of(cls, kept: Mapping[str, object]) -> _Progress | None:
        """Read what `kept` made; None: nothing was read yet."""
        match kept:
            case {
                "remaining": list(pieces),
                "began": float(began),
                "values": dict(values),
                "skipped": list(skipped),
                "broken": list(broken),
            }:
                read = {path: Value(text, ValueType(kind)) for path, (text, kind) in values.items()}
                return cls(pieces, began, read, skipped, set(broken))
            case _:
                return None


async def _read_tree(ledger: Ledger, line: DataModel, job: Job) -> Result:
    path = str(job.payload.get("path", ""))
    top = path or ledger.device.root
    begun = _Progress.of(job.result)
    # Should the session be lost over the listing, the next one goes object by object.
    progress = begun or _Progress([[top]], ledger.house.now(), broken={top})
    try:
        if begun is None:
            if job.payload.get("names"):
                await learn_names(ledger, line, Discovery.WHOLE)
            pieces = await _pieces(line, top)
            if isinstance(pieces, Fault):
                return failed(pieces)
            progress = _Progress(pieces[::-1], progress.began)
        await _go_on(line, progress)
    except SessionLost as lost:
        # It is seen to here, so that what was read is not read again.
        attempts = job.attempts + 1
        more = attempts < ledger.house.policy.job_attempts
        state = JobState.QUEUED if more else JobState.FAILED
        kept = progress.kept() if more else {}
        ledger.save_job(job.id, state, attempts, {**kept, "error": f"session lost: {lost}"})
        raise
    if progress.pieces:
        ledger.save_job(job.id, JobState.QUEUED, job.attempts, progress.kept())
        return JobState.QUEUED, {}
    whole = "" if path == ledger.device.root else path
    ledger.learn(SaveTree(ledger.device.id, ledger.contact.at, progress.values, whole))
    count = len(progress.values)
    return JobState.DONE, {
        "path": top,
        "count": count,
        "seconds": round(max(ledger.house.now() - progress.began, 0.0), 1),
        "skipped": progress.skipped[:SHOWN],
        "text": f"{count} values",
    }


async def _go_on(line: DataModel, progress: _Progress) -> None:
    """Read until nothing is left, or the session has done its share."""
    pieces = progress.pieces
    for _ in range(READS):
        if not pieces:
            return
        piece = pieces[-1]
        if not progress.broken.isdisjoint(piece):
            answer: Mapping[str, Value] | None = None
        else:
            try:
                answer = await _get(line, piece, progress)
            except SessionLost:
                _break(progress)
                raise
        parts = [] if answer is not None else await _parts(line, piece)
        pieces.pop()
        if answer is not None:
            progress.values.update(answer)
        elif parts:
            pieces.extend(parts[::-1])
        else:
            progress.skipped.extend(piece)


async def _get(line: DataModel, piece: Piece, progress: _Progress) -> Mapping[str, Value] | None:
    """Read a piece; None: the device would not, and it is to be tried in parts."""
    answer = await line.get(*piece)
    if isinstance(answer, Fault):
        return None
    progress.skipped.extend(answer.missing)
    return answer.values


def _break(progress: _Progress) -> None:
    """Take the piece apart over which the session was lost."""
    piece = progress.pieces.pop()
    if len(piece) > 1:
        half = len(piece) // 2
        progress.pieces += [piece[half:], piece[:half]]
    else:
        progress.pieces.append(piece)
        progress.broken.update(piece)


async def _parts(line: DataModel, piece: Piece) -> list[Piece]:
    """Smaller pieces of what the device would not tell at once; none: it is as small as can be."""
    if len(piece) > 1:
        half = len(piece) // 2
        return [piece[:half], piece[half:]]
    if not piece[0].endswith("."):
        return []
    names = await line.list(piece[0], next_level=True)
    if isinstance(names, Fault):
        return []
    return _by_child(entry.path for entry in names.entries)


async def _pieces(line: DataModel, path: str) -> list[Piece] | Fault:
    """Say in which pieces to read what stands below ``path``."""
    if not path.endswith("."):
        return [[path]]
    everything = await line.list(path, next_level=False)
    if not isinstance(everything, Fault):
        leaves = [entry.path for entry in everything.entries if not entry.path.endswith(".")]
        return list(_together(_units(path, leaves)))
    if everything.code in ABSENT:
        return everything
    children = await line.list(path, next_level=True)
    if isinstance(children, Fault):
        return children
    return _by_child(entry.path for entry in children.entries)


def _by_child(paths: Iterable[str]) -> list[Piece]:
    """Each object by itself, after the leaves."""
    leaves: Piece = []
    objects: list[Piece] = []
    for path in paths:
        if path.endswith("."):
            objects.append([path])
        else:
            leaves.append(path)
    groups = [leaves[start : start + NAMES] for start in range(0, len(leaves), NAMES)]
    return [*groups, *objects]


def _units(base: str, leaves: list[str]) -> Iterator[tuple[str, int]]:
    """Yield objects that are small enough, and leaves of those that are not, with their sizes."""
    if len(leaves) <= LEAVES:
        if leaves:
            yield base, len(leaves)
        return
    children: dict[str, list[str]] = {}
    for leaf in leaves:
        head, dot, _ = leaf.removeprefix(base).partition(".")
        children.setdefault(base + head + dot, []).append(leaf)
    for child, below in children.items():
        if child.endswith("."):
            yield from _units(child, below)
        else:
            yield child, 1


def _together(units: Iterable[tuple[str, int]]) -> Iterator[Piece]:
    """Join neighbours to pieces that are still small enough."""
    piece: Piece = []
    size = 0
    for path, leaves in units:
        if piece and (size + leaves > LEAVES or len(piece) >= NAMES):
            yield piece
            piece, size = [], 0
        piece.append(path)
        size += leaves
    if piece:
        yield piece


# A lost session is seen to by the job itself, hence ``once``.
TREE = Kind(_read_tree, once=True)
