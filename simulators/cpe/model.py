"""The parameter tree of one simulated CPE, with the rules of the TR-069 methods on it.

Everything here is plain values: no clock, no sockets.  Refusals are raised as
`CpeFaultError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from .faults import CpeFaultError, RefusedParameter
from .modelfile import Identity, Model
from .nodes import Node, Table
from .overlay import Overlay, forget
from .schema import FALSE, TRUE, ParameterSpec

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
        self._overlay = Overlay(model, identity, without)
        self.factory_reset()

    @property
    def overlay(self) -> Overlay:
        """Objects and rows of the unit, for who walks them; changes go through the tree."""
        return self._overlay

    def factory_reset(self) -> None:
        """Return to the state the unit left the factory in."""
        self.pending: dict[str, str] = {}
        self.late_rows: list[tuple[str, int]] = []
        """Tables, and the rows of them that were promised and are not there yet."""
        self.notifications: dict[str, int] = {}
        self.access_lists: dict[str, tuple[str, ...]] = {}
        self.changed: dict[str, int] = {}
        """Changed parameters to report, with their notification."""
        self._overlay.clear()
        for path, text in self.factory.items():
            self._overlay.store(path, self.identity.fill(text))

    # --- what the device itself does ----------------------------------------------------

    def get(self, path: str) -> str:
        """Return the value in force, hidden ones too. Raises `KeyError` if there is none."""
        node, spec = self._overlay.parameter(path)
        return self._overlay.value(path.removesuffix(spec.name), node, spec)

    def find(self, path: str, default: str = "") -> str:
        """Return the value in force, or ``default`` where the unit has no such parameter."""
        try:
            return self.get(path)
        except KeyError:
            return default

    def __contains__(self, path: str) -> bool:
        try:
            self._overlay.parameter(path)
        except KeyError:
            return False
        return True

    def knows(self, name: str) -> bool:
        """Tell whether there is such a parameter, or such an object (final dot)."""
        if not name.endswith("."):
            return name in self
        try:
            self._overlay.thing(name)
        except KeyError:
            return False
        return True

    def hidden(self, path: str) -> bool:
        """Tell whether a value is a secret; what is not in the tree counts as one."""
        try:
            return self._overlay.parameter(path)[1].hidden
        except KeyError:
            return True

    def put(self, path: str, text: str) -> None:
        """Change a value on the device's own account; reported where notification is on."""
        if self.get(path) != text:
            self._overlay.store(path, text)
            self._note(path)

    def rows(self, table: str) -> list[int]:
        """Return the row numbers of ``table`` (path with its final dot)."""
        try:
            return list(self._overlay.table(table).rows)
        except KeyError:
            return []

    def has_table(self, table: str) -> bool:
        """Tell whether the unit has a table at this path (with its final dot)."""
        try:
            self._overlay.table(table)
        except KeyError:
            return False
        return True

    def make_row(self, table: str, number: int) -> str:
        """Make a row on the device's own account, if it is not there; return its path."""
        if number not in self._overlay.table(table).rows:
            self._overlay.own_table(table).make(number)
        return f"{table}{number}."

    def drop_row(self, table: str, number: int) -> None:
        """Take a row away, with all that was set in it."""
        self._overlay.drop_row(table, number)
        forget(self.pending, f"{table}{number}.")
        forget(self.changed, f"{table}{number}.")

    def restore(self, path: str, text: str) -> bool:
        """Put a setting of a configuration file in force; False when it cannot be taken."""
        if path not in self or self._check(path, self._overlay.parameter(path)[1].type, text):
            return False
        self.put(path, self._canonical(path, text))
        return True

    def settings(self) -> Iterator[tuple[str, str]]:
        """Yield what is set, as (path, text), secrets in clear; what only triggers is not."""
        for path, node, spec in self._overlay.walk(""):
            text = self._overlay.value(path, node, spec)
            if spec.writable and spec.accepts(text):
                yield path + spec.name, text

    def apply(self) -> list[str]:
        """Put accepted values in force; return the paths whose value changed."""
        rows, self.late_rows = self.late_rows, []
        for table, number in rows:
            with suppress(KeyError):  # The row its table is in may be gone.
                self.make_row(table, number)
        due, self.pending = self.pending, {}
        changed = []
        for path, text in due.items():
            if path in self and self.get(path) != text:
                self._overlay.store(path, text)
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
            return list(self._children(path, thing))
        own = [(path, thing.spec.add)] if path else []
        return own + list(self._below(path, thing))

    def write(self, changes: Iterable[tuple[str, str, str]], *, later: bool = False) -> bool:
        """SetParameterValues (A.3.2.1) of (name, type, text): all or nothing.

        Returns True when the change applies later (Status 1); with ``later`` all does.
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
        delayed = {path for path in wanted if later or self._applies_later(path)}
        for path, text in wanted.items():
            value = self._canonical(path, text)
            if path in delayed:
                self.pending[path] = value
            else:
                self._overlay.store(path, value)
        return bool(delayed)

    def add(self, path: str, *, late: bool = False) -> int:
        """AddObject (A.3.2.6): make a row in table ``path``, return its number.

        A ``late`` one is there once accepted values take effect (Status 1).
        """
        table = self._object_or_fault(path)
        if not isinstance(table, Table) or not table.spec.add:
            raise CpeFaultError(9005)
        if len(table.rows) >= table.spec.max_rows:
            raise CpeFaultError(9004)
        number = table.next_row
        own = self._overlay.own_table(path)
        if late:
            own.next_row = number + 1
            self.late_rows.append((path, number))
        else:
            own.make(number)
        return number

    def delete(self, path: str) -> None:
        """DeleteObject (A.3.2.7): delete row ``path``."""
        row = self._object_or_fault(path)
        above, _, number = path.removesuffix(".").rpartition(".")
        if isinstance(row, Table) or not number.isdigit() or not row.spec.add:
            raise CpeFaultError(9005)
        if row.spec.locked and self.find(path + "Enable") in TRUE:
            raise CpeFaultError(row.spec.locked)
        self.drop_row(above + ".", int(number))

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
        return {
            **self._overlay.dump(),
            "pending": self.pending,
            "late_rows": self.late_rows,
            "notifications": self.notifications,
            "access_lists": {path: list(names) for path, names in self.access_lists.items()},
            "changed": self.changed,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a state that `dump` gave. Raises `KeyError` for one of another model."""
        self.factory_reset()
        self._overlay.load(state)
        self.pending = dict(state["pending"])
        self.late_rows = [(table, number) for table, number in state.get("late_rows", ())]
        self.notifications = dict(state["notifications"])
        self.access_lists = {path: tuple(v) for path, v in state["access_lists"].items()}
        self.changed = dict(state["changed"])

    # --- inside -------------------------------------------------------------------------

    def _applies_later(self, path: str) -> bool:
        return path.startswith(self.model.later) and not path.startswith(self.model.at_once)

    def _parameter_or_fault(self, path: str) -> tuple[Node, ParameterSpec]:
        try:
            return self._overlay.parameter(path)
        except KeyError:
            raise CpeFaultError(9005) from None

    def _object_or_fault(self, path: str) -> Node | Table:
        if path and not path.endswith("."):
            raise CpeFaultError(9005)
        try:
            return self._overlay.thing(path)
        except KeyError:
            raise CpeFaultError(9005) from None

    def _read(self, name: str) -> Iterator[Parameter]:
        if name and not name.endswith("."):
            node, spec = self._parameter_or_fault(name)
            yield self._shown(name.removesuffix(spec.name), node, spec)
            return
        self._object_or_fault(name)
        for path, node, spec in self._overlay.walk(name):
            yield self._shown(path, node, spec)

    def _shown(self, path: str, node: Node, spec: ParameterSpec) -> Parameter:
        text = "" if spec.hidden else self._overlay.value(path, node, spec)
        return Parameter(path + spec.name, spec.type, text)

    def _children(self, path: str, thing: Node | Table) -> Iterator[tuple[str, bool]]:
        """Names on the next level; Writable of a table means AddObject, of a row DeleteObject."""
        if isinstance(thing, Node):
            for spec in self._overlay.parameters(path, thing):
                yield path + spec.name, spec.writable
        for at, child in self._overlay.inside(path, thing):
            yield at, child.spec.add

    def _below(self, path: str, thing: Node | Table) -> Iterator[tuple[str, bool]]:
        inside = dict(self._overlay.inside(path, thing))
        for name, writable in self._children(path, thing):
            yield name, writable
            if name in inside:
                yield from self._below(name, inside[name])

    def _note(self, path: str) -> None:
        notification = self.notification(path)
        if notification:
            self.changed[path] = notification

    def _check(self, name: str, kind: str, text: str) -> int:
        """Return the fault code for writing ``text``, 0 if it may be written."""
        try:
            spec = self._overlay.parameter(name)[1]
        except KeyError:
            return 9005
        if not spec.writable:
            return 9008
        if kind != spec.type:
            return 9006
        above = name.removesuffix(spec.name)
        words = self.find(above + spec.words_from) if spec.words_from else ""
        return 0 if spec.accepts(text, tuple(filter(None, words.split(",")))) else 9007

    def _canonical(self, path: str, text: str) -> str:
        if self._overlay.parameter(path)[1].type == "boolean":
            return "0" if text in FALSE else "1"
        return text
