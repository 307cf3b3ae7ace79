"""Working off the outbox: what is due is written, and what became of it is kept.

Each row ends by itself: one that is refused goes to the dead letters and the others go on.  What
nobody knows is read back before anything is written again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from acs.devices.outgoing import Outgoing, OutgoingSettled, OutgoingState
from erp_bridge.errors import (
    LOCK_WAIT,
    ErpBusy,
    ErpError,
    ErpForbidden,
    ErpNotFound,
    ErpRejected,
    ErpStale,
    ErpUnknown,
)
from erp_bridge.mapping import Mapping as SiteMapping
from erp_bridge.outbox import delivery
from erp_bridge.outbox.delivery import MANY, Saved, Site
from erp_bridge.outbox.facts import Facts
from erp_bridge.outbox.planner import Installation, Kind, Trouble
from erp_bridge.outbox.wording import fields_of

T = TypeVar("T")

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 3600.0
"""Seconds between two attempts at a row: the first, which doubles, and the longest."""
WITHHELD_PAUSE = 300.0
"""Seconds until a row is looked at again that safety withholds."""
SCRIPT_PAUSE = 3600.0
"""Seconds until a Server Script is tried again that the site did not have."""
UNREADABLE = "this release cannot read it; drop it, and it is recorded again when it changes"
ZONE_PAUSE = 3600.0
"""Seconds that the site's time zone is believed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known here of an equipment. ``modified``: as of when it is mirrored, "" for not;
    ``withheld``: why nothing may be written about it, "" where it may."""

    modified: str = ""
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Restamp:
    """A mirrored equipment whose ``modified`` went from one to another by our own write."""

    name: str
    before: str
    after: str


class Shelf(Protocol):
    """Where the outbox is kept."""

    def due(self, now: float, limit: int, /) -> Awaitable[list[Outgoing]]:
        """Rows that are due."""

    def known(self, names: Collection[str], /) -> Awaitable[Mapping[str, Known]]:
        """What is known of equipments."""

    def settle(
        self, settled: Sequence[OutgoingSettled], restamps: Sequence[Restamp], now: float, /
    ) -> Awaitable[None]:
        """Keep what became of rows, in one transaction."""

    def zone(self) -> Awaitable[str]:
        """The site's time zone as it was last learned, or ""."""


@dataclass(frozen=True, slots=True)
class _Denied:
    """A right that is missing for one thing says nothing of the site: the breaker stays closed."""

    error: ErpError


