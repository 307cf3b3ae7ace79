"""A device in memory that answers the operations of `acs.model`, for tests of flows.

device = MemoryDevice({"Device.WiFi.SSID.1.SSID": "home"}, write_only=["*.KeyPassphrase"])
outcome = device.run(converge(device.model, task))
device.operations, device.written, device["Device.WiFi.SSID.1.SSID"]
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from acs.model import (
    Accept,
    Add,
    Added,
    Change,
    Command,
    DataModel,
    Delete,
    Fault,
    Get,
    List,
    ListedName,
    Names,
    Operation,
    ParameterFault,
    Procedure,
    Refuse,
    SessionLost,
    Set,
    Started,
    Value,
    Values,
    ValueType,
    Written,
    YourTurn,
)

Plain = Value | str | bool | int


def value_of(plain: Plain) -> Value:
    """Give a plain value its type: bool → boolean, int → unsignedInt, str → string."""
    if isinstance(plain, Value):
        return plain
    if isinstance(plain, bool):
        return Value("true" if plain else "false", ValueType.BOOLEAN)
    if isinstance(plain, int):
        return Value(str(plain), ValueType.UNSIGNED_INT)
    return Value(plain)


_USP_CODES = {9000: 7001, 9003: 7004, 9005: 7026, 9006: 7011, 9007: 7012, 9008: 7013}
"""What an agent of USP says where a CPE says the key."""


def over_usp(fault: Fault) -> Fault:
    """A fault as a device tells it that speaks USP."""
    parameters = tuple(replace(p, code=_USP_CODES.get(p.code, p.code)) for p in fault.parameters)
    return replace(fault, code=_USP_CODES.get(fault.code, fault.code), parameters=parameters)


class MemoryDevice:
    """A tree of parameters; patterns are those of a shell, over full paths."""

    def __init__(
        self,
        values: Mapping[str, Plain],
        *,
        read_only: Iterable[str] = (),
        write_only: Iterable[str] = (),
        later: Iterable[str] = (),
        refuse: Mapping[str, int] | None = None,
        lost_after: int | None = None,
        rows: Mapping[str, Mapping[str, Plain]] | None = None,
        usp: bool = False,
    ) -> None:
        """`later`: applied by `next_session` only (Status 1). `refuse`: fault code by pattern.

        `lost_after`: the device goes away when this many operations were performed. `rows`: what
        a new row holds, by the path of its table, which may be empty. `usp`: it refuses with the
        codes of USP.
        """
        self.model = DataModel()
        self.values = {path: value_of(value) for path, value in values.items()}
        self.factory = dict(self.values)
        self.pending: dict[str, Value] = {}
        self.read_only = list(read_only)
        self.write_only = list(write_only)
        self.later = list(later)
        self.refuse = dict(refuse or {})
        self.lost_after = lost_after
        self.silent_at: int | None = None
        """The operation of this number is performed, and the device goes away over its answer."""
        self.fault_at: dict[int, Fault] = {}
        """What operations are answered with, by their number from 1."""
        self.rows = dict(rows or {})
        self.usp = usp
        self.operations: list[Operation] = []
        self.answers: dict[type[Procedure], Any] = {}
        """Outcome of each procedure it knows, or a function that makes it; 9000 to others."""

    # --- what tests look at

    def __getitem__(self, path: str) -> str:
        return self.values[path].text

    @property
    def sets(self) -> list[Set]:
        return [operation for operation in self.operations if isinstance(operation, Set)]

    @property
    def asked(self) -> list[Procedure]:
        """The rarer procedures it was asked for, in order."""
        return [operation for operation in self.operations if isinstance(operation, Procedure)]

    @property
    def written(self) -> list[str]:
        """Every path in a request that writes, refused ones too, in order."""
        return [change.path for operation in self.sets for change in operation.changes]

    # --- what tests do

    def run(self, flow: Coroutine[Operation, Any, Any]) -> Any:
        """Drive ``flow`` to its end and return what it returns."""
        outcome: Any = None
        lost = False
        while True:
            try:
                operation = flow.throw(SessionLost("gone")) if lost else flow.send(outcome)
            except StopIteration as stop:
                return stop.value
            self.operations.append(operation)
            number = len(self.operations)
            lost = self.lost_after is not None and number > self.lost_after
            fault = self.fault_at.get(number)
            try:
                outcome = None if lost else fault or self.perform(operation)
            except SessionLost:
                outcome, lost = None, True
            if self.usp and isinstance(outcome, Fault):
                outcome = over_usp(outcome)
            lost = lost or number == self.silent_at

    def next_session(self) -> None:
        """Apply what was accepted for later, and forget the operations so far."""
        self.values.update(self.pending)
        self.pending.clear()
        self.operations.clear()

    def factory_reset(self) -> None:
        """Go back to the values it was made with."""
        self.values = dict(self.factory)
        self.pending.clear()
        self.operations.clear()

    def perform(self, operation: Operation) -> Any:
        """Answer one operation."""
        match operation:
            case Get(paths):
                return self._get(paths)
            case Set(changes):
                return self._set(changes)
            case List(path, next_level):
                return self._list(path, next_level)
            case Add(table):
                return self._add(table)
            case Delete(row):
                return self._delete(row)
            case Command():
                return Started()
            case Accept():
                return YourTurn()
            case Refuse():
                return None
            case _:
                answer = self.answers.get(type(operation), Fault(9000, "Method not supported"))
                return answer(operation) if callable(answer) else answer

    def _get(self, paths: tuple[str, ...]) -> Values:
        found: dict[str, Value] = {}
        missing: list[str] = []
        for path in paths:
            names = [
                n for n in self.values if n == path or (path[-1:] == "." and n.startswith(path))
            ]
            if not names:
                missing.append(path)
            found.update((name, self._shown(name)) for name in names)
        return Values(found, tuple(missing))

    def _shown(self, path: str) -> Value:
        value = self.values[path]
        return Value("", value.type) if _any(self.write_only, path) else value

    def _set(self, changes: tuple[Change, ...]) -> Written | Fault:
        refused = [fault for change in changes if (fault := self._objection(change))]
        if len({change.path for change in changes}) < len(changes):
            return Fault(9003, "Invalid arguments")
        if refused:
            return Fault(9003, "Invalid arguments", tuple(refused))
        pending = False
        for change in changes:
            later = _any(self.later, change.path)
            pending = pending or later
            kept = self.pending if later else self.values
            kept[change.path] = Value(change.value.text, self.values[change.path].type)
        return Written(pending)

    def _objection(self, change: Change) -> ParameterFault | None:
        if change.path not in self.values:
            return ParameterFault(change.path, 9005, "Invalid parameter name")
        if _any(self.read_only, change.path):
            return ParameterFault(change.path, 9008, "Non-writable parameter")
        for pattern, code in self.refuse.items():
            if fnmatchcase(change.path, pattern):
                return ParameterFault(change.path, code, "Refused")
        kind = self.values[change.path].type
        if not _valid(change.value.text, kind):
            return ParameterFault(change.path, 9007, "Invalid parameter value")
        if kind is not change.value.type:
            return ParameterFault(change.path, 9006, "Invalid parameter type")
        return None

    def _list(self, path: str, next_level: bool) -> Names | Fault:
        below = [name for name in self.values if name.startswith(path)]
        if not below and path in self.rows:
            return Names(())
        if not below:
            return Fault(9005, "Invalid parameter name")
        names: dict[str, None] = {}
        for name in below:
            head, dot, _ = name.removeprefix(path).partition(".")
            names[path + head + dot] = None
            if not next_level:
                names[name] = None
        return Names(tuple(ListedName(n, not _any(self.read_only, n)) for n in names))

    def _add(self, table: str) -> Added | Fault:
        rows = {
            int(number)
            for name in self.values
            if name.startswith(table)
            and (number := name.removeprefix(table).partition(".")[0]).isdecimal()
        }
        if not rows and table not in self.rows:
            return Fault(9005, "Invalid parameter name")
        new = f"{table}{max(rows, default=0) + 1}."
        if table in self.rows:
            made = {new + leaf: value_of(value) for leaf, value in self.rows[table].items()}
            self.values.update(made)
            return Added(new)
        like = f"{table}{min(rows)}."
        for name, value in list(self.values.items()):
            if name.startswith(like):
                empty = {ValueType.BOOLEAN: "false", ValueType.STRING: ""}.get(value.type, "0")
                self.values[new + name.removeprefix(like)] = Value(empty, value.type)
        return Added(new)

    def _delete(self, row: str) -> Written | Fault:
        names = [name for name in self.values if name.startswith(row)]
        for name in names:
            del self.values[name]
            self.pending.pop(name, None)
        return Written() if names else Fault(9005, "Invalid parameter name")


def _any(patterns: Iterable[str], path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _valid(text: str, kind: ValueType) -> bool:
    if kind is ValueType.BOOLEAN:
        return text in ("0", "1", "true", "false")
    if kind in (ValueType.INT, ValueType.UNSIGNED_INT):
        return text.removeprefix("-" if kind is ValueType.INT else "").isdecimal()
    return True
