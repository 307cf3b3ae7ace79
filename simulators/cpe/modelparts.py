"""Schema, rows and values of a model file, out of the leaves of one device."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .dump import Leaf, schema_path
from .modelfile import Model
from .schema import ObjectSpec, ParameterSpec, parse_parameter, write_parameter


class Parts:
    """What a model file says of the tree of a device.

    ``leaves`` are its parameters, what is its own alone already as placeholders; ``base`` is a
    model of its family, ``growing`` the tables (schema paths) that it let rows be added to.
    """

    def __init__(self, leaves: Sequence[Leaf], base: Model | None, growing: frozenset[str]) -> None:
        self._leaves = leaves
        self._present = {leaf.path for leaf in leaves}
        self._known = dict(base.root.all_parameters()) if base else {}
        self._objects = {spec.path: spec for spec in base.root.all_objects()} if base else {}
        self._growing = growing
        self._alike: dict[str, list[Leaf]] = defaultdict(list)
        """Leaves by their schema path."""
        self._instances: dict[str, dict[str, None]] = defaultdict(dict)
        """Objects by their schema path, rows too, in order."""
        for leaf in leaves:
            self._alike[schema_path(leaf.path)].append(leaf)
            for object_ in _above(leaf.path):
                self._instances[schema_path(object_[:-1]) + "."][object_] = None
        self._specs = {path: self._spec(path) for path in self._alike}

    def schema(self) -> dict[str, dict[str, Any]]:
        """Return the lines of each object; parameters of one line stand together."""
        found: dict[str, dict[str, Any]] = {path: {} for path in self._instances}
        empty = self._empty_tables()
        for path in self._objects:
            if path.startswith(empty):
                found[path] = {}
        for path, lines in found.items():
            lines |= self._row_rules(path)
        for path, known in self._known.items():
            if path.startswith(empty):
                above, _, leaf = path.rpartition(".")
                found[above + "."][leaf] = write_parameter(known)
        grouped: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path, spec in self._specs.items():
            above, _, leaf = path.rpartition(".")
            grouped[above + "."][write_parameter(spec)].append(leaf)
        for path, by_line in grouped.items():
            found[path] |= {" ".join(names): line for line, names in by_line.items()}
        return {path: lines for path, lines in found.items() if lines}

    def rows(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return the rows of each table with what is particular to each."""
        tables: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
        for path, instances in self._instances.items():
            if path.endswith("{i}."):
                for row in instances:
                    table, number = _split_row(row)
                    tables[table][number] = {}
        for leaf in self._leaves:
            row, name = _innermost(leaf.path)
            if row and self._own(leaf):
                table, number = _split_row(row)
                tables[table][number][name] = leaf.text
        together = {table: _ranges(rows) for table, rows in tables.items()}
        return self._starred(together)

    def values(self) -> dict[str, str]:
        """Return what the schema cannot say of objects that are no rows."""
        return {
            leaf.path: leaf.text
            for leaf in self._leaves
            if not _innermost(leaf.path)[0] and self._own(leaf)
        }

    def absent(self) -> list[str]:
        """Return the parameters that single rows lack."""
        found = []
        for path in self._specs:
            above, _, leaf = path.rpartition(".")
            found += [
                row + leaf for row in self._every(above + ".") if row + leaf not in self._present
            ]
        return found

    def _empty_tables(self) -> tuple[str, ...]:
        """Return the tables rows can be added to in the family, of which this device has none."""
        return tuple(
            path
            for path, spec in self._objects.items()
            if spec.add and path not in self._instances and _parent(path) in self._instances
        )

    def _row_rules(self, path: str) -> dict[str, Any]:
        spec = self._objects.get(path)
        if not path.endswith("{i}."):
            return {}
        if spec is None or not spec.add:
            return {"_add": True} if path in self._growing else {}
        rules: dict[str, Any] = {"_add": True}
        if spec.max_rows != ObjectSpec("").max_rows:
            rules["_max"] = spec.max_rows
        if spec.locked:
            rules["_locked"] = spec.locked
        return rules

    def _spec(self, path: str) -> ParameterSpec:
        """Describe a parameter: what its rows have in common, and what is known of the family."""
        alike = self._alike[path]
        known = self._known.get(path)
        name = path.rpartition(".")[2]
        kind = Counter(leaf.type for leaf in alike).most_common(1)[0][0]
        writable = any(leaf.writable for leaf in alike)
        secret = any(leaf.secret for leaf in alike)
        hidden = secret if known is None else known.hidden and not any(leaf.text for leaf in alike)
        table = self._counted(name, alike)
        if not table and known is not None and {leaf.text for leaf in alike} == {"0"}:
            table = known.count_of
        if table and not writable:
            return ParameterSpec(name, "unsignedInt", count_of=table)
        default = Counter(leaf.text for leaf in alike).most_common(1)[0][0]
        if known is None or known.type != kind:
            known = ParameterSpec(name, kind, default=default)
        elif secret or hidden or ("{i}" in path and not known.count_of):
            default = known.default  # What a new row has, and a secret that was not told.
        if not all(
            known.accepts(leaf.text) for leaf in alike if leaf.text and "{" not in leaf.text
        ):
            known = ParameterSpec(name, kind)
        return replace(
            known, writable=writable or hidden, hidden=hidden, default=default, count_of=""
        )

    def _counted(self, name: str, alike: Iterable[Leaf]) -> str:
        """Return the sibling table whose rows a parameter counts, if it does everywhere."""
        table = name.removesuffix("NumberOfEntries")
        for leaf in alike:
            above = leaf.path.removesuffix(name)
            rows = self._instances.get(schema_path(f"{above}{table}.0.x").removesuffix("x"), {})
            below = f"{above}{table}."
            count = sum(row.startswith(below) for row in rows)
            if table == name or not count or leaf.text != str(count):
                return ""
        return table

    def _own(self, leaf: Leaf) -> bool:
        """Tell whether a value is otherwise than its schema line says."""
        spec = self._specs[schema_path(leaf.path)]
        if leaf.secret or spec.hidden or spec.count_of:
            return False
        return parse_parameter(spec.name, write_parameter(spec)).default != leaf.text

    def _starred(
        self, tables: Mapping[str, dict[str, dict[str, str]]]
    ) -> dict[str, dict[str, dict[str, str]]]:
        """Let ``*`` stand for all rows above, where all of them hold the same table."""
        alike: dict[str, list[str]] = defaultdict(list)
        for table in tables:
            alike[re.sub(r"\.\d+\.", ".*.", table)].append(table)
        found = {}
        for pattern, paths in alike.items():
            first = tables[paths[0]]
            above = schema_path(paths[0])[: schema_path(paths[0]).rfind("{i}.") + 4]
            whole = "*" in pattern and len(paths) == len(self._instances[above])
            if whole and pattern.count("*") == 1 and all(tables[p] == first for p in paths):
                found[pattern] = first
            else:
                found |= {path: tables[path] for path in paths}
        return found

    def _every(self, path: str) -> list[str]:
        """Return the objects at a schema path, as the rows above them make them."""
        row, _, rest = path.rpartition("{i}.")
        return [one + rest for one in self._instances[row + "{i}."]] if row else [path]


