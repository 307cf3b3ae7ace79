"""The parameter tree of one simulated CPE, with the rules of the TR-069 methods on it.

Everything here is plain values: no clock, no sockets.  Refusals are raised as
`CpeFaultError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .faults import CpeFaultError, RefusedParameter
from .modelfile import Identity, Model
from .schema import FALSE, TRUE, ObjectSpec, ParameterSpec

OFF, PASSIVE, ACTIVE = 0, 1, 2


class Parameter(NamedTuple):
    """A parameter as a CPE reports it."""

    name: str
    type: str
    text: str


class Attributes(NamedTuple):
    """Notification and access list of one parameter."""

    name: str
    notification: int
    access_list: tuple[str, ...]


class AttributeChange(NamedTuple):
    """One entry of SetParameterAttributes; None leaves a part unchanged."""

    name: str
    notification: int | None
    access_list: tuple[str, ...] | None


@dataclass(slots=True)
class Node:
    """An object, or one row of a table."""

    spec: ObjectSpec
    path: str
    values: dict[str, str] = field(default_factory=dict)
    children: dict[str, Node | Table] = field(default_factory=dict)


@dataclass(slots=True)
class Table:
    """A table; numbers of deleted rows are not used again."""

    spec: ObjectSpec
    path: str
    rows: dict[int, Node] = field(default_factory=dict)
    next_row: int = 1


class Tree:
    """Parameters of one unit: what is in force, and what was accepted but applies later.

    ``factory`` overrides values of the model (path → text), such as the ACS address the
    operator had put in; a factory reset returns to the model with these.  ``without``
    names parameters this unit's firmware does not have.
    """

    def __init__(
        self,
        model: Model,
        identity: Identity,
        factory: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
    ) -> None:
        self.model = model
        self.identity = identity
        self.factory = dict(factory or {})
        self.without = tuple(without)
        self.factory_reset()

    def factory_reset(self) -> None:
        """Return to the state the unit left the factory in."""
        self.pending: dict[str, str] = {}
        self.notifications: dict[str, int] = {}
        self.access_lists: dict[str, tuple[str, ...]] = {}
        self.changed: dict[str, int] = {}
        """Changed parameters to report, with their notification."""
        self._root = Node(self.model.root, "")
        self._fill(self._root)
        fill = self.identity.fill
        for table, rows in self.model.rows.items():
            for number, values in rows.items():
                row = self._make_row(self._table(table), number)
                for leaf, text in values.items():
                    self._store(row.path + leaf, fill(text))
        for path, text in {**self.model.values, **self.factory}.items():
            self._store(path, fill(text))
        for path in self.without:
            node, spec = self._parameter(path)
            del node.values[spec.name]

    # --- what the device itself does ----------------------------------------------------

    def get(self, path: str) -> str:
        """Return the value in force, hidden ones too. Raises `KeyError` if there is none."""
        node, spec = self._parameter(path)
        return self._value(node, spec)

    def find(self, path: str, default: str = "") -> str:
        """Return the value in force, or ``default`` where the unit has no such parameter."""
        try:
            return self.get(path)
        except KeyError:
            return default

    def __contains__(self, path: str) -> bool:
        try:
            self._parameter(path)
        except KeyError:
            return False
        return True

    def hidden(self, path: str) -> bool:
        """Tell whether a value is a secret; what is not in the tree counts as one."""
        try:
            return self._parameter(path)[1].hidden
        except KeyError:
            return True

    def put(self, path: str, text: str) -> None:
        """Change a value on the device's own account; reported where notification is on."""
        if self.get(path) != text:
            self._store(path, text)
            self._note(path)

    def rows(self, table: str) -> list[int]:
        """Return the row numbers of ``table`` (path with its final dot)."""
        try:
            return list(self._table(table).rows)
        except KeyError:
            return []

    def make_row(self, table: str, number: int) -> str:
        """Make a row on the device's own account, if it is not there; return its path."""
        there = self._table(table)
        return (there.rows.get(number) or self._make_row(there, number)).path

    def apply(self) -> list[str]:
        """Put accepted values in force; return the paths whose value changed."""
        due, self.pending = self.pending, {}
        changed = []
        for path, text in due.items():
            if path in self and self.get(path) != text:
                self._store(path, text)
                self._note(path)
                changed.append(path)
        return changed

    # --- RPC methods --------------------------------------------------------------------

    def read(self, names: Iterable[str]) -> list[Parameter]:
        """GetParameterValues (A.3.2.2): full names and partial paths; any unknown is 9005."""
        found: dict[str, Parameter] = {}
        for name in names:
            for parameter in self._read(name):
                found[parameter.name] = parameter
        return list(found.values())

    def names(self, path: str, next_level: bool) -> list[tuple[str, bool]]:
        """GetParameterNames (A.3.2.3): names with their Writable flag."""
        if path and not path.endswith("."):
            spec = self._parameter_or_fault(path)[1]
            if next_level:
                raise CpeFaultError(9003)
            return [(path, spec.writable)]
        thing = self._object_or_fault(path)
        if next_level:
            return list(_children(thing))
        own = [] if thing is self._root else [_entry(thing)]
        return own + list(_below(thing))

    def write(self, changes: Iterable[tuple[str, str, str]]) -> bool:
        """SetParameterValues (A.3.2.1) of (name, type, text): all or nothing.

        Returns True when the change applies later (Status 1).
        """
        wanted: dict[str, str] = {}
        refused = []
        for name, kind, text in changes:
            code = 9003 if name in wanted else self._check(name, kind, text)
            if code:
                refused.append(RefusedParameter(name, code))
            wanted[name] = text
        if refused:
            raise CpeFaultError(9003, tuple(refused))
        later = {path for path in wanted if path.startswith(self.model.later)}
        for path, text in wanted.items():
            value = self._canonical(path, text)
            if path in later:
                self.pending[path] = value
            else:
                self._store(path, value)
        return bool(later)

    def add(self, path: str) -> int:
        """AddObject (A.3.2.6): make a row in table ``path``, return its number."""
        table = self._object_or_fault(path)
        if not isinstance(table, Table) or not table.spec.add:
            raise CpeFaultError(9005)
        if len(table.rows) >= table.spec.max_rows:
            raise CpeFaultError(9004)
        number = table.next_row
        self._make_row(table, number)
        return number

    def delete(self, path: str) -> None:
        """DeleteObject (A.3.2.7): delete row ``path``."""
        row = self._object_or_fault(path)
        above, _, number = path.removesuffix(".").rpartition(".")
        if isinstance(row, Table) or not number.isdigit() or not row.spec.add:
            raise CpeFaultError(9005)
        if row.spec.locked and row.values.get("Enable") in TRUE:
            raise CpeFaultError(row.spec.locked)
        del self._table(above + ".").rows[int(number)]
        self.pending = {p: text for p, text in self.pending.items() if not p.startswith(path)}

    def attributes(self, names: Iterable[str]) -> list[Attributes]:
        """GetParameterAttributes (A.3.2.5)."""
        return [
            Attributes(p.name, self.notification(p.name), self.access_lists.get(p.name, ()))
            for p in self.read(names)
        ]

    def set_attributes(self, changes: Iterable[AttributeChange]) -> None:
        """SetParameterAttributes (A.3.2.4): all or nothing; 9009 for what must stay active."""
        notifications: dict[str, int] = {}
        access: dict[str, tuple[str, ...]] = {}
        for change in changes:
            for parameter in self._read(change.name):
                if change.notification is not None:
                    if change.notification not in (OFF, PASSIVE, ACTIVE):
                        raise CpeFaultError(9003)
                    if parameter.name in self.model.active and change.notification != ACTIVE:
                        raise CpeFaultError(9009)
                    notifications[parameter.name] = change.notification
                if change.access_list is not None:
                    access[parameter.name] = change.access_list
        self.notifications.update(notifications)
        self.access_lists.update(access)

    def notification(self, path: str) -> int:
        """Return the notification attribute of a parameter."""
        return ACTIVE if path in self.model.active else self.notifications.get(path, OFF)

    # --- keeping state ------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Return what differs from the factory state, for `load`."""
        fresh = Tree(self.model, self.identity, self.factory, self.without)
        own, base = dict(self._walk()), dict(fresh._walk())
        tables = {table.path: (list(table.rows), table.next_row) for table in self._tables()}
        return {
            "values": {path: text for path, text in own.items() if base.get(path) != text},
            "tables": tables,
            "pending": self.pending,
            "notifications": self.notifications,
            "access_lists": {path: list(names) for path, names in self.access_lists.items()},
            "changed": self.changed,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a state that `dump` gave."""
        self.factory_reset()
        for path, (numbers, next_row) in state["tables"].items():
            table = self._table(path)
            for number in set(table.rows) - set(numbers):
                del table.rows[number]
            for number in numbers:
                if number not in table.rows:
                    self._make_row(table, number)
            table.next_row = next_row
        for path, text in state["values"].items():
            self._store(path, text)
        self.pending = dict(state["pending"])
        self.notifications = dict(state["notifications"])
        self.access_lists = {path: tuple(v) for path, v in state["access_lists"].items()}
        self.changed = dict(state["changed"])

    # --- inside -------------------------------------------------------------------------

    def _fill(self, node: Node) -> None:
        """Give a new object its parameters and everything below it."""
        for name, spec in node.spec.parameters.items():
            node.values[name] = self.identity.fill(spec.default)
        for name, child in node.spec.children.items():
            path = f"{node.path}{name}."
            if child.table:
                node.children[name] = Table(child, path)
            else:
                node.children[name] = Node(child, path)
                self._fill(node.children[name])  # type: ignore[arg-type]

    def _make_row(self, table: Table, number: int) -> Node:
        row = Node(table.spec, f"{table.path}{number}.")
        self._fill(row)
        table.rows[number] = row
        table.next_row = max(table.next_row, number + 1)
        return row

    def _object(self, path: str) -> Node | Table:
        """Find the object, table or row at ``path`` (final dot; empty: root)."""
        thing: Node | Table = self._root
        for step in path.split(".")[:-1]:
            if isinstance(thing, Node):
                thing = thing.children[step]
            elif step.isascii() and step.isdigit():
                thing = thing.rows[int(step)]
            else:
                raise KeyError(path)
        return thing

    def _table(self, path: str) -> Table:
        thing = self._object(path)
        if not isinstance(thing, Table):
            raise KeyError(f"{path} is no table")
        return thing

    def _tables(self) -> Iterator[Table]:
        waiting: list[Node | Table] = [self._root]
        while waiting:
            thing = waiting.pop(0)
            if isinstance(thing, Table):
                yield thing
            waiting.extend(thing.rows.values() if isinstance(thing, Table) else _nodes(thing))

    def _parameter(self, path: str) -> tuple[Node, ParameterSpec]:
        above, _, leaf = path.rpartition(".")
        node = self._object(above + "." if above else "")
        if isinstance(node, Table) or leaf not in node.values:
            raise KeyError(path)
        return node, node.spec.parameters[leaf]

    def _parameter_or_fault(self, path: str) -> tuple[Node, ParameterSpec]:
        try:
            return self._parameter(path)
        except KeyError:
            raise CpeFaultError(9005) from None

    def _object_or_fault(self, path: str) -> Node | Table:
        if path and not path.endswith("."):
            raise CpeFaultError(9005)
        try:
            return self._object(path)
        except KeyError:
            raise CpeFaultError(9005) from None

    def _value(self, node: Node, spec: ParameterSpec) -> str:
        if spec.count_of:
            table = node.children.get(spec.count_of)
            return str(len(table.rows)) if isinstance(table, Table) else "0"
        return node.values[spec.name]

    def _read(self, name: str) -> Iterator[Parameter]:
        if name and not name.endswith("."):
            node, spec = self._parameter_or_fault(name)
            yield self._shown(node, spec)
            return
        waiting = [self._object_or_fault(name)]
        while waiting:
            thing = waiting.pop(0)
            if isinstance(thing, Table):
                waiting[:0] = thing.rows.values()
                continue
            for leaf in thing.values:
                yield self._shown(thing, thing.spec.parameters[leaf])
            waiting[:0] = thing.children.values()

    def _shown(self, node: Node, spec: ParameterSpec) -> Parameter:
        text = "" if spec.hidden else self._value(node, spec)
        return Parameter(node.path + spec.name, spec.type, text)

    def _walk(self) -> Iterator[tuple[str, str]]:
        for parameter in self._read(""):
            yield parameter.name, self.get(parameter.name)

    def _store(self, path: str, text: str) -> None:
        node, spec = self._parameter(path)
        node.values[spec.name] = text

    def _note(self, path: str) -> None:
        notification = self.notification(path)
        if notification:
            self.changed[path] = notification

    def _check(self, name: str, kind: str, text: str) -> int:
        """Return the fault code for writing ``text``, 0 if it may be written."""
        try:
            node, spec = self._parameter(name)
        except KeyError:
            return 9005
        if not spec.writable:
            return 9008
        if kind != spec.type:
            return 9006
        words = self.find(node.path + spec.words_from) if spec.words_from else ""
        return 0 if spec.accepts(text, tuple(filter(None, words.split(",")))) else 9007

    def _canonical(self, path: str, text: str) -> str:
        if self._parameter(path)[1].type == "boolean":
            return "0" if text in FALSE else "1"
        return text


def _nodes(node: Node) -> list[Node | Table]:
    return list(node.children.values())


def _entry(thing: Node | Table) -> tuple[str, bool]:
    """Name and Writable: a table's means AddObject, a row's means DeleteObject."""
    return thing.path, thing.spec.add


def _children(thing: Node | Table) -> Iterator[tuple[str, bool]]:
    if isinstance(thing, Table):
        yield from map(_entry, thing.rows.values())
        return
    for leaf in thing.values:
        yield thing.path + leaf, thing.spec.parameters[leaf].writable
    yield from map(_entry, thing.children.values())


def _below(thing: Node | Table) -> Iterator[tuple[str, bool]]:
    if isinstance(thing, Table):
        for row in thing.rows.values():
            yield _entry(row)
            yield from _below(row)
        return
    for leaf in thing.values:
        yield thing.path + leaf, thing.spec.parameters[leaf].writable
    for child in thing.children.values():
        yield _entry(child)
        yield from _below(child)
