"""The narrow rows of devices: reading, saving, finding, listing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, or_, select, update

from acs.devices.identity import normal_mac, normal_serial
from acs.devices.record import Custody, Device, Standing
from acs.store.errors import BadEffect
from acs.store.tables import devices, usp_agents, usp_notifies

FIELDS = tuple(field.name for field in fields(Device))
_STANDING = FIELDS.index("standing")
_CUSTODY = FIELDS.index("custody")
_FIXED = frozenset(
    {"id", "key", "oui", "product_class", "serial_number", "first_seen"},
)
CHANGEABLE = frozenset(FIELDS) - _FIXED
"""Columns that `acs.devices.effects.SaveDevice` may name."""

_BIGGEST_ID = 2**63 - 1


def from_row(row: Sequence[Any]) -> Device:
    """Make the value of a row whose first columns are those of `devices`."""
    values = list(row[: len(FIELDS)])
    values[_STANDING] = Standing(values[_STANDING])
    values[_CUSTODY] = Custody(values[_CUSTODY])
    return Device(*values)


def get_thd(conn: Connection, device_id: int) -> Device | None:
    """The device with this id."""
    row = conn.execute(select(devices).where(devices.c.id == device_id)).first()
    return None if row is None else from_row(row)


def resolve_thd(conn: Connection, text: str) -> list[Device]:
    """Find the devices a person may mean by ``text``, ordered by id.

    It may be a key, an id, a serial number, a MAC in any spelling, the name of an equipment, or
    the endpoint id of a USP agent. A key that fits exactly decides; else whatever fits is
    returned, and more than one is for the person to decide.
    """
    wanted = text.strip()
    if not wanted:
        return []
    ways: list[ColumnElement[bool]] = [
        devices.c.key == wanted,
        devices.c.serial_number.in_({wanted, normal_serial(wanted), wanted.lower()}),
        devices.c.equipment == wanted,
    ]
    if wanted.isdecimal() and int(wanted) <= _BIGGEST_ID:
        ways.append(devices.c.id == int(wanted))
    if "::" in wanted:
        agents = select(usp_agents.c.device_id).where(usp_agents.c.endpoint == wanted)
        ways.append(devices.c.id.in_(agents))
    if mac := normal_mac(wanted):
        ways.append(devices.c.mac == mac)
    rows = conn.execute(select(devices).where(or_(*ways)).order_by(devices.c.id)).all()
    found = [from_row(row) for row in rows]
    return [device for device in found if device.key == wanted] or found


def list_thd(
    conn: Connection,
    *,
    standing: Standing | None = None,
    search: str = "",
    after: int = 0,
    limit: int = 100,
) -> list[Device]:
    """List devices by id, beginning after the id ``after`` (the last one of the page before).

    ``search`` is looked for, in any case, in key, serial number, MAC (any spelling), equipment,
    model and address.
    """
    query = select(devices).where(devices.c.id > after).order_by(devices.c.id).limit(limit)
    if standing is not None:
        query = query.where(devices.c.standing == standing.value)
    if search.strip():
        query = query.where(_mentions(search.strip()))
    return [from_row(row) for row in conn.execute(query)]


def _mentions(text: str) -> ColumnElement[bool]:
    searched = ("key", "serial_number", "equipment", "model", "address")
    ways = [devices.c[name].icontains(text, autoescape=True) for name in searched]
    hexadecimal = text.translate(str.maketrans("", "", ":-.")).upper()
    if hexadecimal:
        ways.append(devices.c.mac.contains(hexadecimal, autoescape=True))
    return or_(*ways)


def standings_thd(conn: Connection) -> dict[Standing, int]:
    """Count the devices per standing; every standing is there."""
    counted = select(devices.c.standing, func.count()).group_by(devices.c.standing)
    counts = {row[0]: row[1] for row in conn.execute(counted)}
    return {standing: counts.get(standing.value, 0) for standing in Standing}


def by_equipment_thd(conn: Connection, names: Iterable[str]) -> dict[str, list[Device]]:
    """Find the devices matched to each of the equipments, to wake them; none: not in the answer."""
    wanted = {name for name in names if name}
    found: dict[str, list[Device]] = defaultdict(list)
    if wanted:
        query = select(devices).where(devices.c.equipment.in_(wanted)).order_by(devices.c.id)
        for row in conn.execute(query):
            device = from_row(row)
            found[device.equipment].append(device)
    return dict(found)


def save_thd(conn: Connection, changes: Mapping[int, Mapping[str, object]]) -> None:
    """Change columns of devices, one executemany per set of columns.

    Raises `BadEffect` for a column that is not in `CHANGEABLE`; an id that is not there is passed
    over: its device was deleted meanwhile.
    """
    groups: dict[tuple[str, ...], list[dict[str, object]]] = defaultdict(list)
    for device_id in sorted(changes):  # one order in all processes, so that none deadlock
        values = changes[device_id]
        if bad := values.keys() - CHANGEABLE:
            raise BadEffect(f"device {device_id}: {', '.join(sorted(bad))} cannot be changed")
        if values:
            row = {name: _plain(value) for name, value in values.items()}
            row["the_id"] = device_id
            groups[tuple(sorted(values))].append(row)
    for names, rows in groups.items():
        statement = update(devices).where(devices.c.id == bindparam("the_id"))
        conn.execute(statement.values({name: bindparam(name) for name in names}), rows)


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def delete_thd(conn: Connection, device_id: int) -> bool:
    """Delete a device with all that is kept of it; tell whether it was there."""
    agents = select(usp_agents.c.endpoint).where(usp_agents.c.device_id == device_id)
    conn.execute(delete(usp_notifies).where(usp_notifies.c.endpoint.in_(agents)))
    conn.execute(delete(usp_agents).where(usp_agents.c.device_id == device_id))
    return conn.execute(delete(devices).where(devices.c.id == device_id)).rowcount > 0
