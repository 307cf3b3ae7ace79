"""Lists: which rows, which fields of them, in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zlib import crc32

from simulators.erpnext.database import Row, Table
from simulators.erpnext.documents import Documents
from simulators.erpnext.errors import crash
from simulators.erpnext.filters import (
    Condition,
    decode_json,
    not_permitted,
    predicate,
    read_conditions,
    sort_key,
)
from simulators.erpnext.schema import STANDARD_FIELDS, DocType, Field
from simulators.erpnext.users import User, require_list

DEFAULT_PAGE = 20
_ORDER = re.compile(r"(?:tab[^.]+\.)?(?P<column>\w+)(?:\s+(?P<way>asc|desc))?", re.IGNORECASE)

_CHANGE_ORDER = re.compile(r"`?modified`?( asc)?(, *`?name`?( asc)?)?", re.IGNORECASE)
"""The order in which a table keeps its rows by itself."""
_MODIFIED = next(field for field in STANDARD_FIELDS if field.name == "modified")


@dataclass(frozen=True, slots=True)
class Query:
    """The raw arguments of a list; ``length`` 0 means all rows."""

    fields: Any = None
    filters: Any = None
    or_filters: Any = None
    order_by: str | None = None
    start: int = 0
    length: int = DEFAULT_PAGE
    expand: Any = None


def whole(value: Any, default: int) -> int:
    """Return a page number or length that may come as text."""
    try:
        return default if value in (None, "") else int(value)
    except (TypeError, ValueError):
        raise crash("ValueError", f"invalid literal for int() with base 10: {value!r}") from None


def list_rows(documents: Documents, name: str, query: Query, user: User) -> list[dict[str, Any]]:
    """Return the rows of a list with the fields asked for; null fields stay null."""
    doctype = documents.listable(name, user)
    columns = _columns(documents, doctype, query.fields, user)
    end = query.start + query.length if query.length else None
    matching = _matching(documents, doctype, query)
    page = list(islice(_ordered(doctype, matching, query.order_by), query.start, end))
    shown = [{key: read(row) for key, read in columns.items()} for row in page]
    for link in decode_json(query.expand) or ():
        _expand(documents, doctype, link, shown)
    return shown


def count_rows(documents: Documents, name: str, filters: Any, user: User) -> int:
    """Return how many rows match."""
    doctype = documents.listable(name, user)
    return sum(1 for _ in _matching(documents, doctype, Query(filters=filters)))


def _matching(documents: Documents, doctype: DocType, query: Query) -> Iterator[Row]:
    """Yield the rows that match; in the order asked for, if that is the order of change."""
    every = read_conditions(query.filters, doctype)
    some = read_conditions(query.or_filters, doctype)
    tests = [predicate(condition) for condition in every]
    choices = [predicate(condition) for condition in some]
    return (
        row
        for row in _candidates(documents.db.table(doctype.name), every, some, query.order_by)
        if all(test(row.values) for test in tests)
        and (not choices or any(test(row.values) for test in choices))
    )


def _candidates(
    table: Table, every: Sequence[Condition], some: Sequence[Condition], order_by: str | None
) -> Iterable[Row]:
    """Return rows among which all that match are; only as many as an index allows."""
    if order_by and _CHANGE_ORDER.fullmatch(order_by.strip()):
        return table.modified_since(_earliest(every))
    for condition in every:
        if condition.keys is not None and table.indexed(condition.field.name):
            return table.find(condition.field.name, condition.keys)
    if some and all(one.keys is not None and table.indexed(one.field.name) for one in some):
        found = (row for one in some for row in table.find(one.field.name, one.keys or ()))
        return {row.name: row for row in found}.values()
    return table


def _earliest(conditions: Iterable[Condition]) -> str:
    """Return the ``modified`` before which no row can match."""
    key = sort_key(_MODIFIED)
    asked = (c for c in conditions if c.field.name == "modified" and c.operator in (">", ">="))
    return max((str(key(condition.value)[1]) for condition in asked), default="")


def _ordered(doctype: DocType, rows: Iterator[Row], order_by: str | None) -> Iterable[Row]:
    """Sort rows; without ``order_by`` they come in an order that nobody can rely on."""
    if not order_by:
        return sorted(rows, key=lambda row: crc32(row.name.encode()))
    if _CHANGE_ORDER.fullmatch(order_by.strip()):
        return rows
    ordered: Iterable[Row] = rows
    for term in reversed(order_by.split(",")):
        named = _ORDER.fullmatch(term.replace("`", "").strip())
        column = named["column"] if named else term.strip()
        if column not in doctype.columns:
            raise crash(
                "pymysql.err.OperationalError",
                f"(1054, \"Unknown column '{column}' in 'ORDER BY'\")",
            )
        key = sort_key(doctype.columns[column])
        down = named is not None and (named["way"] or "").lower() == "desc"
        ordered = sorted(ordered, key=_by(column, key), reverse=down)
    return ordered


def _by(column: str, key: Callable[[Any], Any]) -> Callable[[Row], Any]:
    return lambda row: key(row.values.get(column))


_Reader = Callable[[Row], Any]


def _columns(documents: Documents, doctype: DocType, raw: Any, user: User) -> Mapping[str, _Reader]:
    columns: dict[str, _Reader] = {}
    for wanted in _field_names(raw):
        text, _, alias = (part.strip(" `") for part in _split_alias(wanted))
        if text == "*":
            columns |= {column: _value(column) for column in doctype.columns}
        elif text in doctype.columns:
            columns[alias or text] = _value(text)
        elif (link := text.partition("."))[1]:
            columns[alias or link[2]] = _linked(documents, doctype, link[0], link[2], user)
        else:
            raise not_permitted(text)
    return columns


def _field_names(raw: Any) -> list[str]:
    if isinstance(raw, str) and not raw.lstrip().startswith(("[", '"')):
        return [part.strip() for part in raw.split(",")] if raw.strip() else ["name"]
    names = decode_json(raw) or ["name"]
    return [names] if isinstance(names, str) else [str(name) for name in names]


def _split_alias(text: str) -> tuple[str, str, str]:
    before, word, after = re.sub(r"\s+as\s+", "\0", text, count=1, flags=re.I).partition("\0")
    return before, word, after


def _value(column: str) -> _Reader:
    return lambda row: row.values.get(column)


def _linked(documents: Documents, doctype: DocType, link: str, column: str, user: User) -> _Reader:
    if link == f"tab{doctype.name}" and column in doctype.columns:
        return _value(column)
    field: Field | None = next((field for field in doctype.links if field.name == link), None)
    target = documents.doctypes.get(field.target or "") if field else None
    if target is None or column not in target.columns:
        raise not_permitted(f"{link}.{column}")
    require_list(user, target)
    table = documents.db.table(target.name)

    def read(row: Row) -> Any:
        linked = table.get(str(row.values.get(link) or ""))
        return linked.values.get(column) if linked else None

    return read


def _expand(documents: Documents, doctype: DocType, link: str, shown: list[dict[str, Any]]) -> None:
    field = next((field for field in doctype.links if field.name == link), None)
    if field is None or field.target is None:
        return
    table = documents.db.table(field.target)
    for values in shown:
        row = table.get(str(values.get(link) or ""))
        if row is not None:
            values[link] = documents.shown(field.target, row, nulls=False)
