"""Fill the mirror ahead, page by page, so that no device has to wait for ERPNext.

A sweep lists the equipment that changed since the one before, in the order of ``modified``, and
reads wishes and passwords of just the rows that the mirror has not as they are. Then it lists the
documents around that changed (subscriptions, and where wishes are linked to), and reads the
equipment that they concern. A full one lists all equipment, with what stands around it, and finds
out what is gone. Each page and the progress are kept together: a sweep that is cut goes on where
it was.

The flow awaits its house (`Shelf`), questions and rests; it knows no reactor and no clock of its
own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Protocol

from msgspec.structs import replace

from acs.devices.source import Mirrored, MirrorRow
from erp_bridge.asking import Asker
from erp_bridge.errors import ErpMisconfigured, ErpUnavailable
from erp_bridge.following import Around, Followed
from erp_bridge.forgetting import Forgetting
from erp_bridge.lookup import Listed, Lookup, Read, Unchanged, Unread
from erp_bridge.progress import (
    Cut,
    Progress,
    Rhythm,
    before,
    begun,
    doubted,
    ended,
    followed,
    passed,
)
from erp_bridge.swap import LEAVING

PAGE = 500
"""Rows of a page: one list, and one call for their passwords."""
LEAST_PAGE = 50
"""Rows of a page at least, where a site is slow."""


class Shelf(Protocol):
    """The mirror, and where the progress is kept."""

    def progress(self) -> Awaitable[Progress]:
        """Return what was kept last."""

    def known(self, names: Collection[str], /) -> Awaitable[Mapping[str, Mirrored]]:
        """Return those of the named equipments that the mirror has, by name."""

    def names_at(self, around: Around, /) -> Awaitable[Sequence[str]]:
        """Name the equipments of the mirror that any of these documents is linked to."""

    def keep(
        self,
        rows: Sequence[MirrorRow],
        stamps: Mapping[str, float],
        gone: Collection[str],
        progress: Progress,
        /,
    ) -> Awaitable[None]:
        """Store ``rows``, stamp others with when they were seen, forget those ``gone``.

        All of it and ``progress``, or nothing. The stamp 0 is for what is to be read again.
        """

    def unseen(self, before: float, after: str, limit: int, /) -> Awaitable[Sequence[str]]:
        """Name up to ``limit`` rows stamped earlier than ``before``, by name, from ``after`` on."""

    def size(self) -> Awaitable[int]:
        """Count the equipments in the mirror."""


class Sweeper:
    """Sweeps. ``clock_ahead`` says by how many seconds the site's clock was ahead of ours in its
    last answer; ``row`` makes a mirror row of what was read at a time, in a worker thread; ``rest``
    gives way to whoever waits for ERPNext; ``told`` hears the progress after each page."""

    def __init__(
        self,
        lookup: Lookup,
        shelf: Shelf,
        asker: Asker,
        forgetting: Forgetting,
        rhythm: Rhythm,
        *,
        mapping: str,
        time_zone: Callable[[], str],
        clock_ahead: Callable[[], float] = lambda: 0.0,
        row: Callable[[Read, float], MirrorRow],
        clock: Callable[[], float],
        rest: Callable[[], Awaitable[None]],
        told: Callable[[Progress], None] = lambda progress: None,
        page: int = PAGE,
    ) -> None:
        self._lookup = lookup
        self._shelf = shelf
        self._asker = asker
        self._forgetting = forgetting
        self._rhythm = rhythm
        self._mapping = mapping
        self._time_zone = time_zone
        self._clock_ahead = clock_ahead
        self._row = row
        self._clock = clock
        self._rest = rest
        self._told = told
        self._page = page
        self._seen: set[str] = set()
        """Names that this sweep has compared, with what stands around them."""

    async def sweep(self) -> Progress:
        """Begin a sweep, or go on with the one that was cut, until its end.

        Raises `ErpError` and the store's errors; what was kept until then stays.
        """
        zone = await self._asker.ask(self._time_zone)
        progress = begun(
            await self._shelf.progress(),
            self._clock(),
            self._rhythm,
            mapping=self._mapping,
            zone=zone,
            ahead=self._clock_ahead(),
        )
        cut = progress.cut
        assert cut is not None
        documents = await self._asker.ask(self._lookup.following.documents)
        if cut.full:
            # What changes from here on is followed by the next sweep.
            cut = await self._mark(cut, documents)
        self._seen.clear()
        more = True
        while more:
            await self._rest()
            cut, more = await self._pass_page(progress, cut)
        if cut.full:
            return await self._forget_unseen(progress, cut)
        for document in documents:
            cut = await self._follow(progress, cut, document)
        return await self._keep(ended(progress, cut, self._clock()))

    async def _pass_page(self, progress: Progress, cut: Cut) -> tuple[Cut, bool]:
        at, limit, after = self._clock(), self._page, cut.after
        try:
            listed = await self._asker.ask(lambda: self._lookup.page(after, limit))
        except ErpUnavailable:
            # The next try is for less: a slow site may manage that within the time-out.
            self._page = max(limit // 2, min(limit, LEAST_PAGE))
            raise
        places = [one.place for one in listed if one.place.modified]
        if len(listed) >= limit and (not places or places[-1] == after):
            raise ErpMisconfigured(
                "The list of equipment does not go on after a page",
                "See that all equipment has `modified`, and what stands between us and the site",
            )
        known = await self._shelf.known([one.place.name for one in listed])
        rows, stamps, unread = await self._read(listed, known, progress.mapped_at, at)
        if left := _left(listed, known):
            # Who comes in its stead may have its profile now, or no longer.
            names = await self._shelf.names_at(Around(locations=left))
            mine = {one.place.name for one in listed}
            others = [name for name in names if name not in mine]
            again, stamped, unreadable = await self._read_again(others, progress.mapped_at, at)
            rows, stamps, unread = [*rows, *again], stamps | stamped, unread + unreadable
        if not cut.full:
            self._seen |= {one.place.name for one in listed}
        gone = await self._allowed(
            one.place.name for one in listed if one.equipment is None and one.place.name in known
        )
        cut = passed(
            cut,
            places[-1] if places else None,
            listed=len(listed),
            changed=len(rows),
            unread=unread,
            gone=len(gone),
        )
        await self._keep(replace(progress, cut=cut), rows, stamps, gone)
        return cut, len(listed) >= limit

    async def _read(
        self, listed: Sequence[Listed], known: Mapping[str, Mirrored], mapped_at: float, at: float
    ) -> tuple[list[MirrorRow], dict[str, float], int]:
        """Read what differs from the mirror; return it, stamps of the rest, how much failed."""
        changed: list[Listed] = []
        stamps: dict[str, float] = {}
        for one in listed:
            if one.equipment is None:
                continue
            had = known.get(one.place.name)
            if had and had.equipment == one.equipment and had.fetched_at >= mapped_at:
                stamps[one.place.name] = at
            else:
                changed.append(one)
        if not changed:
            return [], stamps, 0

        def read() -> tuple[list[MirrorRow], list[str]]:
            results = self._lookup.read(changed)
            rows = [self._row(result, at) for result in results if isinstance(result, Read)]
            return rows, [one.equipment.name for one in results if isinstance(one, Unread)]

        rows, unread = await self._asker.ask(read)
        # No sweep lists these again once their reason is gone: a contact is to read them.
        stamps |= {name: 0.0 for name in unread if name in known}
        return rows, stamps, len(unread)

    # --- documents around -------------------------------------------------------------------

    async def _mark(self, cut: Cut, documents: Iterable[Followed]) -> Cut:
        """Note where the documents around stand, unless that was done before a cut."""
        for one in documents:
            if one.doctype not in cut.marks:
                newest = await self._asker.ask(partial(self._lookup.following.newest, one))
                cut = followed(cut, one.doctype, newest)
        return cut

    async def _follow(self, progress: Progress, cut: Cut, document: Followed) -> Cut:
        """Read the equipment again that documents concern which changed since the last sweep."""
        mark = cut.marks.get(document.doctype) or progress.marks.get(document.doctype, "")
        after, more = before(mark), True
        while more:
            await self._rest()
            at, limit = self._clock(), self._page
            page = await self._asker.ask(
                partial(self._lookup.following.page, document, after, limit)
            )
            more = page.count >= limit and page.last != after
            if page.last is None:
                break
            after = page.last
            names = await self._shelf.names_at(page.around) if page.around else ()
            # What changed since it was compared, the next sweep lists again: they overlap.
            others = [name for name in names if name not in self._seen]
            rows, stamps, unread = await self._read_again(others, progress.mapped_at, at)
            cut = followed(cut, document.doctype, max(after.modified, mark))
            cut = passed(cut, None, listed=0, changed=len(rows), unread=unread, gone=0)
            await self._keep(replace(progress, cut=cut), rows, stamps)
        return cut

    async def _read_again(
        self, names: Sequence[str], mapped_at: float, at: float
    ) -> tuple[list[MirrorRow], dict[str, float], int]:
        """Read equipment of the mirror again, what differs from it whole; as `_read` does."""
        rows: list[MirrorRow] = []
        stamps: dict[str, float] = {}
        unread = 0
        for start in range(0, len(names), self._page):
            some = names[start : start + self._page]
            known = {
                name: had.equipment.modified if had.fetched_at >= mapped_at else ""
                for name, had in (await self._shelf.known(some)).items()
            }
            for one in await self._asker.ask(partial(self._lookup.by_name, known)):
                match one:
                    case Read():
                        rows.append(self._row(one, at))
                    case Unchanged(name):
                        stamps[name] = at
                    case Unread(equipment):
                        stamps[equipment.name] = 0.0
                        unread += 1
        return rows, stamps, unread

    # --- what is gone -----------------------------------------------------------------------

    async def _allowed(self, names: Iterable[str]) -> list[str]:
        """Return ``names`` where so many may be forgotten, else none."""
        gone = list(names)
        if gone and not self._forgetting.allows(len(gone), await self._shelf.size()):
            return []
        return gone

    async def _forget_unseen(self, progress: Progress, cut: Cut) -> Progress:
        """End a full sweep: forget what it did not see, if that is little and truly gone."""
        mirrored = await self._shelf.size()
        if mirrored and not cut.listed:
            return await self._doubt(progress, cut, "ERPNext lists no equipment at all", mirrored)
        gone: list[str] = []
        after = ""
        while unseen := await self._shelf.unseen(cut.began_at, after, self._page):
            after = unseen[-1]
            await self._rest()
            there = await self._asker.ask(partial(self._lookup.existing, unseen))
            gone += [name for name in unseen if name not in there]
            if not self._forgetting.allows(len(gone), mirrored):
                why = f"ERPNext lists {len(gone)} equipments or more no longer"
                return await self._doubt(progress, cut, why, mirrored)
        cut = replace(cut, gone=cut.gone + len(gone))
        return await self._keep(ended(progress, cut, self._clock()), gone=gone)

    async def _doubt(self, progress: Progress, cut: Cut, why: str, mirrored: int) -> Progress:
        text = (
            f"{why}, of {mirrored} in the mirror; they are kept. See whether the API user still has"
            " its rights. If they are deleted, raise erp.forget_share for one full sweep"
        )
        return await self._keep(doubted(progress, cut, self._clock(), text))

    async def _keep(
        self,
        progress: Progress,
        rows: Sequence[MirrorRow] = (),
        stamps: Mapping[str, float] = MappingProxyType({}),
        gone: Collection[str] = (),
    ) -> Progress:
        await self._shelf.keep(rows, stamps, gone, progress)
        self._forgetting.forgot(len(gone))
        self._told(progress)
        return progress


def _left(listed: Iterable[Listed], known: Mapping[str, Mirrored]) -> frozenset[str]:
    """Return the places where a box left, or came back, since the mirror knew it."""
    places: set[str] = set()
    for one in listed:
        had = known.get(one.place.name)
        if had is None or one.equipment is None or had.equipment == one.equipment:
            continue
        if {had.equipment.status, one.equipment.status} & LEAVING:
            places |= {had.equipment.service_location, one.equipment.service_location}
    return frozenset(places - {""})
