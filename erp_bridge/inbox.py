"""Work off webhooks: read again what they name, and nothing else.

A webhook is a hint. It may come twice, late, in another order, or not at all, and its body is what
a document was. So hints of the same document are one reading, and what was read is what counts.

The flow awaits its house (`Desk`) and the site; it knows no reactor and no clock of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol

from acs.store.inbox import InboxRow, InboxState, Settled
from erp_bridge.errors import ErpNotFound, ErpRejected
from erp_bridge.source import Reread

BATCH = 500
"""Rows that are worked off together: their equipment is one list and one call for passwords."""
PAUSES = (5.0, 20.0, 80.0)
"""Seconds before a row that failed for a reason of its own is tried again; then it has failed."""
CLOCK_DOUBT = timedelta(hours=2)
"""Stamps of a site are its wall clock without an offset: it goes back an hour once a year."""
FURTHEST_EAST = timedelta(hours=14)
"""No wall clock is further ahead of UTC; a stamp that is was set by hand, or by a wrong clock."""


class Kind(Enum):
    """What a doctype is to us."""

    EQUIPMENT = "equipment"
    PLACE = "place"
    """Customer, location or subscription: what equipment has depends on it."""
    JOB = "job"
    """Work of a technician."""


class Desk(Protocol):
    """Where webhooks wait, and the mirror."""

    def waiting(self, limit: int, /) -> Awaitable[Sequence[InboxRow]]:
        """Return rows whose time has come."""

    def settle(self, settled: Sequence[Settled], /) -> Awaitable[None]:
        """Keep how rows ended."""

    def mirrored(self, names: Collection[str], /) -> Awaitable[Mapping[str, str]]:
        """Return ``modified`` of those of the named equipments that are mirrored, by name."""

    def concerned(self, doctype: str, names: Sequence[str], /) -> Awaitable[Collection[str]]:
        """Return names of equipment that depends on documents of ``doctype``. Raises `ErpError`."""


class Reader(Protocol):
    """Who reads equipment again and mirrors it: `erp_bridge.source.ErpSource`."""

    async def reread(self, names: Collection[str], /) -> Reread:
        """Read equipments anew."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What a round did, in rows: read, known already, put off, given up."""

    read: int = 0
    known: int = 0
    put_off: int = 0
    failed: int = 0

    def __bool__(self) -> bool:
        return bool(self.read or self.known or self.put_off or self.failed)


