"""Queries of `acs.devices.query` in SQL: the same meaning, with bound parameters alone."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq, gt, lt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)

from acs.devices.query import (
    FOLDED,
    LOWER,
    SEARCHED,
    UPPER,
    Age,
    AnyOf,
    Compare,
    Condition,
    Like,
    Mention,
    Not,
    Pattern,
    Query,
    Tagged,
    Wild,
)
from acs.devices.record import Device
from acs.store.devices import from_row
from acs.store.tables import devices, equipment, tags

_ESCAPE = "\\"
_SPECIAL = str.maketrans({sign: _ESCAPE + sign for sign in ("%", "_", _ESCAPE)})
_SIGNS = {Wild.ANY: "%", Wild.ONE: "_"}
_COMPARED = {"=": eq, "<": lt, ">": gt}

Text = ColumnElement[str]
Holds = ColumnElement[bool]


def list_thd(
    conn: Connection, query: Query, now: float, *, after: int = 0, limit: int | None = 100
) -> list[Device]:
    """List the devices that ``query`` means at ``now``, by id, beginning after the id ``after``."""
    found = _where(conn, select(devices), query, now).where(devices.c.id > after)
    rows = conn.execute(found.order_by(devices.c.id).limit(limit))
    return [from_row(row) for row in rows]


def count_thd(conn: Connection, query: Query, now: float) -> int:
    """Count the devices that ``query`` means at ``now``."""
    counted = _where(conn, select(func.count()).select_from(devices), query, now)
    return int(conn.scalar(counted) or 0)


def _where(conn: Connection, chosen: Select[Any], query: Query, now: float) -> Select[Any]:
    return chosen.where(*(_Writer(conn.dialect.name, now).holds(c) for c in query.conditions))


class _Writer:
    """Writes conditions for one kind of database, as of ``now``."""

    def __init__(self, dialect: str, now: float) -> None:
        self._postgresql = dialect == "postgresql"
        self._now = now

    def holds(self, condition: Condition) -> Holds:
        match condition:
            case Like(field, patterns):
                return self._like(field, patterns)
            case Tagged(patterns):
                return self._tagged(patterns)
            case Age(field, seconds, less):
                at = self._now - seconds
                return devices.c[field] > at if less else devices.c[field] < at
            case Compare("own_credentials", _, values):
                return devices.c.own_credentials.in_([bool(value) for value in values])
            case Compare(field, operator, values):
                compared = _COMPARED[operator]
                return or_(*(compared(devices.c[field], value) for value in values))
            case Mention(pattern, mac):
                ways = [self._fits(self._fold(devices.c[name]), (pattern,)) for name in SEARCHED]
                if mac is not None:
                    ways.append(self._fits(self._fold(devices.c.mac), (mac,)))
                return or_(*ways)
            case Not(inner):
                return not_(self.holds(inner))
            case AnyOf(queries):
                return or_(false(), *(and_(true(), *map(self.holds, one)) for one in queries))

    def _like(self, field: str, patterns: Sequence[Pattern]) -> Holds:
        of, _, name = field.partition(".")
        if not name:
            column = devices.c[of]
            return self._fits(column if field in FOLDED else self._fold(column), patterns)
        column = equipment.c[name]
        fits = self._fits(column if field in FOLDED else self._fold(column), patterns)
        matched = and_(equipment.c.name == devices.c.equipment, equipment.c.present)
        known = exists().where(matched, fits).correlate(devices)
        if not any(pattern.regex.fullmatch("") for pattern in patterns):
            return known
        # What is not mirrored has empty fields.
        return or_(known, not_(exists().where(matched).correlate(devices)))

    def _tagged(self, patterns: Sequence[Pattern]) -> Holds:
        own = tags.c.device_id == devices.c.id
        tagged = exists().where(own, self._fits(tags.c.tag, patterns)).correlate(devices)
        if not any(pattern.regex.fullmatch("") for pattern in patterns):
            return tagged
        return or_(tagged, not_(exists().where(own).correlate(devices)))

    def _fits(self, text: Text, patterns: Sequence[Pattern]) -> Holds:
        words = [word for pattern in patterns if (word := pattern.plain) is not None]
        likes = [text.like(_like(p), escape=_ESCAPE) for p in patterns if p.plain is None]
        return or_(*([text.in_(words)] if words else []), *likes)

    def _fold(self, text: Text) -> Text:
        # SQLite's lower() knows A to Z alone; PostgreSQL's depends on the database's locale.
        return func.translate(text, UPPER, LOWER) if self._postgresql else func.lower(text)


def _like(pattern: Pattern) -> str:
    return "".join(
        _SIGNS[part] if isinstance(part, Wild) else part.translate(_SPECIAL)
        for part in pattern.parts
    )
