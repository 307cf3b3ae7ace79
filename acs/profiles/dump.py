"""A device's whole tree as people keep it: a CSV or JSON file, read into values.

CSV, with a first line of column names or without: parameter, value, then type and writable if
they are known. The export of GenieACS (``Parameter,Object,…,Writable,…,Value,Value type,…``) is
such a file. JSON: ``{path: value}``, ``{path: {"value": …, "type": …, "writable": …}}``,
``{path: [value, type]}``, or objects within objects whose leaves have a ``_value``, as GenieACS
keeps a device.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acs.model import Value, ValueType
from acs.profiles.blueprint_schema import nearest

ROOTS = ("Device.", "InternetGatewayDevice.")
MAX_PARAMETERS = 200_000
_PATH = ("parameter", "path", "name")
_TYPE = ("value type", "type")
_COLUMNS = (*_PATH, "value", *_TYPE, "writable", "object")


class DumpError(ValueError):
    """A dump that cannot be read; the text names the line where there is one."""


@dataclass(frozen=True, slots=True)
class Dump:
    """The parameters of one device."""

    values: Mapping[str, Value]
    writable: Mapping[str, bool] = field(default_factory=dict)
    """Where the file says it."""

    @property
    def root(self) -> str:
        """``Device.`` or ``InternetGatewayDevice.``: the one that most names begin with."""
        return max(ROOTS, key=lambda root: sum(path.startswith(root) for path in self.values))

    def text(self, leaf: str) -> str:
        """Return what the parameter ``leaf`` below the root holds, or an empty text."""
        value = self.values.get(self.root + leaf)
        return value.text if value else ""


def read_dump(text: str) -> Dump:
    """Read a dump. Raises `DumpError`."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise DumpError("the dump is empty")
    entries = _json_entries(text) if text.lstrip()[0] in "{[" else _csv_entries(text)
    values: dict[str, Value] = {}
    writable: dict[str, bool] = {}
    for path, value, write in entries:
        if not path.startswith(ROOTS) or path.endswith("."):
            continue
        values[path] = value
        if write is not None:
            writable[path] = write
        if len(values) > MAX_PARAMETERS:
            raise DumpError(f"the dump has more than {MAX_PARAMETERS} parameters")
    if not values:
        raise DumpError(
            "the dump has no parameter that begins with Device. or InternetGatewayDevice."
        )
    return Dump(values, writable)


_Entry = tuple[str, Value, bool | None]


def _csv_entries(text: str) -> Iterator[_Entry]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: Mapping[str, int] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells, reader.line_num)
                if columns is not _BARE:
                    continue
            yield from _csv_entry(cells, columns, reader.line_num)
    except csv.Error as error:
        raise DumpError(f"line {reader.line_num}: no CSV: {error}") from None


_BARE: Mapping[str, int] = {"path": 0, "value": 1, "type": 2, "writable": 3}


def _columns(cells: list[str], line: int) -> Mapping[str, int]:
    if cells[0].strip().startswith(ROOTS):
        return _BARE
    names = [cell.strip().casefold() for cell in cells]
    found = {name: names.index(name) for name in _COLUMNS if name in names}
    path = next((found[name] for name in _PATH if name in found), None)
    if path is None or "value" not in found:
        missing = "parameter" if path is None else "value"
        near = nearest(missing, names)
        raise DumpError(f"line {line}: there is no column {missing!r}{near}")
    columns = {"path": path, "value": found["value"]}
    columns |= {name: found[name] for name in ("writable", "object") if name in found}
    if (kind := next((found[name] for name in _TYPE if name in found), None)) is not None:
        columns["type"] = kind
    return columns


def _csv_entry(cells: list[str], columns: Mapping[str, int], line: int) -> Iterator[_Entry]:
    def cell(name: str) -> str:
        index = columns.get(name, len(cells))
        return cells[index] if index < len(cells) else ""

    path = cell("path").strip()
    if _flag(cell("object")):
        return
    if not path:
        raise DumpError(f"line {line}: the name of the parameter is missing")
    yield path, Value(cell("value"), _type(cell("type"))), _flag(cell("writable"))


def _json_entries(text: str) -> Iterator[_Entry]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise DumpError(f"line {error.lineno}: no JSON: {error.msg}") from None
    except RecursionError:
        raise DumpError("the JSON is nested too deep") from None
    except ValueError:
        # A number of more digits than Python reads.
        raise DumpError("the JSON holds a number that is too long") from None
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, dict):
        raise DumpError("the JSON is no object of parameters")
    yield from _json_object(data, "", 0)


def _json_object(data: Mapping[str, Any], before: str, depth: int) -> Iterator[_Entry]:
    if depth > 64:
        raise DumpError(f"the JSON is nested too deep at {before}")
    for key, entry in data.items():
        if key.startswith("_"):
            continue
        path = before + key
        match entry:
            case {"_value": value, **rest}:
                yield path, _value(value, rest.get("_type")), _flag(rest.get("_writable"))
            case {"value": value, **rest} if not isinstance(value, dict):
                yield path, _value(value, rest.get("type")), _flag(rest.get("writable"))
            case dict():
                yield from _json_object(entry, path.rstrip(".") + ".", depth + 1)
            case [value, str(kind), *rest]:
                yield path, _value(value, kind), _flag(rest[0]) if rest else None
            case str() | bool() | int() | float() | None:
                yield path, _value(entry, None), None


def _value(value: object, kind: object) -> Value:
    named = _type(str(kind or ""))
    if isinstance(value, bool):
        return Value("true" if value else "false", ValueType.BOOLEAN)
    if isinstance(value, int) and not kind:
        return Value(str(value), ValueType.INT if value < 0 else ValueType.UNSIGNED_INT)
    return Value("" if value is None else str(value), named)


def _type(name: str) -> ValueType:
    """Read ``xsd:boolean`` or ``boolean``; what is unknown is a text."""
    bare = name.strip().rpartition(":")[2].casefold()
    return next((kind for kind in ValueType if kind.casefold() == bare), ValueType.STRING)


def _flag(cell: object) -> bool | None:
    match str(cell).strip().casefold():
        case "true" | "1" | "yes" | "rw" | "readwrite":
            return True
        case "false" | "0" | "no" | "r" | "readonly":
            return False
        case _:
            return None