class InboxWorker:
    """Works off the inbox. ``kinds`` says what each doctype of the site is to us.

    ``jobs_changed`` is handed names of jobs; None: nobody wants to know. ``clock`` gives epoch
    seconds.
    """

    def __init__(
        self,
        desk: Desk,
        reader: Reader,
        *,
        kinds: Mapping[str, Kind],
        clock: Callable[[], float],
        jobs_changed: Callable[[Sequence[str]], Awaitable[None]] | None = None,
    ) -> None:
        self._desk = desk
        self._reader = reader
        self._kinds = kinds
        self._clock = clock
        self.jobs_changed = jobs_changed

    async def work(self) -> Worked:
        """Work off what waits, up to `BATCH` rows.

        Raises `ErpError` where the site does not answer, and the store's errors: the rows it is
        about wait as they were.
        """
        rows = await self._desk.waiting(BATCH)
        by_kind: dict[Kind | None, list[InboxRow]] = {}
        for row in rows:
            by_kind.setdefault(self._kinds.get(row.doctype), []).append(row)
        worked = [
            await self._foreign(by_kind.get(None, ())),
            await self._jobs(by_kind.get(Kind.JOB, ())),
            # Before places: a site may refuse us a doctype that these do not need.
            await self._equipment(by_kind.get(Kind.EQUIPMENT, ())),
            await self._places(by_kind.get(Kind.PLACE, ())),
        ]
        return _sum(worked)

    async def _foreign(self, rows: Sequence[InboxRow]) -> Worked:
        told = [
            Settled(row.id, InboxState.DONE, f"nothing here depends on {row.doctype}")
            for row in rows
        ]
        return await self._settle(told, known=len(told))

    async def _jobs(self, rows: Sequence[InboxRow]) -> Worked:
        if rows and self.jobs_changed is not None:
            await self.jobs_changed(list(dict.fromkeys(row.name for row in rows)))
        return await self._settle(_done(rows), read=len(rows))

    async def _equipment(self, rows: Sequence[InboxRow]) -> Worked:
        if not rows:
            return Worked()
        mirrored = await self._desk.mirrored({row.name for row in rows})
        latest = datetime.fromtimestamp(self._clock(), UTC).replace(tzinfo=None) + FURTHEST_EAST
        known = [
            row for row in rows if _is_overtaken(row.modified, mirrored.get(row.name, ""), latest)
        ]
        worked = await self._settle(_done(known), known=len(known))
        unread = [row for row in rows if row not in known]
        names = _names(unread)
        # A box may have the profile of the one whose place it took.
        try:
            others = await self._concerned(unread)
        except (ErpRejected, ErpNotFound):
            others = ()  # What the site refuses of which row shows when they are read.
        reasons = await self._reread(sorted(names.union(others)))
        return _sum([worked, await self._settle_read(unread, reasons)])

    async def _places(self, rows: Sequence[InboxRow]) -> Worked:
        worked = []
        for doctype in dict.fromkeys(row.doctype for row in rows):
            some = [row for row in rows if row.doctype == doctype]
            try:
                concerned = await self._concerned(some)
            except (ErpRejected, ErpNotFound) as error:
                # It is about this doctype: rows of others must not wait behind these for ever.
                worked.append(
                    await self._settle_read(some, dict.fromkeys(_names(some), str(error)))
                )
                continue
            # What of it cannot be read has other faults than this row: it is read at a contact.
            await self._reread(sorted(concerned))
            worked.append(await self._settle_read(some, {}))
        return _sum(worked)

    async def _concerned(self, rows: Sequence[InboxRow]) -> Collection[str]:
        """Name equipment that depends on the documents, all of one doctype, of ``rows``."""
        if not rows:
            return ()
        return await self._desk.concerned(rows[0].doctype, sorted({row.name for row in rows}))

    async def _reread(self, names: Sequence[str]) -> dict[str, str]:
        """Read equipments; return reasons why some could not be, by name.

        What a site refuses to list is asked for in halves, so that one name spoils no others.
        """
        if not names:
            return {}
        try:
            return dict((await self._reader.reread(names)).unreadable)
        except (ErpRejected, ErpNotFound) as error:
            if len(names) == 1:
                return {names[0]: str(error)}
        half = len(names) // 2
        return await self._reread(names[:half]) | await self._reread(names[half:])

    def _ended(self, row: InboxRow, reason: str) -> Settled:
        if not reason:
            return Settled(row.id, InboxState.DONE)
        if row.attempts >= len(PAUSES):
            return Settled(row.id, InboxState.FAILED, reason)
        return Settled(row.id, InboxState.WAITING, reason, self._clock() + PAUSES[row.attempts])

    async def _settle_read(self, rows: Sequence[InboxRow], reasons: Mapping[str, str]) -> Worked:
        """End rows whose documents were read, but for those with a reason why not, by name."""
        settled = [self._ended(row, reasons.get(row.name, "")) for row in rows]
        failed = sum(each.state is InboxState.FAILED for each in settled)
        put_off = sum(each.state is InboxState.WAITING for each in settled)
        read = len(settled) - failed - put_off
        return await self._settle(settled, read=read, put_off=put_off, failed=failed)

    async def _settle(self, settled: Sequence[Settled], **counts: int) -> Worked:
        if settled:
            await self._desk.settle(settled)
        return Worked(**counts)


def _names(rows: Iterable[InboxRow]) -> set[str]:
    return {row.name for row in rows}


def _done(rows: Iterable[InboxRow]) -> list[Settled]:
    return [Settled(row.id, InboxState.DONE) for row in rows]


def _sum(worked: Iterable[Worked]) -> Worked:
    total = Worked()
    for each in worked:
        total = Worked(
            total.read + each.read,
            total.known + each.known,
            total.put_off + each.put_off,
            total.failed + each.failed,
        )
    return total


def _is_overtaken(modified: str, mirrored: str, latest: datetime) -> bool:
    """Tell whether the mirror has a document as it was long after it was ``modified``.

    Where the site's clock leaves a doubt it has not. Nor where both are the same: what is deleted
    tells when it was last changed. A mirrored stamp later than ``latest`` says nothing: else all
    changes would be passed over until that day.
    """
    try:
        # Behind the stamp of the document the mirror may have those of others.
        has = datetime.fromisoformat(" ".join(mirrored.split()[:2]))
        return datetime.fromisoformat(modified) + CLOCK_DOUBT < has <= latest + CLOCK_DOUBT
    except ValueError:
        return False
