"""Exports of a device's parameter tree, read into leaves.

Three forms are read: the server's CSV (``parameter,value,type,writable``), the server's JSON,
and the CSV that GenieACS writes (``Parameter``, ``Object``, ``Writable``, ``Value``,
``Value type`` …).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .schema import TYPES

MASK = "***"
"""Stands for a secret in an export of the server."""
_ROOTS = ("Device", "InternetGatewayDevice")
_NAME = re.compile(r"[^\W\d][\w-]*")
_ROW = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_MOST_STEPS = 32
_RULES = frozenset({"_add", "_like", "_locked", "_max"})
"""Stand beside parameters in a model file, and are none."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_INERT = re.compile(r"^'(?=[=+\-@\t\r])")
_INSTANCE = re.compile(r"\.\d+(?=\.|$)")


class DumpError(ValueError):
    """A file is no export of a tree; the text says where."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One parameter with its value."""

    path: str
    text: str
    type: str = "string"
    writable: bool = False
    secret: bool = False
    """Its value was kept back."""


@dataclass(frozen=True, slots=True)
class Dump:
    """A tree: its parameters, and the tables to which rows can be added, where that is told."""

    leaves: tuple[Leaf, ...]
    growing: frozenset[str] = frozenset()
    """Schema paths, such as ``Device.NAT.PortMapping.{i}.``."""

    @property
    def values(self) -> dict[str, str]:
        """Texts by path."""
        return {leaf.path: leaf.text for leaf in self.leaves}


def is_parameter(path: str) -> bool:
    """Tell whether a device may call a parameter so."""
    root, *steps = path.split(".")
    if root not in _ROOTS or not steps or len(steps) > _MOST_STEPS:
        return False
    *objects, leaf = steps
    named = all(_NAME.fullmatch(step) or _ROW.fullmatch(step) for step in objects)
    return named and bool(_NAME.fullmatch(leaf)) and leaf not in _RULES


def schema_path(path: str) -> str:
    """Return a path with ``{i}`` for its row numbers."""
    return _INSTANCE.sub(".{i}", path)


def read_dump(text: str) -> Dump:
    """Read an export in any of the known forms. Raises `DumpError`."""
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        return _json(text)
    reader = csv.reader(io.StringIO(text))
    columns = {name.strip().lower(): at for at, name in enumerate(next(reader, []))}
    if "parameter" not in columns or "value" not in columns:
        raise DumpError("no columns Parameter and Value: it is no export of a device's tree")
    rows = _rows(reader, columns)
    if "object" in columns:
        return _genieacs(rows)
    return _made(_leaf(row, number, "type") for number, row in rows)


def _rows(reader: Any, columns: Mapping[str, int]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for cells in reader:
            if cells:
                row = {name: cells[at] for name, at in columns.items() if at < len(cells)}
                yield reader.line_num, row
    except csv.Error as error:
        raise DumpError(f"line {reader.line_num}: {error}") from None


def _leaf(row: Mapping[str, str], line: int, type_column: str) -> Leaf:
    path, text = row["parameter"], row.get("value", "")
    writable = row.get("writable", "").lower() in ("yes", "true", "1")
    return _checked(path, _INERT.sub("", text), row.get(type_column, ""), writable, f"line {line}")


def _checked(path: str, text: str, kind: str, writable: bool, where: str) -> Leaf:
    if not is_parameter(path):
        raise DumpError(f"{where}: {path[:80]!r} is no name of a parameter")
    if _SURROGATE.search(text):
        raise DumpError(f"{where}: half a character of UTF-16")
    kind = kind.removeprefix("xsd:")
    kind = kind if kind in TYPES else "string"
    if kind == "boolean":
        text = {"true": "1", "false": "0"}.get(text.lower(), text)
    secret = text == MASK
    return Leaf(path, "" if secret else text, kind, writable, secret)


def _genieacs(rows: Iterable[tuple[int, dict[str, str]]]) -> Dump:
    leaves, growing = [], set()
    for number, row in rows:
        path = row["parameter"]
        if not path.startswith(("Device.", "InternetGatewayDevice.")):
            continue  # Its own: DeviceID., Events., Tags. …
        if row.get("object", "").lower() != "true":
            leaves.append(_leaf(row, number, "value type"))
        elif row.get("writable", "").lower() == "true":
            steps = schema_path(path)
            growing.add(f"{steps}." if steps.endswith("{i}") else f"{steps}.{{i}}.")
    return _made(leaves, growing)


def _json(text: str) -> Dump:
    try:
        document = json.loads(text)
        values = document["values"]
        found = [
            _checked(
                path,
                str(given["value"]),
                given.get("type") or "",
                bool(given.get("writable")),
                path,
            )
            for path, given in values.items()
        ]
    except DumpError:
        raise
    except json.JSONDecodeError as error:
        raise DumpError(f"line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise DumpError("it is nested too deeply") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DumpError(f"no export of a tree: {error!r:.200}") from None
    return _made(found)


def _made(leaves: Iterable[Leaf], growing: Iterable[str] = ()) -> Dump:
    found = {leaf.path: leaf for leaf in leaves}
    if not found:
        raise DumpError("it has no parameters")
    roots = {path.partition(".")[0] for path in found}
    if len(roots) > 1:
        raise DumpError("it has both roots; keep what is below one of them")
    return Dump(tuple(found.values()), frozenset(growing))
