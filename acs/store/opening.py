"""A device calls: find or make its row, with all that a visit begins with, for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, exists, func, or_, select, update

from acs.devices.record import Device, Opened, Standing
from acs.model import Contact, EventKind
from acs.store import jobs, tables, tags
from acs.store.devices import FIELDS, from_row
from acs.store.tables import devices, equipment, usp_agents
from acs.store.upsert import insert

_WISH = (
    select(equipment.c.digest)
    .where(equipment.c.name == devices.c.equipment, equipment.c.present)
    .scalar_subquery()
)
# Hardly any device that calls has a job: this spares all others the second statement.
_JOBS = (
    exists()
    .where(
        tables.jobs.c.device_id == devices.c.id,
        tables.jobs.c.state.in_([state.value for state in jobs.OPEN]),
    )
    .correlate(devices)
)
_RUNS = exists().where(tables.rule_runs.c.device_id == devices.c.id).correlate(devices)
# A tag holds no blank.
_TAGS = (
    select(func.aggregate_strings(tables.tags.c.tag, " "))
    .where(tables.tags.c.device_id == devices.c.id)
    .scalar_subquery()
)
_KNOWN = select(
    devices,
    case((devices.c.equipment != "", func.coalesce(_WISH, "")), else_="").label("wish_now"),
    _JOBS.label("has_jobs"),
    _RUNS.label("has_runs"),
    _TAGS.label("tags"),
).where(devices.c.key.in_(bindparam("keys", expanding=True)))

_HAS_AGENT = exists().where(usp_agents.c.device_id == devices.c.id).correlate(devices)
_UNITS = select(
    devices.c.key,
    devices.c.oui,
    devices.c.serial_number,
    or_(devices.c.protocol == "usp", _HAS_AGENT).label("speaks_usp"),
).where(devices.c.serial_number.in_(bindparam("serials", expanding=True)))

_RENAME = (
    update(devices)
    .where(devices.c.key == bindparam("before"))
    .values(key=bindparam("now"), product_class=bindparam("kind"))
)
_BOOT = update(devices).where(devices.c.id == bindparam("the_id")).values(last_boot=bindparam("at"))
_BOOTSTRAP = (
    update(devices)
    .where(devices.c.id == bindparam("the_id"))
    .values(last_bootstrap=bindparam("at"), marker="")
)


def open_thd(conn: Connection, contacts: Sequence[Contact]) -> list[Opened]:
    """Load, or create, the devices that call; the answers stand in the order of ``contacts``.

    The number of statements does not depend on the number of contacts. A boot, and a reset with
    the loss of our marker, is kept in this transaction: no later failure of the session makes us
    forget it. Two processes may create the same device at once; one of them has ``created``.
    """
    keys = [contact.device.key for contact in contacts]
    known = _known(conn, keys)
    known |= _over_other_protocol(conn, contacts, known)
    if renamed := _rename(conn, contacts, known):
        known |= _known(conn, renamed)
    fresh = {key: contact for key, contact in zip(keys, contacts, strict=True) if key not in known}
    created = _create(conn, fresh)
    if fresh:
        known |= _known(conn, list(fresh))
    rows = [known[key] for key in keys]
    boots, resets = _keep_boots(conn, rows, contacts)
    # Two contacts of one device in one batch: the later one's time decides what has expired.
    times = {
        row.id: contact.at for row, contact in zip(rows, contacts, strict=True) if row.has_jobs
    }
    waiting = jobs.open_thd(conn, times) if times else {}
    acted_on = {row.id for row in rows if row.has_runs}
    runs = tags.runs_thd(conn, acted_on) if acted_on else {}
    answers = []
    for key, row in zip(keys, rows, strict=True):
        device = from_row(row)
        device.last_boot = boots.get(device.id, device.last_boot)
        if device.id in resets:
            device.last_bootstrap, device.marker = resets[device.id], ""
        opened = Opened(
            device,
            key in created,
            waiting.get(device.id, ()),
            row.wish_now,
            frozenset((row.tags or "").split()),
            runs.get(device.id, {}),
        )
        created.discard(key)
        answers.append(opened)
    return answers


def _known(conn: Connection, keys: Sequence[str]) -> dict[str, Row[tuple[object, ...]]]:
    rows = conn.execute(_KNOWN, {"keys": list(dict.fromkeys(keys))})
    return {row.key: row for row in rows}


def _over_other_protocol(
    conn: Connection,
    contacts: Sequence[Contact],
    known: dict[str, Row[tuple[object, ...]]],
) -> dict[str, Row[tuple[object, ...]]]:
    """Find the rows of units that go by another key over the other protocol, by the new key.

    A USP agent may tell another ProductClass than the Inform of the same unit does, or its OUI in
    other letters. Where exactly one record has the OUI and the serial number, it is that record;
    over CWMP only if the unit is known to speak USP, for there another ProductClass is another
    device.
    """
    fresh = {each.device.key: each for each in contacts if each.device.key not in known}
    serials = {each.device.serial_number for each in fresh.values()}
    if not serials:
        return {}
    units: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in conn.execute(_UNITS, {"serials": sorted(serials)}):
        units[row.oui.upper(), row.serial_number].append(row)
    meant: dict[str, str] = {}
    for key, contact in fresh.items():
        same = units.get((contact.device.oui.upper(), contact.device.serial_number), [])
        if len(same) == 1 and (contact.protocol == "usp" or same[0].speaks_usp):
            meant[key] = same[0].key
    if not meant:
        return {}
    rows = _known(conn, list(meant.values()))
    return {key: rows[kept] for key, kept in meant.items() if kept in rows}


def _rename(
    conn: Connection,
    contacts: Sequence[Contact],
    known: dict[str, Row[tuple[object, ...]]],
) -> list[str]:
    """A device that shows its own password is who it was, whatever it calls itself now."""
    rows = [
        {"before": contact.account, "now": contact.device.key, "kind": contact.device.product_class}
        for contact in contacts
        if contact.account
        and contact.account != contact.device.key
        and contact.device.key not in known
    ]
    if rows:
        conn.execute(_RENAME, rows)
    return [str(row["now"]) for row in rows]


def _create(conn: Connection, fresh: dict[str, Contact]) -> set[str]:
    """Insert rows for devices never seen; return the keys of those that nobody else inserted."""
    if not fresh:
        return set()
    # One order in all processes, so that none deadlock.
    rows = [_first_row(fresh[key]) for key in sorted(fresh)]
    statement = insert(conn.dialect.name, devices).on_conflict_do_nothing()
    return set(conn.scalars(statement.returning(devices.c.key), rows))


def _first_row(contact: Contact) -> dict[str, object]:
    identity = contact.device
    device = Device(
        id=0,
        key=identity.key,
        oui=identity.oui,
        product_class=identity.product_class,
        serial_number=identity.serial_number,
        manufacturer=contact.manufacturer,
        protocol=contact.protocol,
        root=contact.root,
        hardware=contact.told("DeviceInfo.HardwareVersion"),
        software=contact.told("DeviceInfo.SoftwareVersion"),
        address=contact.address,
        connection_request_url=contact.told("ManagementServer.ConnectionRequestURL"),
        first_seen=contact.at,
        last_seen=contact.at,
    )
    row: dict[str, object] = {name: getattr(device, name) for name in FIELDS if name != "id"}
    return row | {"standing": Standing.WAITING.value, "custody": device.custody.value}


def _keep_boots(
    conn: Connection, rows: Sequence[Row[tuple[object, ...]]], contacts: Sequence[Contact]
) -> tuple[dict[int, float], dict[int, float]]:
    """Write when devices booted, and when they were reset; return both, by device id."""
    boots, resets = (
        {
            row.id: contact.at
            for row, contact in zip(rows, contacts, strict=True)
            if contact.has(kind)
        }
        for kind in (EventKind.BOOT, EventKind.BOOTSTRAP)
    )
    for times, statement in ((boots, _BOOT), (resets, _BOOTSTRAP)):
        if times:
            conn.execute(statement, [{"the_id": i, "at": times[i]} for i in sorted(times)])
    return boots, resets
