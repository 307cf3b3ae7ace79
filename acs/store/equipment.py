"""The mirror of `Service Equipment`, so that no device waits for the business system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Row, func, select, true, update

from acs.devices.identity import Equipment, EquipmentStatus, Service, Terms, Treatment
from acs.devices.source import Mirrored, MirrorRow
from acs.profiles.intent import Intent
from acs.store.codec import decoder, revealing
from acs.store.sealing import seal, unseal
from acs.store.tables import equipment
from acs.store.upsert import upsert

_intent = decoder(Intent).decode
_services = msgspec.json.Decoder(tuple[Service, ...]).decode
_COLUMNS = tuple(equipment.c.keys())

# Which columns each kind of term is looked up in.
_SERIALS = (equipment.c.cwmp_serial, equipment.c.serial_number, equipment.c.barcode)
_GPON_SERIALS = (equipment.c.gpon_serial,)
_MACS = (equipment.c.mac,)


def find_thd(conn: Connection, wanted: Sequence[Terms]) -> list[tuple[MirrorRow, ...]]:
    """Find equipment that fits any term of each of ``wanted``, in its order.

    One statement per column, whatever the number of terms. Each answer is ordered by name.
    """
    rows: dict[str, MirrorRow] = {}
    index: dict[Column[Any], dict[str, list[MirrorRow]]] = {}
    for columns, terms in (
        (_SERIALS, {serial for some in wanted for serial in some.serials}),
        (_GPON_SERIALS, {gpon for some in wanted for gpon in some.gpon_serials}),
        (_MACS, {mac for some in wanted for mac in some.macs}),
    ):
        for column in columns:
            index[column] = _by(conn, column, terms, rows)
    return [_fitting(index, terms) for terms in wanted]


def _by(
    conn: Connection, column: Column[Any], terms: Collection[str], rows: dict[str, MirrorRow]
) -> dict[str, list[MirrorRow]]:
    """Rows by the value of ``column``; each row is decoded once, into ``rows``."""
    found: dict[str, list[MirrorRow]] = defaultdict(list)
    sought = [term for term in terms if term]
    if sought:
        for row in conn.execute(select(equipment).where(column.in_(sought), equipment.c.present)):
            mirrored = rows.get(row.name) or rows.setdefault(row.name, _mirrored(conn, row))
            found[row._mapping[column]].append(mirrored)
    return found


def _fitting(
    index: dict[Column[Any], dict[str, list[MirrorRow]]], terms: Terms
) -> tuple[MirrorRow, ...]:
    sought = (
        *((column, serial) for column in _SERIALS for serial in terms.serials),
        *((column, gpon) for column in _GPON_SERIALS for gpon in terms.gpon_serials),
        *((column, mac) for column in _MACS for mac in terms.macs),
    )
    hits = {
        hit.equipment.name: hit for column, term in sought for hit in index[column].get(term, ())
    }
    return tuple(hits[name] for name in sorted(hits))


def wish_thd(conn: Connection, names: Iterable[str]) -> dict[str, MirrorRow]:
    """Load equipments by name; those not mirrored, or gone, are not in the answer."""
    query = select(equipment).where(equipment.c.name.in_(set(names)), equipment.c.present)
    return {row.name: _mirrored(conn, row) for row in conn.execute(query)}


def store_thd(conn: Connection, rows: Sequence[MirrorRow]) -> None:
    """Keep what was fetched; of several rows of one name the last one counts."""
    last = {row.equipment.name: row for row in rows}
    values = [_row(conn, last[name]) for name in sorted(last)]
    upsert(conn, equipment, values, ("name",), [name for name in _COLUMNS if name != "name"])


def forget_thd(conn: Connection, names: Iterable[str]) -> None:
    """Mark equipments as gone from the business system; what they wished for is wiped."""
    for name in sorted(set(names)):
        empty = seal(conn, equipment.c.intent, name, revealing(Intent()))
        statement = update(equipment).where(equipment.c.name == name)
        conn.execute(statement.values(present=False, digest="", intent=empty))


def known_thd(conn: Connection, names: Iterable[str]) -> dict[str, Mirrored]:
    """Load equipments by name without their wishes; those not mirrored are not in the answer."""
    columns = [column for column in equipment.c if column is not equipment.c.intent]
    query = select(*columns).where(equipment.c.name.in_(set(names)), equipment.c.present)
    return {row.name: Mirrored(_box(row), row.fetched_at) for row in conn.execute(query)}


def stamp_thd(conn: Connection, names: Collection[str], fetched_at: float) -> None:
    """Note that equipments are in the business system as they are mirrored."""
    if names:
        # A reading that took longer says less; the time 0 has it read again.
        is_older = (equipment.c.fetched_at < fetched_at) if fetched_at else true()
        statement = update(equipment).where(equipment.c.name.in_(set(names)), is_older)
        conn.execute(statement.values(fetched_at=fetched_at))


def restamp_thd(conn: Connection, name: str, before: str, after: str) -> bool:
    """Take over the ``modified`` our own write gave an equipment; False: it was not as of before.

    So a sweep does not read again what only we changed.
    """
    known = conn.scalar(select(equipment.c.modified).where(equipment.c.name == name))
    # Linked documents that hold wishes have theirs behind the equipment's own.
    if known is None or not (known == before or known.startswith(f"{before} ")):
        return False
    now = after + known[len(before) :]
    same = (equipment.c.name == name, equipment.c.modified == known)
    return conn.execute(update(equipment).where(*same).values(modified=now)).rowcount > 0


def names_at_thd(
    conn: Connection,
    locations: Collection[str] = (),
    subscriptions: Collection[str] = (),
    customers: Collection[str] = (),
) -> tuple[str, ...]:
    """Name equipments present that are at any of these, by name."""
    found: set[str] = set()
    for column, wanted in (
        (equipment.c.service_location, locations),
        (equipment.c.service_subscription, subscriptions),
        (equipment.c.customer, customers),
    ):
        if sought := sorted({each for each in wanted if each}):
            found.update(
                conn.scalars(
                    select(equipment.c.name).where(column.in_(sought), equipment.c.present)
                )
            )
    return tuple(sorted(found))


def size_thd(conn: Connection) -> int:
    """Count the equipments that are present."""
    query = select(func.count()).select_from(equipment).where(equipment.c.present)
    return conn.scalar(query) or 0


def unseen_thd(conn: Connection, before: float, after: str, limit: int) -> tuple[str, ...]:
    """Name equipments present that were fetched before a time: by name, from ``after`` on."""
    query = select(equipment.c.name).where(
        equipment.c.fetched_at < before, equipment.c.name > after, equipment.c.present
    )
    return tuple(conn.scalars(query.order_by(equipment.c.name).limit(limit)))


def stale_thd(
    conn: Connection, names_or_limit: Sequence[str] | int, before: float
) -> tuple[str, ...]:
    """Name equipments to be fetched again, as their row is older than ``before``.

    Given names, say which of them are older or not mirrored at all. Given a number, name that
    many of those present, oldest first.
    """
    if isinstance(names_or_limit, int):
        old = select(equipment.c.name).where(equipment.c.fetched_at < before, equipment.c.present)
        return tuple(conn.scalars(old.order_by(equipment.c.fetched_at).limit(names_or_limit)))
    names = [name for name in dict.fromkeys(names_or_limit) if name]
    fresh = select(equipment.c.name).where(
        equipment.c.name.in_(names), equipment.c.fetched_at >= before
    )
    known = set(conn.scalars(fresh))
    return tuple(name for name in names if name not in known)


def _row(conn: Connection, mirrored: MirrorRow) -> dict[str, object]:
    box = mirrored.equipment
    return {
        "name": box.name,
        "serial_number": box.serial_number,
        "cwmp_serial": box.cwmp_serial,
        "barcode": box.barcode,
        "gpon_serial": box.gpon_serial,
        "mac": box.mac,
        "status": box.status.value,
        "treatment": box.treatment.value,
        "services": msgspec.json.encode(box.services).decode() if box.services else "",
        "customer": box.customer,
        "service_location": box.service_location,
        "service_subscription": box.service_subscription,
        "modified": box.modified,
        "digest": mirrored.digest,
        "intent": seal(conn, equipment.c.intent, box.name, revealing(mirrored.intent)),
        "fetched_at": mirrored.fetched_at,
        "present": True,
    }


def _mirrored(conn: Connection, row: Row[Any]) -> MirrorRow:
    intent = _intent(unseal(conn, equipment.c.intent, row.name, row.intent))
    return MirrorRow(_box(row), intent, row.digest, row.fetched_at)


def _box(row: Row[Any]) -> Equipment:
    return Equipment(
        name=row.name,
        serial_number=row.serial_number,
        cwmp_serial=row.cwmp_serial,
        barcode=row.barcode,
        gpon_serial=row.gpon_serial,
        mac=row.mac,
        status=EquipmentStatus(row.status),
        customer=row.customer,
        service_location=row.service_location,
        service_subscription=row.service_subscription,
        modified=row.modified,
        treatment=Treatment(row.treatment),
        services=_services(row.services) if row.services else (),
    )
