"""The equipment source of the core: answers from the mirror, asks ERPNext in the background.

A session never waits longer than a short bound, and never at all while ERPNext is known to be
down. What one session asks is asked together with what others ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, TimeoutError

from acs.devices.identity import Equipment, Terms
from acs.devices.source import Found, MirrorRow, Pending, Wish
from acs.profiles.intent import Intent
from erp_bridge.asking import Asker
from erp_bridge.coalesce import Coalescer, Full
from erp_bridge.equipment import canonical
from erp_bridge.errors import ErpError
from erp_bridge.forgetting import Forgetting
from erp_bridge.lookup import Lookup, Read, Unchanged, Unread
from erp_bridge.memory import ShortMemory
from erp_bridge.spelling import fits, fits_well

T = TypeVar("T")

DOUBTED = "ERPNext shows too little to believe it is gone"


class Mirror(Protocol):
    """The local copy of equipment and wishes, as the store keeps it."""

    def find(self, terms: Sequence[Terms], /) -> Awaitable[tuple[MirrorRow, ...]]:
        """Return the rows that fit any of ``terms``."""

    def wish(self, equipment: str, /) -> Awaitable[MirrorRow | None]:
        """Return the row of the equipment of this name."""

    def known(self, names: Sequence[str], /) -> Awaitable[Mapping[str, MirrorRow]]:
        """Return the rows of the equipments of these names, by name."""

    def store(
        self, rows: Sequence[MirrorRow], /, *, on_line: Collection[str] = ()
    ) -> Awaitable[None]:
        """Insert or replace ``rows``, by equipment name.

        ``on_line`` are equipments whose devices wait for this very answer.
        """

    def forget(self, equipment: Sequence[str], /) -> Awaitable[None]:
        """Delete the rows of these names."""

    def size(self) -> Awaitable[int]:
        """Count the rows."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the source; times in seconds."""

    hold_seconds: float = 2.0
    """How long a session waits for an answer at most."""
    batch: int = 200
    """Questions in one query."""
    batch_wait_ms: float = 50.0
    """How long the first question of a batch waits for others, in milliseconds."""
    connections: int = 4
    """Queries at a time."""
    waiting: int = 20_000
    """Questions that may wait for a query."""
    negative_ttl: float = 60.0
    """How long "ERPNext does not know it" holds."""
    negatives: int = 20_000
    """How many such answers are remembered."""
    refresh_seconds: float = 3600.0
    """Age at which a mirrored row is read again."""
    looked_at: int = 100_000
    """Names whose age was looked at lately that are remembered."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the source tells; each is a plain callable, called in the reactor's thread."""

    looked_up: Callable[[int, int], None] = lambda asked, found: None
    """A query was answered: how much was asked for, how many equipments came."""
    failed: Callable[[Exception], None] = lambda error: None
    """The storing of an answer failed."""
    kept: Callable[[int], None] = lambda gone: None
    """So many rows of the mirror are not in ERPNext, and are kept: it were too many to go."""


