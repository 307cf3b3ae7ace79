"""The instantiated data model of one agent: what is read, written, and what has changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..cpe.effects import EFFECTS
from ..cpe.model import Tree
from ..cpe.modelfile import Identity
from ..cpe.nodes import Node, Table
from ..cpe.schema import FALSE, INTEGERS, TRUE, ParameterSpec
from .capabilities import WRITE_ONCE, WRITE_ONCE_PATHS
from .errors import DUPLICATE_KEY, INVALID_TYPE, INVALID_VALUE, NOT_WRITEABLE, Refusal
from .model import UspModel, schema_path
from .paths import parse
from .triggers import SETTINGS, read_settings

_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_REFERENCES = "Device.LocalAgent.Subscription.{i}.ReferenceList"

Snapshot = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is otherwise than it was at a snapshot, by path."""

    values: tuple[str, ...] = ()
    """Parameters with another value, in rows that were there before."""
    created: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    """Parameters of created rows that are not as the model has them."""
    deleted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.values or self.created or self.deleted)

    def touch(self, prefix: str) -> bool:
        """Tell whether anything below ``prefix`` has changed."""
        every = (*self.values, *self.created, *self.deleted)
        return any(path.startswith(prefix) for path in every)


class Data:
    """Values and rows of one agent, with the rules of USP on single parameters."""

    def __init__(self, model: UspModel, identity: Identity, factory: Mapping[str, str]) -> None:
        self.model = model
        self.tree = Tree(model.base, identity, factory)
        self.fresh_row = ""
        """Row that is being added: what is written once may still be written there."""
        self._wan = model.base.wan

    # --- reading ------------------------------------------------------------------------

    def thing(self, path: str) -> Node | Table | None:
        """Return the object, table or row at ``path``; None: it is not there."""
        try:
            return self.tree.overlay.thing(path)
        except KeyError:
            return None

    def shown(self, path: str, node: Node, spec: ParameterSpec, *, secured: bool = False) -> str:
        """Return the value of ``spec`` in the object at ``path`` as an agent tells it."""
        if spec.hidden and not secured:
            return ""
        text = self.tree.overlay.value(path, node, spec)
        if spec.type == "boolean":
            return "true" if text in TRUE else "false"
        return text

    def value(self, path: str) -> str:
        """Return the value of the parameter at ``path``; empty where there is none."""
        return self.tree.find(path)

    def is_on(self, path: str) -> bool:
        """Return the value of a boolean parameter."""
        return self.tree.find(path) in TRUE

    def rows(self, table: str) -> list[str]:
        """Return the paths of the rows of a table."""
        return [f"{table}{number}." for number in self.tree.rows(table)]

    def unique_keys(self, path: str) -> dict[str, str]:
        """Return the unique keys of the row at ``path`` that have a value."""
        node = self.thing(path)
        found: dict[str, str] = {}
        if isinstance(node, Node):
            for key in self.model.unique_keys.get(node.spec.path, ()):
                values = {n: self.shown(path, node, node.spec.parameters[n]) for n in key}
                if all(values.values()):
                    found |= values
        return found

    # --- writing ------------------------------------------------------------------------

    def write(self, path: str, text: str) -> None:
        """Write a parameter as a controller does. Raises `Refusal` 7011, 7012 or 7013.

        The path has to be one of the model.
        """
        spec = self.tree.overlay.parameter(path)[1]
        if not spec.writable:
            raise Refusal(NOT_WRITEABLE)
        if not _of_type(spec, text):
            raise Refusal(INVALID_TYPE, f"{text!r:.60} is no {spec.type}")
        above = path.removesuffix(spec.name)
        words = self.value(above + spec.words_from) if spec.words_from else ""
        if not spec.accepts(text, tuple(filter(None, words.split(",")))):
            raise Refusal(INVALID_VALUE)
        new = "0" if spec.type == "boolean" and text in FALSE else text
        new = "1" if spec.type == "boolean" and text in TRUE else new
        schema = schema_path(path)
        if schema == _REFERENCES:
            _check_references(text)
        if schema == SETTINGS:
            read_settings(text)
        self._check_once(path, spec, schema, new)
        self.tree.put(path, new)

    def _check_once(self, path: str, spec: ParameterSpec, schema: str, new: str) -> None:
        if spec.name not in WRITE_ONCE and schema not in WRITE_ONCE_PATHS:
            return
        fresh = self.fresh_row and path.startswith(self.fresh_row)
        if not fresh and self.tree.get(path) not in ("", new):
            raise Refusal(NOT_WRITEABLE, "it is written once")

    def check_unique(self, path: str) -> None:
        """Raise `Refusal` 7025 where another row has a unique key of the row at ``path``."""
        table = path[: path.rstrip(".").rfind(".") + 1]
        node = self.thing(path)
        if not isinstance(node, Node):
            return
        for key in self.model.unique_keys.get(node.spec.path, ()):
            own = self._key(path, key)
            if all(own) and any(
                self._key(row, key) == own for row in self.rows(table) if row != path
            ):
                raise Refusal(DUPLICATE_KEY, " and ".join(key))

    def _key(self, path: str, key: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.tree.find(path + leaf) for leaf in key)

    # --- changing -----------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return what is set, to compare with or to return to."""
        state = self.tree.dump()
        return {**state, "values": dict(state["values"])}

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot."""
        self.tree.load(snapshot)

    def settle(self, changed: tuple[str, ...]) -> None:
        """Let states that depend on what was changed follow."""
        self._wan = EFFECTS[self.model.base.effects](self.tree, changed, self._wan)

    def since(self, before: Snapshot) -> Changes:
        """Return what has changed since a snapshot."""
        now = self.tree.dump()
        created: list[str] = []
        deleted: list[str] = []
        values: list[str] = []
        for table, (rows, _) in now["tables"].items():
            old = before["tables"].get(table)
            numbers = self._factory_rows(table) if old is None else old[0]
            created += (f"{table}{n}." for n in rows if n not in numbers)
            deleted += (f"{table}{n}." for n in numbers if n not in rows)
            if len(rows) != len(numbers) and (count := self._count(table)):
                values.append(count)
        told, fresh = before["values"], tuple(created)
        changed = [path for path, text in now["values"].items() if told.get(path) != text]
        filled = [path for path in changed if fresh and path.startswith(fresh)]
        values += (path for path in changed if not (fresh and path.startswith(fresh)))
        return Changes(tuple(values), fresh, tuple(filled), tuple(deleted))

    def _factory_rows(self, table: str) -> tuple[int, ...]:
        thing: Node | Table = self.model.base.factory
        try:
            for step in table.split(".")[:-1]:
                thing = thing.children[step] if isinstance(thing, Node) else thing.rows[int(step)]
        except KeyError:
            return ()
        return tuple(thing.rows) if isinstance(thing, Table) else ()

    def _count(self, table: str) -> str:
        """Return the path of the parameter that counts the rows of a table, if there is one."""
        above, _, name = table[:-1].rpartition(".")
        node = self.thing(above + ".")
        if isinstance(node, Node):
            for spec in node.spec.parameters.values():
                if spec.count_of == name:
                    return f"{above}.{spec.name}"
        return ""


def _of_type(spec: ParameterSpec, text: str) -> bool:
    if spec.type in INTEGERS:
        return bool(_INTEGER.fullmatch(text))
    if spec.type in ("boolean", "dateTime", "hexBinary", "base64"):
        return ParameterSpec(spec.name, spec.type).accepts(text)
    return True


def _check_references(text: str) -> None:
    for reference in text.split(","):
        try:
            parse(reference.strip())
        except Refusal as refusal:
            raise Refusal(INVALID_VALUE, refusal.text) from None