def _parent(table: str) -> str:
    """Return the object that a table is in."""
    return table.removesuffix("{i}.")[:-1].rpartition(".")[0] + "."


def _above(path: str) -> Iterator[str]:
    """Yield the objects that a parameter is in, from the root's down, tables left out."""
    end = path.find(".") + 1
    while end:
        object_ = path[:end]
        following = path[end:].partition(".")[0]
        if not following.isdigit():
            yield object_
        end = path.find(".", end) + 1


def _innermost(path: str) -> tuple[str, str]:
    """Split a parameter into the row it is in (empty: none) and its name below."""
    steps = path.split(".")
    at = max((i for i, step in enumerate(steps[:-1]) if step.isdigit()), default=-1)
    return ".".join(steps[: at + 1]) + "." if at >= 0 else "", ".".join(steps[at + 1 :])


def _split_row(row: str) -> tuple[str, int]:
    table, _, number = row[:-1].rpartition(".")
    return table + ".", int(number)


def _ranges(rows: Mapping[int, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Write alike neighbours as one range."""
    found: dict[str, dict[str, str]] = {}
    first = last = -1
    for number in sorted(rows):
        if number == last + 1 and first >= 0 and rows[number] == rows[first]:
            del found[_range(first, last)]
        else:
            first = number
        last = number
        found[_range(first, last)] = rows[number]
    return found


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
