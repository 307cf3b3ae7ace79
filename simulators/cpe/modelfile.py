"""Compact model files (simulators/models/*.toml) read into values.

A file may ``include`` parts; what comes later wins, key by key.  ``schema`` says which
parameters an object has, ``rows`` which rows a table has when the device leaves the
factory (see `nodes.build` for ranges and ``*``), ``values`` sets single parameters,
``drop`` takes rows of an included part away.  One line of a schema may describe several
parameters (``"BytesSent BytesReceived"``), and ``_like`` takes in the lines of a
``shape``.  Texts may hold placeholders which are filled
from the identity of one unit: ``{mac}``, ``{mac+2}``, ``{mac4}``, ``{serial}`` ….
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from .nodes import Node, build
from .schema import ObjectSpec, ParameterSpec, parse_parameter
from .tomlfile import TomlError, read_toml

_INSTANCE = re.compile(r"\.(?:\d+|\*)(?=\.)")
_PLACEHOLDER = re.compile(r"\{(\w+)(?:\+(\d+))?\}")
_PART = re.compile(r"^[\w-]+$", re.ASCII)
_NEEDED = ("manufacturer", "product_class", "dialect", "inform", "schema")
_FORM: Mapping[str, type] = {
    **dict.fromkeys(("manufacturer", "product_class", "dialect", "wan", "effects"), str),
    **dict.fromkeys(("inform", "active", "later", "at_once", "upgrades", "absent", "remove"), list),
    **dict.fromkeys(("schema", "shape", "rows", "values", "drop"), dict),
}
_OF_TABLES = ("schema", "shape", "rows")
_KINDS = {str: "a text", list: "a list", dict: "a table", bool: "true or false", int: "a number"}
_RULES = {"_add": bool, "_max": int, "_locked": int}
"""Of what kind the lines of an object are that describe no parameter; others are texts."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who one unit is. ``mac`` is its base (label) MAC, ``AA:BB:CC:DD:EE:FF``."""

    oui: str
    product_class: str
    serial: str
    mac: str
    ip: str = "100.64.0.10"

    def fill(self, text: str) -> str:
        """Replace the placeholders of a model file by this unit's own values."""
        return _PLACEHOLDER.sub(self._placeholder, text) if "{" in text else text

    def _placeholder(self, found: re.Match[str]) -> str:
        name, offset = found[1], int(found[2] or 0)
        digits = self.mac.replace(":", "").upper()
        match name:
            case "mac":
                return format_mac(int(digits, 16) + offset)
            case "localmac":
                return format_mac((int(digits, 16) + offset) | 0x020000000000)
            case "mac4":
                return digits[-4:]
            case "gpon":
                return "54504C47" + digits[-8:]
            case "open":  # a brace that opens no placeholder
                return "{"
            case "serial" | "oui" | "ip" | "product_class":
                return str(getattr(self, name))
            case _:
                raise ValueError(f"unknown placeholder {found[0]}")


def format_mac(number: int) -> str:
    """Write a 48-bit number as ``AA:BB:CC:DD:EE:FF``."""
    digits = f"{number % 2**48:012X}"
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of device: what it can hold and how it leaves the factory."""

    name: str
    manufacturer: str
    product_class: str
    dialect: str
    root: ObjectSpec
    """Nameless object above the root object."""
    factory: Node
    """How it leaves the factory; shared by all units of the model."""
    inform: tuple[str, ...]
    """Parameters of every Inform; ``{wan}`` stands for the path of the WAN IP address."""
    wan: str
    """Path of the WAN IP address when the device leaves the factory."""
    active: frozenset[str]
    """Parameters with active notification that cannot be switched off."""
    later: tuple[str, ...]
    """Writes below these paths answer Status 1 …"""
    at_once: tuple[str, ...]
    """… but those below these apply at once."""
    effects: str
    upgrades: tuple[str, ...]
    """SoftwareVersion after each firmware image that does not tell its own."""
    absent: frozenset[str] = frozenset()
    """Parameters that single rows lack, though others of their table have them."""
    known: dict[str, tuple[Node, ParameterSpec]] = field(default_factory=dict, repr=False)
    """Where parameters of the factory tree are, by path: filled as units look for them."""

    @property
    def top(self) -> str:
        """Name of the root object with its final dot."""
        return next(iter(self.root.children)) + "."


class ModelFileError(ValueError):
    """A model file is missing or cannot be read."""


def model_names() -> list[str]:
    """Names of the models that can be run."""
    found = (entry.name for entry in files("simulators.models").iterdir())
    return sorted(
        name[: -len(".toml")]
        for name in found
        if name.endswith(".toml") and not name.startswith("part-")
    )


@cache
def load_model(name: str) -> Model:
    """Read model ``name`` (see `model_names`), or the file of that path (``….toml``).

    Raises `ModelFileError`.
    """
    if name.endswith(".toml"):
        try:
            return build_model(Path(name).stem, _included(read_toml(Path(name))))
        except TomlError as error:
            raise ModelFileError(f"{name}: {error}") from error
    if name not in model_names():
        raise ModelFileError(f"no model {name!r}; there are {', '.join(model_names())}")
    return build_model(name, _read(name))


def build_model(name: str, document: Mapping[str, Any]) -> Model:
    """Make a model of what a model file says. Raises `ModelFileError`."""
    try:
        _check_form(document)
        return _build(name, document)
    except KeyError as error:
        raise ModelFileError(f"model {name}: there is no {error.args[0]}") from error
    except RecursionError:
        raise ModelFileError(f"model {name}: it is nested too deeply") from None
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"model {name}: {error}") from error


def _check_form(document: Mapping[str, Any]) -> None:
    """Raise `ValueError` for what is missing, unknown, or of another kind than it should be."""
    if missing := [key for key in _NEEDED if key not in document]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    if unknown := sorted(document.keys() - _FORM.keys()):
        raise ValueError(f"unknown {', '.join(unknown)}; there are {', '.join(_FORM)}")
    for key, value in document.items():
        if not isinstance(value, _FORM[key]):
            raise ValueError(f"{key} must be {_KINDS[_FORM[key]]}")
        if isinstance(value, list) and not all(isinstance(each, str) for each in value):
            raise ValueError(f"{key} must be a list of texts")
        if key in _OF_TABLES and not all(isinstance(v, Mapping) for v in document[key].values()):
            raise ValueError(f"what is below {key} must be tables")


def _read(name: str) -> dict[str, Any]:
    found = files("simulators.models") / f"{name}.toml"
    if not _PART.match(name) or not found.is_file():
        raise TomlError(f"include: there is no {name!r} in simulators/models")
    return _included(read_toml(Path(str(found))))


def _included(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the parts that it includes."""
    merged: dict[str, Any] = {}
    parts = document.pop("include", [])
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise TomlError("include must be a list of names")
    for part in parts:
        _merge(merged, _read(part))
    _merge(merged, document)
    return merged


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        before = into.get(key)
        if isinstance(value, Mapping) and isinstance(before, dict):
            _merge(before, value)
        elif isinstance(value, list) and isinstance(before, list):
            into[key] = [*before, *value]
        else:
            into[key] = value


