"""A USP agent in memory: `MemoryDevice` with the answers of TR-369 in neutral terms.

agent = MemoryAgent(xx230v().values, hidden=["Device.PPP.*"], write_only=SECRETS)

Values are texts without a type, unless ``types`` are known.  What its role may not see is left out
of every answer but that for the names of the whole model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from device_in_memory import MemoryDevice, Plain

from acs.model import (
    Add,
    Added,
    Change,
    Fault,
    ListedName,
    Names,
    Operation,
    ParameterFault,
    Value,
    Values,
    ValueType,
    Written,
)

_STEP = re.compile(r"\.(?![^\[]*\])")
_TEST = re.compile(r'([A-Za-z0-9_.]+)==(?:"([^"]*)"|([^&\]]+))')


class MemoryAgent(MemoryDevice):
    """Patterns are those of a shell, over full paths."""

    def __init__(
        self,
        values: Mapping[str, Plain],
        *,
        hidden: Iterable[str] = (),
        denied: Iterable[str] = (),
        typed: bool = False,
        counted: bool = False,
        **options: Any,
    ) -> None:
        """``hidden``: not shown to our role; ``denied``: said to be so, by 7006.

        ``typed``: the supported model is known, so values come with their types. ``counted``: it
        tells how many rows each table has, beside the table, whoever may see them.
        """
        super().__init__(values, **options)
        self.hidden = list(hidden)
        self.denied = list(denied)
        self.typed = typed
        self.counted = counted

    def shows(self, path: str) -> bool:
        return not any(fnmatchcase(path, pattern) for pattern in (*self.hidden, *self.denied))

    # --- answers

    def _get(self, paths: tuple[str, ...]) -> Values:
        found: dict[str, Value] = {}
        missing: list[str] = []
        for path in paths:
            if count := self._count(path):
                found[path] = self._told(path, Value(count, ValueType.UNSIGNED_INT))
                continue
            if path.endswith("."):
                names = [n for n in self.values if n.startswith(path) and self.shows(n)]
            else:
                names = [n for n in self._resolved(path) if n in self.values and self.shows(n)]
            found.update((name, self._told(name, self._shown(name))) for name in names)
            if not path.endswith(".") and len(names) == 1:
                found[path] = found[names[0]]
            elif not names or not path.endswith("."):
                missing.append(path)
        return Values(found, tuple(missing))

    def _told(self, path: str, value: Value) -> Value:
        return value if self.typed else Value(value.text)

    def _count(self, path: str) -> str:
        if not self.counted or not path.endswith("NumberOfEntries"):
            return ""
        table = path.removesuffix("NumberOfEntries") + "."
        rows = {n[len(table) :].partition(".")[0] for n in self.values if n.startswith(table)}
        return str(len([row for row in rows if row.isdecimal()]))

    def _set(self, changes: tuple[Change, ...]) -> Written | Fault:
        refused = [fault for change in changes for fault in self._refusals(change)]
        if refused:
            return Fault(7004, "Invalid arguments", tuple(refused))
        for change in changes:
            for path in self._resolved(change.path):
                later = any(fnmatchcase(path, pattern) for pattern in self.later)
                kept = self.pending if later else self.values
                kept[path] = Value(change.value.text, self.values[path].type)
        return Written()

    def _refusals(self, change: Change) -> Iterator[ParameterFault]:
        for path in self._resolved(change.path):
            if path not in self.values:
                yield ParameterFault(path, 7010, "Unsupported parameter")
            elif not self.shows(path):
                yield ParameterFault(path, 7006, "Permission denied")
            elif any(fnmatchcase(path, pattern) for pattern in self.read_only):
                yield ParameterFault(path, 7013, "Attempt to update non-writeable parameter")
            elif self.values[path].type is ValueType.BOOLEAN and change.value.text not in (
                "true",
                "false",
            ):
                yield ParameterFault(path, 7012, "Invalid value")
            for pattern, code in self.refuse.items():
                if fnmatchcase(path, pattern):
                    yield ParameterFault(path, code, "Refused")

    def _list(self, path: str, next_level: bool) -> Names | Fault:
        if not path:
            return self._model()
        below = [name for name in self.values if name.startswith(path)]
        if not below and path not in self.rows:
            return Fault(7026, "Invalid path")
        if below and all(any(fnmatchcase(n, p) for p in self.denied) for n in below):
            return Fault(7006, "Permission denied")
        seen = [name for name in below if self.shows(name)]
        heads = dict.fromkeys(name.removeprefix(path).partition(".")[0] for name in seen)
        if path in self.rows or any(head.isdecimal() for head in heads):
            rows = (f"{path}{head}." for head in heads if head.isdecimal())
            return Names(tuple(ListedName(row, True) for row in rows))
        names: dict[str, None] = {}
        for name in seen:
            head, dot, _ = name.removeprefix(path).partition(".")
            names[path + head + dot] = None
            if not next_level:
                names[name] = None
        return Names(tuple(ListedName(name, True) for name in names))

    def _model(self) -> Names | Fault:
        if not self.typed:
            return Fault(7001, "the supported model of this agent is not known")
        names: dict[str, bool] = {}
        for name in self.values:
            general = re.sub(r"\.[0-9]+(?=\.)", ".{i}", name)
            for end in (match.end() for match in re.finditer(r"\.", general)):
                names.setdefault(general[:end], False)
            names[general] = not any(fnmatchcase(name, pattern) for pattern in self.read_only)
        return Names(tuple(ListedName(name, writable) for name, writable in names.items()))

    def perform(self, operation: Operation) -> Any:
        outcome = super().perform(operation)
        if isinstance(operation, Add) and isinstance(outcome, Added):
            given = {change.path: change.value for change in operation.given}
            alias = outcome.row + "Alias"
            if alias in self.values:
                # The agent's own, and for good, unless it is given one with the row.
                self.values[alias] = given.get("Alias", Value(f"cpe-{outcome.row}"))
                self.read_only.append(alias)
        return outcome

    def _add(self, table: str) -> Added | Fault:
        if not self.shows(f"{table}1."):
            return Fault(7006, "Permission denied")
        added = super()._add(table)
        return Fault(7026, "Invalid path") if isinstance(added, Fault) else added

    def _delete(self, row: str) -> Written | Fault:
        super()._delete(row)
        return Written()

    # --- paths

    def _resolved(self, path: str) -> list[str]:
        """Return the parameters that a path, which may be a search, leads to."""
        places = [""]
        *steps, leaf = _STEP.split(path)
        for step in steps:
            places = [there for place in places for there in self._below(place, step)]
        return [place + leaf for place in dict.fromkeys(places)]

    def _below(self, place: str, step: str) -> Iterator[str]:
        if step.endswith("+"):
            if reference := self.values.get(place + step.removesuffix("+")):
                yield reference.text.rstrip(".") + "."
        elif step == "*" or step.startswith("["):
            heads = (n[len(place) :].partition(".")[0] for n in self.values if n.startswith(place))
            for number in dict.fromkeys(head for head in heads if head.isdecimal()):
                row = f"{place}{number}."
                tests = _TEST.findall(step)
                if all(self._holds(row + leaf, text or plain) for leaf, text, plain in tests):
                    yield row
        else:
            yield f"{place}{step}."

    def _holds(self, path: str, text: str) -> bool:
        return path in self.values and self.shows(path) and self.values[path].text == text
