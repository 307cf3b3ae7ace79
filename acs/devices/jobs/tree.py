"""The job that reads all a device holds, or a part of it, in pieces it can bear.

Payload: ``path`` (an object; empty: everything) and ``names`` (true: ask for the names of its
model again as well).  What one session does not get through, the next one goes on with: until
all is there, the values wait in the result of the job.

A device may list what it likes, so only names below what was asked count, and there is a bound on
everything that grows.
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
from acs.model import DataModel, Fault, Names, SessionLost, Value, ValueType

LEAVES = 300
"""Values that are asked for at once: some devices drop the connection over large answers."""
NAMES = 32
"""Paths that are asked for at once."""
READS = 100
"""Reads of one session; each may cost several requests where a device refuses."""
LOSSES = 20
"""Sessions that may be lost over one tree, even if each of them read something."""
MOST_READS = 3000
"""Reads of one tree."""
MOST_VALUES = 50_000
"""Values of one tree, and paths that wait to be read."""
MOST_OCTETS = 8 * 1024 * 1024
"""Characters of all paths and values of one tree."""
LONGEST_NAME = 256
"""Characters of a parameter's name (TR-069 A.3.2.1)."""
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
    reads: int = 0
    losses: int = 0

    @property
    def excess(self) -> bool:
        """True when the device tells more than a tree may hold, or never comes to an end."""
        return (
            self.reads > MOST_READS
            or max(len(self.values), len(self.pieces)) > MOST_VALUES
            or sum(len(path) + len(value.text) for path, value in self.values.items()) > MOST_OCTETS
        )

    def kept(self) -> dict[str, object]:
        """The form it waits in for the next session."""
        return {
            "count": len(self.values),
            "remaining": self.pieces,
            "began": self.began,
            "values": {path: [value.text, value.type.value] for path, value in self.values.items()},
            "skipped": self.skipped,
            "broken": sorted(self.broken),
            "reads": self.reads,
            "losses": self.losses,
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
                "reads": int(reads),
                "losses": int(losses),
            }:
                read = {path: Value(text, ValueType(kind)) for path, (text, kind) in values.items()}
                return cls(pieces, began, read, skipped, set(broken), reads, losses)
            case _:
                return None


async def _read_tree(ledger: Ledger, line: DataModel, job: Job) -> Result:
    path = str(job.payload.get("path", ""))
    top = path or ledger.device.root
    begun = _Progress.of(job.result)
    # Should the session be lost over the listing, the next one goes object by object.
    progress = begun or _Progress([[top]], ledger.house.now(), broken={top})
    before = progress.reads
    try:
        if begun is None:
            pieces = await _pieces(line, top)
            if isinstance(pieces, Fault):
                return failed(pieces)
            progress = _Progress(pieces[::-1], progress.began)
        await _go_on(line, progress)
        if job.payload.get("names") and not progress.pieces:
            how = Discovery.BY_LEVEL if progress.losses else Discovery.WHOLE
            await learn_names(ledger, line, how)
    except SessionLost as lost:
        # It is seen to here, so that what was read is not read again.
        _keep_lost(ledger, job, progress, lost, has_read=progress.reads > before)
        raise
    if progress.excess:
        return JobState.FAILED, {"error": _TOO_MUCH}
    if progress.pieces:
        ledger.save_job(job.id, JobState.QUEUED, job.attempts, progress.kept())
        return JobState.QUEUED, {}
    return _done(ledger, path, progress)


_TOO_MUCH = (
    f"the device tells more than {MOST_VALUES} values or {MOST_OCTETS >> 20} MB, or its objects "
    "have no end; ask for a part: acs device tree DEVICE PATH --refresh"
)


def _keep_lost(
    ledger: Ledger, job: Job, progress: _Progress, lost: SessionLost, *, has_read: bool
) -> None:
    """A session that read something was no attempt in vain: the next one asks for less."""
    progress.losses += 1
    attempts = job.attempts if has_read else job.attempts + 1
    more = attempts < ledger.house.policy.job_attempts and progress.losses < LOSSES
    state = JobState.QUEUED if more and not progress.excess else JobState.FAILED
    kept = progress.kept() if state is JobState.QUEUED else {}
    ledger.save_job(job.id, state, attempts, {**kept, "error": f"session lost: {lost}"})


def _done(ledger: Ledger, path: str, progress: _Progress) -> Result:
    root = ledger.device.root
    count, skipped = len(progress.values), progress.skipped
    untold = f"{len(skipped)} place{'s' if len(skipped) > 1 else ''} not told" if skipped else ""
    result: dict[str, object] = {
        "path": path or root,
        "count": count,
        "seconds": round(max(ledger.house.now() - progress.began, 0.0), 1),
        "skipped": skipped[:SHOWN],
    }
    whole = "" if path == root else path
    if not count and (skipped or not whole):
        error = ": ".join(filter(None, ("the device told no value", untold)))
        return JobState.FAILED, {**result, "error": error}
    ledger.learn(SaveTree(ledger.device.id, ledger.contact.at, progress.values, whole))
    return JobState.DONE, {**result, "text": ", ".join(filter(None, (f"{count} values", untold)))}


async def _go_on(line: DataModel, progress: _Progress) -> None:
    """Read until nothing is left, or the session has done its share."""
    pieces = progress.pieces
    for _ in range(READS):
        if not pieces or progress.excess:
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
        progress.reads += 1
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
    """Take the piece apart over which the session was lost, and others that are as large."""
    piece = progress.pieces[-1]
    if len(piece) > 1:
        size = -(-len(piece) // 4)
        progress.pieces = [part for each in progress.pieces for part in _split(each, size)]
    else:
        progress.broken.update(piece)


def _split(piece: Piece, size: int) -> Iterator[Piece]:
    """Yield parts of at most ``size`` paths, the last one first."""
    for start in reversed(range(0, len(piece), size)):
        yield piece[start : start + size]


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
    return _by_child(_below(piece[0], names))


async def _pieces(line: DataModel, path: str) -> list[Piece] | Fault:
    """Say in which pieces to read what stands below ``path``."""
    if not path.endswith("."):
        return [[path]]
    everything = await line.list(path, next_level=False)
    if not isinstance(everything, Fault):
        leaves = [name for name in _below(path, everything) if not name.endswith(".")]
        return list(_together(_units(path, leaves)))
    if everything.says_absent:
        return everything
    children = await line.list(path, next_level=True)
    if isinstance(children, Fault):
        return children
    return _by_child(_below(path, children))


def _below(path: str, names: Names) -> Iterable[str]:
    """Names that stand below the object that was listed: some devices name it among its own."""
    listed = dict.fromkeys(entry.path for entry in names.entries)
    return (name for name in listed if name != path and _is_sound(name, path))


def _is_sound(name: str, path: str) -> bool:
    return name.startswith(path) and ".." not in name and len(name) <= LONGEST_NAME


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


TREE = Kind(_read_tree)