@dataclass(frozen=True, slots=True)
class Reread:
    """What became of equipments that were read again, by name."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """What a device has to have, or how it is recognised, is not as it was mirrored."""
    same: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """Not in ERPNext, or not ours; the mirror has them no longer."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """They stay mirrored as they were; with the reason."""

    def __or__(self, other: Reread) -> Reread:
        return Reread(
            self.new + other.new,
            self.changed + other.changed,
            self.same + other.same,
            self.gone + other.gone,
            {**self.unreadable, **other.unreadable},
        )


class ErpSource:
    """`acs.devices.source.EquipmentSource` over the mirror and ERPNext.

    ``reactor`` is an IReactorTime; ``digest`` is a keyed hash of a wish's canonical text;
    ``clock`` gives epoch seconds. All methods belong to the reactor's thread.
    """

    def __init__(
        self,
        reactor: Any,
        lookup: Lookup,
        mirror: Mirror,
        asker: Asker,
        forgetting: Forgetting,
        *,
        digest: Callable[[bytes], str],
        clock: Callable[[], float],
        neutral: Callable[[str], Intent] = lambda device: Intent(),
        limits: Limits = Limits(),
        hooks: Hooks = Hooks(),
    ) -> None:
        self._reactor = reactor
        self._lookup = lookup
        self._mirror = mirror
        self._asker = asker
        self._forgetting = forgetting
        self._digest = digest
        self._clock = clock
        self._neutral = neutral
        self._limits = limits
        self._hooks = hooks
        self._sure_at = 0.0
        self._mapped_at = clock()
        self._misses: ShortMemory[Terms] = ShortMemory(
            clock, ttl=limits.negative_ttl, size=limits.negatives
        )
        # Read lately without success: not tried again by each session.
        self._resting: ShortMemory[str] = ShortMemory(
            clock, ttl=limits.negative_ttl, size=limits.negatives
        )
        # Looked at lately for its age: a fleet that calls every five minutes is not looked up
        # in the store each time.
        self._looked_at: ShortMemory[str] = ShortMemory(
            clock, ttl=min(60.0, limits.refresh_seconds), size=limits.looked_at
        )
        self._known: dict[str, MirrorRow] = {}
        self._held_for: Counter[Terms | str] = Counter()
        """What sessions wait for right now."""
        self._by_terms: Coalescer[Terms, Found | Pending] = Coalescer(
            reactor,
            lambda batch: Deferred.fromCoroutine(self._search(batch)),
            wait=limits.batch_wait_ms / 1000,
            longest=limits.hold_seconds / 2,
            size=limits.batch,
            parallel=limits.connections,
            waiting=limits.waiting,
        )
        self._by_name: Coalescer[str, MirrorRow | Pending | None] = Coalescer(
            reactor,
            lambda batch: Deferred.fromCoroutine(self._read_again(batch)),
            wait=limits.batch_wait_ms / 1000,
            longest=limits.hold_seconds / 2,
            size=limits.batch,
            parallel=max(1, limits.connections // 2),
            waiting=limits.waiting,
        )

    @property
    def absent(self) -> str:
        """What to tell people of a device that nothing fits."""
        return "no equipment has this serial or MAC"

    async def find(self, terms: Terms) -> Found | Pending:
        """Find equipment that fits any of ``terms``, in the mirror or else in ERPNext."""
        rows = await self._mirror.find((terms,))
        mirrored = tuple(row.equipment for row in rows)
        if any(fits_well(terms, equipment) for equipment in mirrored):
            self._refresh(rows)
            return Found(mirrored)
        if terms in self._misses:
            return Found(mirrored)
        answer = await self._held(self._by_terms, terms)
        if isinstance(answer, Pending):
            return answer
        return Found(_merged(answer.equipment, mirrored))

    async def wish(self, equipment: str) -> Wish | Pending | None:
        """What the equipment of this name should have; None: it no longer exists."""
        row: MirrorRow | Pending | None = await self._mirror.wish(equipment)
        if isinstance(row, MirrorRow):
            self._refresh((row,))
        else:
            row = await self._held(self._by_name, equipment)
        if isinstance(row, MirrorRow):
            return Wish(row.equipment, row.intent, row.digest)
        return row

    def neutral(self, device: str) -> Intent:
        """What takes a customer's settings off a device (its key)."""
        return self._neutral(device)

    def refresh(self, equipment: str) -> None:
        """Have it read again if it was not for a while; nobody waits.

        Called at every contact of a matched device, so what was looked at lately costs a look
        into memory only.
        """
        if equipment not in self._looked_at:
            self._looked_at.add(equipment)
            Deferred.fromCoroutine(self._refresh_named(equipment))

    async def _refresh_named(self, equipment: str) -> None:
        try:
            row = await self._mirror.wish(equipment)
        except Exception as error:
            self._hooks.failed(error)
            return
        if row is not None:
            self._refresh((row,))

    async def reread(self, names: Collection[str]) -> Reread:
        """Read equipments anew, passwords too, whatever is remembered of them, and mirror them.

        Raises `ErpError` and the store's errors; what was mirrored until then stays.
        """
        reread = Reread()
        wanted = sorted(set(names))
        for start in range(0, len(wanted), self._limits.batch):
            reread |= await self._reread_page(wanted[start : start + self._limits.batch])
        return reread

    def forget_misses(self) -> None:
        """Ask ERPNext again for what it did not know: something may have been added."""
        self._misses.clear()

    def swept(self, sure_at: float, mapped_at: float) -> None:
        """Take rows for fresh as of ``sure_at``: all that changed until then is in the mirror.

        Rows from before ``mapped_at`` were made by another mapping. Both in epoch seconds.
        """
        self._sure_at = sure_at
        self._mapped_at = mapped_at

    @property
    def is_busy(self) -> bool:
        """True while somebody waits for an answer of ERPNext."""
        return self._by_terms.is_busy or self._by_name.is_busy

    def stop(self) -> None:
        """Send no more queries."""
        self._by_terms.stop()
        self._by_name.stop()

    # --- waiting, within bounds ---------------------------------------------------------------

    async def _held(self, questions: Coalescer[Any, T], key: Any) -> T | Pending:
        if not self._asker.is_ready:
            return Pending(f"ERPNext is not asked for now: {self._asker.reason}")
        self._held_for[key] += 1
        try:
            return await questions.ask(key).addTimeout(self._limits.hold_seconds, self._reactor)
        except Full:
            return Pending("too many look-ups wait for ERPNext")
        except TimeoutError:
            return Pending(f"ERPNext did not answer within {self._limits.hold_seconds:g} s")
        except ErpError as error:
            return Pending(str(error))
        except Exception as error:
            return Pending(f"the look-up failed ({type(error).__name__}); see the log")
        finally:
            self._held_for[key] -= 1
            self._held_for += Counter()  # without those that nobody waits for

    def _refresh(self, rows: Iterable[MirrorRow]) -> None:
        """Have old rows read again; nobody waits for it."""
        if not self._asker.is_ready:
            return
        for row in rows:
            name = row.equipment.name
            if self._is_fresh(row) or name in self._resting or self._by_name.wants(name):
                continue
            try:
                self._known[name] = row
                # Its failure is told where the query failed.
                self._by_name.ask(name).addErrback(lambda failure: None)
            except Full:
                del self._known[name]
                return

    def _is_fresh(self, row: MirrorRow) -> bool:
        of_this_mapping = row.fetched_at >= self._mapped_at
        as_of = max(row.fetched_at, self._sure_at) if of_this_mapping else row.fetched_at
        return self._clock() - as_of < self._limits.refresh_seconds

    # --- queries, in batches --------------------------------------------------------------

    async def _search(self, batch: tuple[Terms, ...]) -> Mapping[Terms, Found | Pending]:
        at = self._clock()
        results = await self._asked(lambda: self._lookup.search(batch), len(batch))
        held = [terms for terms in batch if self._held_for[terms]]
        on_line = {
            result.equipment.name
            for result in results
            if any(fits_well(terms, result.equipment) for terms in held)
        }
        await self._kept((self._row(r, at) for r in results if isinstance(r, Read)), on_line)
        answers: dict[Terms, Found | Pending] = {}
        for terms in batch:
            fitting = [result for result in results if fits(terms, result.equipment)]
            well = [result for result in fitting if fits_well(terms, result.equipment)]
            if not well:
                self._misses.add(terms)
            unread = next((result for result in well if isinstance(result, Unread)), None)
            if unread:
                answers[terms] = Pending(f"{unread.equipment.name}: {unread.reason}")
            else:
                answers[terms] = Found(tuple(result.equipment for result in fitting))
        return answers

    async def _read_again(self, batch: tuple[str, ...]) -> Mapping[str, MirrorRow | Pending | None]:
        known = {name: row for name in batch if (row := self._known.pop(name, None))}
        # The mapping may have changed since a row of an earlier run was made: read it whole.
        modified = {
            name: known[name].equipment.modified
            if name in known and known[name].fetched_at >= self._mapped_at
            else ""
            for name in batch
        }
        at = self._clock()
        results = await self._asked(lambda: self._lookup.by_name(modified), len(batch))
        answers: dict[str, MirrorRow | Pending | None] = dict.fromkeys(batch)
        for result in results:
            match result:
                case Read(equipment=equipment):
                    answers[equipment.name] = self._row(result, at)
                case Unchanged(name=name):
                    answers[name] = replace(known[name], fetched_at=at)
                case Unread(equipment=equipment, reason=reason):
                    self._resting.add(equipment.name)
                    answers[equipment.name] = Pending(f"{equipment.name}: {reason}")
        await self._kept(
            (row for row in answers.values() if isinstance(row, MirrorRow)),
            [name for name in batch if self._held_for[name]],
        )
        gone = [name for name in known if answers[name] is None]
        if gone and not await self._forgotten(gone, anything=bool(results)):
            for name in gone:
                self._resting.add(name)
                answers[name] = Pending(f"{name}: {DOUBTED}")
        return answers

    async def _reread_page(self, names: Sequence[str]) -> Reread:
        at = self._clock()
        had = await self._mirror.known(names)
        results = await self._asked(
            lambda: self._lookup.by_name(dict.fromkeys(names, "")), len(names)
        )
        rows = {r.equipment.name: self._row(r, at) for r in results if isinstance(r, Read)}
        unreadable = {r.equipment.name: r.reason for r in results if isinstance(r, Unread)}
        # What could not be read now is read again at a contact.
        put_off = [replace(had[name], fetched_at=0.0) for name in unreadable if name in had]
        await self._kept(
            (*rows.values(), *put_off), [name for name in rows if self._held_for[name]]
        )
        gone = [name for name in names if name not in rows and name not in unreadable]
        mirrored = [name for name in gone if name in had]
        if mirrored and not await self._forgotten(mirrored, anything=bool(results)):
            unreadable |= dict.fromkeys(mirrored, DOUBTED)
        for name in names:
            self._resting.discard(name)
        new = [name for name in rows if name not in had]
        if new or unreadable:
            self.forget_misses()
        same = [name for name in rows if name in had and had[name].digest == rows[name].digest]
        return Reread(
            tuple(new),
            tuple(name for name in rows if name in had and name not in same),
            tuple(same),
            tuple(name for name in gone if name not in unreadable),
            unreadable,
        )

    async def _forgotten(self, gone: Sequence[str], *, anything: bool) -> bool:
        """Forget rows that ERPNext does not show, unless it shows too little to be believed."""
        believed = self._forgetting.allows(len(gone), await self._mirror.size()) and (
            anything or await self._asker.ask(self._lookup.lists_any)
        )
        if believed:
            await self._mirror.forget(gone)
            self._forgetting.forgot(len(gone))
        else:
            self._hooks.kept(len(gone))
        return believed

    def _row(self, read: Read, at: float) -> MirrorRow:
        """What the mirror keeps; ``at`` is before it was read: it may have changed since."""
        return mirror_row(read, self._digest, at)

    async def _kept(self, rows: Iterable[MirrorRow], on_line: Collection[str]) -> None:
        kept = list(rows)
        if kept:
            try:
                await self._mirror.store(kept, on_line=on_line)
            except Exception as error:
                self._hooks.failed(error)
                raise

    async def _asked(self, work: Callable[[], Sequence[Any]], asked: int) -> Sequence[Any]:
        """Run one query, and tell how much it found."""
        results = await self._asker.ask(work)
        self._hooks.looked_up(asked, len(results))
        return results


def mirror_row(read: Read, digest: Callable[[bytes], str], at: float) -> MirrorRow:
    """Return what the mirror keeps of an equipment that was read at a time (epoch seconds)."""
    told = digest(canonical(read.equipment, read.intent))
    return MirrorRow(read.equipment, read.intent, told, at)


def _merged(first: Iterable[Equipment], second: Iterable[Equipment]) -> tuple[Equipment, ...]:
    """Return each equipment once; of the same name, the one in ``first``."""
    by_name = {equipment.name: equipment for equipment in second}
    by_name |= {equipment.name: equipment for equipment in first}
    return tuple(by_name.values())