class Worker:
    """Works off the outbox of one site.

    ``ask`` runs blocking work in a thread, under breaker and budget; ``clock`` gives epoch
    seconds; ``warn`` hears what a person should know.
    """

    def __init__(
        self,
        site: Site,
        mapping: SiteMapping,
        shelf: Shelf,
        ask: Callable[[Callable[[], Any]], Awaitable[Any]],
        *,
        clock: Callable[[], float],
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._site = site
        self._mapping = mapping
        self._shelf = shelf
        self._ask_site = ask
        self._clock = clock
        self._warn = warn
        self._warned: set[str] = set()
        self._lacking: set[str] = set()
        """Fields the site turned out not to have."""
        self._no_script_until = 0.0
        self._zone: tuple[str, float] = ("", 0.0)

    async def work(self) -> int:
        """Send what is due, at most `MANY` rows; return how many ended, well or not.

        Raises `ErpError` where the site as a whole does not answer; what was not sent stays due.
        """
        due = await self._shelf.due(self._clock(), MANY)
        if not due:
            return 0
        zone = await self._site_zone()
        known = await self._shelf.known({row.name for row in due})
        held = [row for row in due if known.get(row.name, Known()).withheld]
        later = self._clock() + WITHHELD_PAUSE
        await self._keep(
            [
                OutgoingSettled(
                    row.key,
                    row.changed_at,
                    row.state,
                    f"withheld: {known[row.name].withheld}",
                    later,
                    tried=False,
                )
                for row in held
            ]
        )
        told = [(row, _body(row)) for row in due if row not in held]
        await self._keep([_ended(row, UNREADABLE) for row, body in told if body is None])
        facts = [(row, body) for row, body in told if isinstance(body, Facts)]
        await self._write_facts(facts, known, zone)
        for row, body in told:
            match body:
                case Installation():
                    await self._attempt(row, partial(self._prove, row, body, zone))
                case Trouble():
                    await self._attempt(row, partial(self._tell_of, row, body, zone))
                case Facts() | None:
                    pass
        return len(due)

    # --- facts of equipments, many at a time -----------------------------------------------

    async def _write_facts(
        self,
        told: Sequence[tuple[Outgoing, Facts]],
        known: Mapping[str, Known],
        zone: ZoneInfo,
    ) -> None:
        rows = [row for row, _ in told]
        table = self._mapping.write_back
        fields = {row.name: fields_of(facts, table, zone) for row, facts in told}
        modified = {name: known[name].modified if name in known else "" for name in fields}
        doubted = [row for row in rows if row.state is OutgoingState.DOUBTED]
        done: frozenset[str] = frozenset()
        if doubted:
            found, done = await self._read_back(
                {row.name: self._without_lacking(fields[row.name]) for row in doubted}
            )
            modified |= found
            await self._keep([_ended(row) for row in doubted if row.name in done])
        rest = [row for row in rows if row.name not in done]
        if len(rest) > 1:
            rest = await self._write_many(rest, fields)
        for row in rest:
            await self._keep([_sending(row, self._clock())])
            await self._attempt(
                row, partial(self._change, row, fields[row.name], modified[row.name])
            )

    def _change(self, row: Outgoing, fields: Mapping[str, object], modified: str) -> Saved:
        known = self._without_lacking(fields)
        return delivery.change(self._site, row.doctype, row.name, known, modified)

    def _without_lacking(self, fields: Mapping[str, object]) -> dict[str, object]:
        return {field: value for field, value in fields.items() if field not in self._lacking}

    async def _read_back(
        self, rows: Mapping[str, Mapping[str, object]]
    ) -> tuple[dict[str, str], frozenset[str]]:
        doctype = self._mapping.equipment.doctype
        try:
            return await self._ask(lambda: delivery.already(self._site, doctype, rows))
        except (ErpRejected, ErpForbidden) as error:
            self._tell(f"what was written cannot be read back: {error.text}. {error.fix}")
            return {}, frozenset()

    async def _write_many(
        self, rows: Sequence[Outgoing], fields: Mapping[str, Mapping[str, object]]
    ) -> list[Outgoing]:
        """Write by the Server Script; return the rows it does not take, all without a script.

        Those are then written one by one: only so is told what is wrong with each.
        """
        script = self._mapping.write_back.script
        if not script or self._clock() < self._no_script_until:
            return list(rows)
        asked = [(row.doctype, row.name, self._without_lacking(fields[row.name])) for row in rows]
        await self._keep([_sending(row, self._clock()) for row in rows])
        try:
            errors = await self._ask(lambda: delivery.change_many(self._site, script, asked))
        except (ErpRejected, ErpForbidden, ErpNotFound) as error:
            await self._keep([_unsent(row) for row in rows])
            self._no_script_until = self._clock() + SCRIPT_PAUSE
            self._tell(f"rows are written one by one: {error.text}. {error.fix}")
            return list(rows)
        except ErpError as error:
            await self._keep([self._failed(row, error) for row in rows])
            raise
        await self._keep([_unsent(row) if errors[row.name] else _ended(row) for row in rows])
        return [row for row in rows if errors[row.name]]

    # --- one row at a time ---------------------------------------------------------------------

    def _prove(self, row: Outgoing, proof: Installation, zone: ZoneInfo) -> Saved:
        table = self._mapping.dispatch_job
        return delivery.prove_installation(self._site, table, proof, row.name, zone)

    def _tell_of(self, row: Outgoing, trouble: Trouble, zone: ZoneInfo) -> Saved:
        return delivery.tell_of_trouble(self._site, self._mapping.issue, trouble, row.name, zone)

    async def _attempt(self, row: Outgoing, work: Callable[[], Saved]) -> None:
        try:
            saved = await self._ask(work)
        except ErpError as error:
            await self._keep([self._failed(row, error)])
            if _is_of_the_site(error):
                raise
            return
        for field in saved.missing:
            self._tell(f'{row.doctype} has no field {field!r}: add it, or map it as ""')
            self._lacking.add(field)
        restamps = []
        if row.kind == Kind.FACTS and saved.before and saved.after:
            restamps = [Restamp(row.name, saved.before, saved.after)]
        await self._keep([_ended(row, note=saved.note)], restamps)

    def _failed(self, row: Outgoing, error: ErpError) -> OutgoingSettled:
        now = self._clock()
        pause = min(FIRST_PAUSE * 2 ** min(row.attempts, 16), LONGEST_PAUSE)
        state, tried = row.state, True
        match error:
            case ErpUnknown(settled_in=seconds):
                state, pause = OutgoingState.DOUBTED, max(seconds, pause if row.attempts else 0)
            case ErpBusy(retry_after=seconds):
                pause = max(seconds, pause)
            case ErpStale():
                pass
            case ErpForbidden() | ErpNotFound() | ErpRejected():
                state = OutgoingState.DEAD
            case _:
                # Nothing is wrong with the row: it is due as soon as the site answers.
                pause, tried = FIRST_PAUSE, False
        return OutgoingSettled(row.key, row.changed_at, state, str(error), now + pause, tried=tried)

    async def _ask(self, work: Callable[[], T]) -> T:
        def denied_or_done() -> T | _Denied:
            try:
                return work()
            except ErpForbidden as error:
                return _Denied(error)

        answer: T | _Denied = await self._ask_site(denied_or_done)
        if isinstance(answer, _Denied):
            raise answer.error
        return answer

    async def _keep(
        self, settled: Sequence[OutgoingSettled], restamps: Sequence[Restamp] = ()
    ) -> None:
        if settled:
            await self._shelf.settle(settled, restamps, self._clock())

    async def _site_zone(self) -> ZoneInfo:
        name, until = await self._shelf.zone(), self._zone[1]
        if not name:
            if self._clock() >= until:
                asked = await self._ask(self._site.time_zone)
                self._zone = (asked, self._clock() + ZONE_PAUSE)
            name = self._zone[0]
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._tell(f"the site's time zone {name!r} is not known here: times are UTC")
            return ZoneInfo("UTC")

    def _tell(self, text: str) -> None:
        """Say it once: it will not change before somebody changes something."""
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)


