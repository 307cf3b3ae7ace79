"""All devices and all mirrored equipment, page by page, to be held against each other."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from acs.devices.reconcile import Entry
from acs.devices.record import Device
from acs.store import equipment
from acs.store.devices import list_thd
from acs.store.engine import Database
from acs.store.tables import equipment as table

PAGE = 1000
"""Rows of one statement: nobody waits long for a reader."""


def entries(database: Database) -> Iterator[Entry]:
    """Yield what counts of every mirrored equipment; its secrets are left behind row by row."""
    after = ""
    while True:
        with database.read() as conn:
            query = select(table.c.name).where(table.c.present, table.c.name > after)
            names = list(conn.scalars(query.order_by(table.c.name).limit(PAGE)))
            rows = equipment.wish_thd(conn, names)
        yield from (Entry.of(rows[name]) for name in names if name in rows)
        if len(names) < PAGE:
            return
        after = names[-1]


def devices(database: Database) -> Iterator[Device]:
    """Yield every device."""
    after = 0
    while True:
        with database.read() as conn:
            page = list_thd(conn, after=after, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id
