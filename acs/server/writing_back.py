"""What the field shows goes back to ERPNext: a duty of one server.

News of a device puts a row into the outbox at once; what changes all the time is looked at while
the fleet is gone through in small steps, once in ``erp.write_back_hours``.  The rows are worked
off beside it, so that a site that is away loses nothing and holds up nobody.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred

from acs.api import Metrics
from acs.devices.field_report import FieldReport
from acs.devices.outgoing import Outgoing, OutgoingSettled, OutgoingState
from acs.devices.record import Device, Standing
from acs.devices.safety import Mode, Safety
from acs.log import get_logger
from acs.profiles import Library
from acs.server.light import ask_thd, light_of
from acs.server.sweeping import progress_thd
from acs.settings import ErpSettings
from acs.store import equipment, field_reports, jobs, outbox, snapshots
from acs.store.news import KeptNews, consume_thd
from acs.store.notes import leave_note_thd, read_note_thd
from acs.store.queues import Queues
from erp_bridge.asking import Asker
from erp_bridge.errors import ErpError
from erp_bridge.mapping import Mapping as SiteMapping
from erp_bridge.outbox.delivery import Site
from erp_bridge.outbox.planner import KEPT, Rhythm, keys_of, plan
from erp_bridge.outbox.worker import Known, Restamp, Worker

log = get_logger("acs.erp")

LOOK_SECONDS = 1.0
"""How often is looked for news, and for what is due."""
STEP_SECONDS = 10.0
"""How often the fleet is gone through a step further."""
CONSUMER = "write back"
WALK = "erp write-back walk"
PIECES = 200
"""News, or devices, that are looked at in one transaction."""
READABLE = (Standing.LIVE, Standing.VERIFYING, Standing.DRIFTED)
"""Where a device stands that is served, so that its light is worth a question."""
JOBS = 20
"""A device's latest jobs, among which a health read is looked for."""
KEEP_SECONDS = 30 * 86_400.0
"""How long is kept what was told, or refused, of equipment that is no more."""
PRUNE_ROWS = 1000


def rhythm_of(settings: ErpSettings) -> Rhythm:
    """How often is written under these settings."""
    return Rhythm(settings.write_back_hours * 3600, settings.open_issue_hours * 3600)


def plan_thd(
    conn: Connection,
    reports: Mapping[str, FieldReport],
    news: Mapping[str, Collection[str]],
    mapping: SiteMapping,
    rhythm: Rhythm,
    now: float,
) -> None:
    """Put into the outbox what follows from reports; ``news`` has kinds by equipment."""
    keys = [key for name in reports for key in keys_of(name).values()]
    held = outbox.of_thd(conn, keys)
    put: list[Outgoing] = []
    for name, report in reports.items():
        planned = plan(report, held, news.get(name, ()), now, rhythm, mapping)
        put += planned.put
        for key in planned.drop:
            outbox.drop_thd(conn, key)
    outbox.put_thd(conn, put, now)


def derive_thd(
    conn: Connection,
    some: Sequence[KeptNews],
    *,
    mapping: SiteMapping,
    rhythm: Rhythm,
    now: float,
) -> None:
    """Put into the outbox what follows from news."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for each in some:
        if each.equipment:
            kinds[each.equipment].add(each.kind)
    plan_thd(conn, field_reports.gather_thd(conn, kinds), kinds, mapping, rhythm, now)


def step_thd(
    conn: Connection,
    limit: int,
    light: Callable[[Connection, Device], float | None],
    mapping: SiteMapping,
    rhythm: Rhythm,
    now: float,
) -> int:
    """Look at the next ``limit`` devices of the fleet; return how many hold an equipment."""
    after = int(read_note_thd(conn, WALK) or 0)
    some = field_reports.walk_thd(conn, after, limit)
    leave_note_thd(conn, WALK, str(some[-1].id if len(some) == limit else 0).encode())
    found = field_reports.gather_thd(conn, {device.equipment for device in some})
    reports = {
        name: replace(report, light=light(conn, report.device)) if report.device else report
        for name, report in found.items()
    }
    plan_thd(conn, reports, {}, mapping, rhythm, now)
    return field_reports.holding_thd(conn)


def known_thd(conn: Connection, names: Collection[str], safety: Safety) -> dict[str, Known]:
    """What the worker has to know of equipments."""
    boxes = equipment.known_thd(conn, names)
    # Linked documents that hold wishes have their `modified` behind the equipment's own.
    stamps = {name: " ".join(box.equipment.modified.split()[:2]) for name, box in boxes.items()}
    if safety.mode is Mode.ON:
        return {name: Known(stamps.get(name, "")) for name in names}
    reports = field_reports.gather_thd(conn, names)
    return {name: Known(stamps.get(name, ""), _withheld(reports[name], safety)) for name in names}


def _withheld(report: FieldReport, safety: Safety) -> str:
    key = report.device.key if report.device else ""
    return safety.withheld(key, report.box.customer if report.box else "", report.tags)


def settle_thd(
    conn: Connection, settled: Sequence[OutgoingSettled], restamps: Sequence[Restamp], now: float
) -> None:
    """Keep what became of rows, and what our own writes did to the mirror."""
    outbox.settle_thd(conn, settled, now)
    for each in restamps:
        equipment.restamp_thd(conn, each.name, each.before, each.after)


def _warn(text: str) -> None:
    log.warning("write-back", text=text)


class QueuesShelf:
    """The outbox, in our store."""

    def __init__(self, queues: Queues, safety: Safety) -> None:
        self._queues = queues
        self._safety = safety

    async def due(self, now: float, limit: int, /) -> list[Outgoing]:
        """Rows that are due."""
        return await self._queues.run("outbox", outbox.due_thd, now, limit)

    async def known(self, names: Collection[str], /) -> dict[str, Known]:
        """What is known of equipments."""
        return await self._queues.run("outbox", known_thd, names, self._safety)

    async def settle(
        self, settled: Sequence[OutgoingSettled], restamps: Sequence[Restamp], now: float, /
    ) -> None:
        """Keep what became of rows."""
        await self._queues.run("outbox", settle_thd, settled, restamps, now)

    async def zone(self) -> str:
        """The site's time zone, as the last sweep learned it."""
        return (await self._queues.run("outbox", progress_thd)).zone


