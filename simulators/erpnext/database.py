"""The tables: rows in memory with indexes, one transaction at a time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from simulators.erpnext.collation import fold
from simulators.erpnext.schema import NUMERIC, DocType, DocTypes, Field, Values


@dataclass(frozen=True, slots=True)
class Row:
    """One stored document; a change replaces the row.

    ``values`` hold asterisks for passwords, ``secrets`` their text by field name (in
    Frappe a separate, encrypted table).
    """

    values: Values
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The document's name."""
        return str(self.values["name"])


@dataclass(frozen=True, slots=True)
class Change:
    """One row's way from ``before`` (None: inserted) to ``after`` (None: deleted).

    ``silent``: not saved as a document but set behind its back, so nobody is told.
    """

    doctype: str
    before: Row | None
    after: Row | None
    silent: bool = False


class Table:
    """The rows of one doctype, found by name or by any indexed field, or in order of change."""

    def __init__(self, doctype: DocType) -> None:
        self._columns: Mapping[str, Field] = {}
        self._rows: dict[str, Row] = {}
        self._indexes: dict[str, dict[str, dict[str, None]]] = {}
        self._by_modified: list[tuple[str, str]] = []
        self.reshape(doctype)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def reshape(self, doctype: DocType) -> None:
        """Take on a form of the doctype; new columns hold what an ALTER TABLE gives."""
        new = [column for name, column in doctype.columns.items() if name not in self._columns]
        fresh = {column.name: 0 if column.type in NUMERIC else None for column in new}
        rows, self._rows = self._rows, {}
        self._columns = doctype.columns
        self._by_modified = []
        self._indexes = {
            column.name: {}
            for column in doctype.columns.values()
            if column.searchable and column.name != "name"
        }
        for row in rows.values():
            self.put(Row({**fresh, **row.values}, row.secrets))

    def get(self, name: str) -> Row | None:
        """Return the row of that name, in any case or accent."""
        return self._rows.get(fold(name))

    def indexed(self, column: str) -> bool:
        """Return whether `find` answers for this column."""
        return column == "name" or column in self._indexes

    def find(self, column: str, texts: Iterable[str]) -> Iterator[Row]:
        """Yield the rows whose indexed column equals one of the texts."""
        for key in dict.fromkeys(fold(text) for text in texts):
            names = (key,) if column == "name" else self._indexes[column].get(key, ())
            yield from (self._rows[name] for name in names if name in self._rows)

    def modified_since(self, text: str) -> Iterator[Row]:
        """Yield the rows whose ``modified`` is not less, in its order, then that of names."""
        start = bisect_left(self._by_modified, (text, ""))
        for place in range(start, len(self._by_modified)):
            yield self._rows[self._by_modified[place][1]]

    def put(self, row: Row) -> None:
        """Store a row in place of the one with the same name."""
        self.remove(row.name)
        key = fold(row.name)
        self._rows[key] = row
        insort(self._by_modified, (str(row.values["modified"]), key))
        for column, index in self._indexes.items():
            if (value := row.values.get(column)) not in (None, ""):
                index.setdefault(fold(str(value)), {})[key] = None

    def remove(self, name: str) -> None:
        """Take a row away, if it is there."""
        key = fold(name)
        row = self._rows.pop(key, None)
        if row is None:
            return
        del self._by_modified[bisect_left(self._by_modified, (str(row.values["modified"]), key))]
        for column, index in self._indexes.items():
            if (value := row.values.get(column)) not in (None, ""):
                names = index[fold(str(value))]
                del names[key]
                if not names:
                    del index[fold(str(value))]


class Database:
    """All tables and naming series, with the changes since the last commit."""

    def __init__(self, doctypes: DocTypes) -> None:
        self._tables = {name: Table(doctype) for name, doctype in doctypes.items()}
        self._series: dict[str, int] = {}
        self._series_before: dict[str, int] = {}
        self._changes: list[Change] = []

    def table(self, doctype: str) -> Table:
        """Return a doctype's table."""
        return self._tables[doctype]

    def write(self, doctype: str, before: Row | None, after: Row, *, silent: bool = False) -> None:
        """Insert (``before`` None) or replace a row; ``silent`` as `Change` says."""
        self._tables[doctype].put(after)
        self._changes.append(Change(doctype, before, after, silent))

    def delete(self, doctype: str, row: Row) -> None:
        """Delete a row."""
        self._tables[doctype].remove(row.name)
        self._changes.append(Change(doctype, row, None))

    def next_number(self, series: str) -> int:
        """Return the next number of a naming series, from 1."""
        self._series_before.setdefault(series, self._series.get(series, 0))
        self._series[series] = self._series.get(series, 0) + 1
        return self._series[series]

    def commit(self) -> tuple[Change, ...]:
        """Keep all changes; return them in order."""
        changes = tuple(self._changes)
        self._changes.clear()
        self._series_before.clear()
        return changes

    def rollback(self) -> None:
        """Take back all changes since the last commit."""
        for change in reversed(self._changes):
            if change.before is not None:
                self._tables[change.doctype].put(change.before)
            elif change.after is not None:
                self._tables[change.doctype].remove(change.after.name)
        self._series |= self._series_before
        self._changes.clear()
        self._series_before.clear()