def _build(name: str, document: Mapping[str, Any]) -> Model:
    root = ObjectSpec("")
    shapes = document.get("shape", {})
    for path, lines in document["schema"].items():
        for shape in str(lines.get("_like", "")).split():
            _declare(root, path, shapes[shape])
        _declare(root, path, lines)
    removed = tuple(document.get("remove", ()))
    for path in removed:
        _remove(root, path)
    rows = {
        table: {numbers: _row(table, row, removed) for numbers, row in given.items()}
        for table, given in document.get("rows", {}).items()
        if not _schema_path(table).startswith(tuple(p for p in removed if p.endswith(".")))
    }
    return Model(
        name=name,
        manufacturer=document["manufacturer"],
        product_class=document["product_class"],
        dialect=document["dialect"],
        root=root,
        factory=build(root, rows, _texts(document.get("values", {})), document.get("drop", {})),
        inform=tuple(document["inform"]),
        wan=document.get("wan", ""),
        active=frozenset(document.get("active", ())),
        later=tuple(document.get("later", ())),
        at_once=tuple(document.get("at_once", ())),
        effects=document.get("effects", "none"),
        upgrades=tuple(document.get("upgrades", ())),
        absent=frozenset(document.get("absent", ())),
    )


def _schema_path(table: str) -> str:
    return _INSTANCE.sub(".{i}", table) + "{i}."


def _row(table: str, row: Mapping[str, Any], removed: tuple[str, ...]) -> dict[str, str]:
    """Return the values of one row without the leaves this model does not have."""
    schema = _schema_path(table)
    return {leaf: str(value) for leaf, value in row.items() if schema + leaf not in removed}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def _declare(root: ObjectSpec, path: str, lines: Mapping[str, Any]) -> None:
    spec = _object(root, path)
    for key, line in lines.items():
        _check_line(path, key, line)
        match key:
            case "_add":
                spec.add = line
            case "_max":
                spec.max_rows = line
            case "_locked":
                spec.locked = line
            case "_like":
                continue
            case _:
                for leaf in key.split():
                    spec.parameters[leaf] = parse_parameter(leaf, line)


def _check_line(path: str, key: str, line: object) -> None:
    wanted = _RULES.get(key, str)
    if type(line) is not wanted:
        raise ValueError(f"{path}: {key} must be {_KINDS[wanted]}, not {line!r:.40}")


def _object(root: ObjectSpec, path: str) -> ObjectSpec:
    """Find or make the object at schema path ``path``, with all above it."""
    if not path.endswith("."):
        raise ValueError(f"object {path!r} must end with a dot")
    spec = root
    for step in path[:-1].split("."):
        if step == "{i}":
            spec.table = True
            spec.path = spec.path.removesuffix("{i}.") + "{i}."
        else:
            spec = spec.children.setdefault(step, ObjectSpec(f"{spec.path}{step}."))
    return spec


def _remove(root: ObjectSpec, path: str) -> None:
    """Take an object (final dot) or a parameter out of the schema."""
    above, _, leaf = path.removesuffix(".").rpartition(".")
    spec = _object(root, above + ".")
    gone: object | None
    gone = spec.children.pop(leaf, None) if path.endswith(".") else spec.parameters.pop(leaf, None)
    if gone is None:
        raise ValueError(f"nothing to remove at {path}")