def _body(row: Outgoing) -> Facts | Installation | Trouble | None:
    """Read what a row holds; None: it is of a kind or form that this release does not know."""
    types: Mapping[str, type[Facts | Installation | Trouble]] = {
        Kind.FACTS: Facts,
        Kind.INSTALLATION: Installation,
        Kind.ISSUE: Trouble,
    }
    try:
        return msgspec.json.decode(row.body, type=types[row.kind])
    except (KeyError, msgspec.DecodeError):
        return None


def _sending(row: Outgoing, now: float) -> OutgoingSettled:
    """Keep that a row is about to be sent: if we end before its answer comes, it is in doubt."""
    state, until = OutgoingState.DOUBTED, now + LOCK_WAIT
    return OutgoingSettled(row.key, row.changed_at, state, "it is being sent", until, tried=False)


def _unsent(row: Outgoing) -> OutgoingSettled:
    """Keep that a row was not taken: it is as it was."""
    return OutgoingSettled(row.key, row.changed_at, row.state, row.error, row.next_at, tried=False)


def _ended(row: Outgoing, error: str = "", note: str = "") -> OutgoingSettled:
    state = OutgoingState.DEAD if error else OutgoingState.DONE
    return OutgoingSettled(row.key, row.changed_at, state, error or note)


def _is_of_the_site(error: ErpError) -> bool:
    """Tell whether the next row would fare no better."""
    return not isinstance(error, ErpStale | ErpForbidden | ErpNotFound | ErpRejected)