class WritingBack:
    """Records what is to be written, and writes it: `work`, `walk` and `prune` are called again and
    again."""

    def __init__(
        self,
        settings: ErpSettings,
        safety: Safety,
        queues: Queues,
        site: Site,
        mapping: SiteMapping,
        asker: Asker,
        library: Library,
        metrics: Metrics,
    ) -> None:
        self._safety = safety
        self._queues = queues
        self._mapping = mapping
        self._rhythm = rhythm_of(settings)
        self._asker = asker
        self._library = library
        self._under_way: Deferred[None] | None = None
        self._owed = 0.0
        self._holding = 0
        self._counts: Mapping[OutgoingState, int] = {}
        self._worker = Worker(
            site,
            mapping,
            QueuesShelf(queues, safety),
            partial(asker.ask, writes=True),
            clock=time.time,
            warn=_warn,
        )
        for state in (OutgoingState.WAITING, OutgoingState.DOUBTED, OutgoingState.DEAD):
            text = f"Writes to ERPNext that are {state}."
            metrics.watch(f"erp_outbox_{state}", text, partial(self._count, state))

    def _count(self, state: OutgoingState) -> float:
        return self._counts.get(state, 0)

    async def work(self) -> None:
        """Record what follows from news, then write what is due; return when that has ended."""
        self._under_way = Deferred.fromCoroutine(self._work())
        try:
            await self._under_way
        except CancelledError:
            return
        finally:
            self._under_way = None

    def stop(self) -> None:
        """Give up what is being written; whoever is next looks whether it was saved."""
        if self._under_way is not None:
            self._under_way.cancel()

    async def _work(self) -> None:
        derive = partial(derive_thd, mapping=self._mapping, rhythm=self._rhythm, now=time.time())
        while await self._queues.run("news", consume_thd, CONSUMER, PIECES, derive) == PIECES:
            pass
        if self._safety.mode is Mode.DRY_RUN:
            return
        try:
            while self._asker.is_ready and await self._worker.work():
                pass
        except ErpError:
            # The asker has told of it; what was not written stays due.
            return

    async def walk(self) -> None:
        """Go through the fleet a step further, so that all is seen once in a period."""
        # At least one device now and then, however small the fleet.
        owed = self._owed + max(self._holding, 1) * STEP_SECONDS / self._rhythm.period
        self._owed = min(owed, PIECES)
        limit = int(self._owed)
        self._owed -= limit
        if limit:
            step = partial(self._step_thd, limit=limit, now=time.time())
            self._holding = await self._queues.run("write-back", step)
        self._counts = await self._queues.run("outbox", outbox.counts_thd)

    def _step_thd(self, conn: Connection, *, limit: int, now: float) -> int:
        def light(conn: Connection, device: Device) -> float | None:
            seen = snapshots.load_thd(conn, [device.id]).get(device.id)
            latest = jobs.list_thd(conn, device.id, limit=JOBS)
            is_told = bool(self._mapping.write_back.fields.get("optical_rx_dbm"))
            if is_told and device.standing in READABLE:
                ask_thd(conn, self._library, device, latest, now, now + self._rhythm.period)
            return light_of(self._library, device, seen, latest, now) if seen else None

        return step_thd(conn, limit, light, self._mapping, self._rhythm, now)

    async def prune(self) -> None:
        """Forget what was told of equipment that is no more."""
        before = time.time() - KEEP_SECONDS
        while (
            await self._queues.run("outbox", outbox.prune_thd, KEPT, before, PRUNE_ROWS)
            == PRUNE_ROWS
        ):
            pass
