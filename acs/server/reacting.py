"""Keep what was read from ERPNext, and have the devices called that it means something to.

Both in one transaction, whoever read it: a webhook's reading, a sweep, a look in the background.
So no change is kept that nobody acts on, wherever the process is killed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from acs.devices.source import Mirrored, MirrorRow
from acs.log import get_logger
from acs.store import equipment, wakes
from acs.store.fitting import behind_thd, digests_thd, fitting_thd

log = get_logger("acs.erp")

CHANGED = "ERPNext wishes something else for it"
FITS = "its equipment in ERPNext was recorded or corrected"
CLOCK_SECONDS = 60.0
"""What the mirror has was read later than a row, unless it was read so far ahead of now: that stems
from a clock that was wrong."""


def take_in_thd(
    conn: Connection,
    rows: Sequence[MirrorRow],
    now: float,
    *,
    on_line: Collection[str] = (),
) -> None:
    """Store ``rows`` in the mirror, and have devices called that they change something for.

    These are devices matched to equipment whose wish is another than the one they were compared
    with, and devices that nothing fitted until now. ``on_line`` names equipments whose devices
    are given the answer anyway. ``now`` is epoch seconds.
    """
    names = [row.equipment.name for row in rows]
    had = equipment.known_thd(conn, names)
    current = [row for row in rows if not _is_overtaken(row, had.get(row.equipment.name), now)]
    digests = digests_thd(conn, names)
    equipment.store_thd(conn, current)
    told = {
        row.equipment.name: row
        for row in current
        if digests.get(row.equipment.name) != row.digest and row.equipment.name not in on_line
    }
    # What a box was recognised by until now counts as well: it may have stood in another's way.
    boxes = [row.equipment for row in told.values()]
    boxes += [had[name].equipment for name in told if name in had]
    behind = behind_thd(conn, {name: row.digest for name, row in told.items()})
    fitting = fitting_thd(conn, boxes) - behind
    _call(conn, behind, CHANGED, now)
    _call(conn, fitting, FITS, now)


def _is_overtaken(row: MirrorRow, known: Mirrored | None, now: float) -> bool:
    """Tell whether the mirror has what was read after ``row``: a reading may wait for minutes.

    A row that was read at no time (0) is to be read again whatever there is.
    """
    return known is not None and 0 < row.fetched_at < known.fetched_at < now + CLOCK_SECONDS


def let_go_thd(conn: Connection, names: Collection[str], now: float) -> None:
    """Forget equipments that are gone, and have devices called in whose way they stood.

    A device that was matched to one is not called: it has nothing to gain.
    """
    gone = equipment.known_thd(conn, names)
    equipment.forget_thd(conn, names)
    _call(conn, fitting_thd(conn, [each.equipment for each in gone.values()]), FITS, now)


def _call(conn: Connection, device_ids: Collection[int], reason: str, now: float) -> None:
    if device_ids:
        wakes.ask_thd(conn, device_ids, reason, now)
        log.info("devices to be called", count=len(device_ids), why=reason)
