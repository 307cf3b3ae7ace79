"""The model of a USP agent: the tree that `cpe-sim` runs, and what USP has on top of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from ..cpe.modelfile import Model, load_model
from ..cpe.nodes import Node, Table, fresh
from ..cpe.schema import ObjectSpec
from .capabilities import COMMANDS, EVENTS, UNIQUE_KEYS, Command, Event

_NUMBER = re.compile(r"\.\d+(?=\.)", re.ASCII)
CWMP = "Device.ManagementServer."


@dataclass(frozen=True, slots=True, eq=False)
class UspModel:
    """One kind of device as a USP agent; shared by all its units."""

    base: Model
    """Schema and factory tree, with what USP adds."""
    unique_keys: dict[str, tuple[tuple[str, ...], ...]]
    """By schema path of a table."""
    commands: dict[str, tuple[Command, ...]]
    events: dict[str, tuple[Event, ...]]
    answers: dict[Any, Any] = field(default_factory=dict)
    """What was worked out for one unit and holds for all: GetSupportedDM."""

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.base.name

    def command(self, schema: str, name: str) -> Command | None:
        """Return command ``name`` of the object at a schema path."""
        return next((each for each in self.commands.get(schema, ()) if each.name == name), None)

    def has_event(self, schema: str, name: str) -> bool:
        """Tell whether the object at a schema path has event ``name``."""
        return any(event.name == name for event in self.events.get(schema, ()))


@cache
def usp_model(name: str, *, keep_cwmp: bool = False, onboarding: bool = True) -> UspModel:
    """Make the USP form of the model of that name, or in that file.

    ``keep_cwmp`` keeps ``Device.ManagementServer.``; ``onboarding`` False: a data model before
    2.17, without OnBoardingComplete.  Raises `ModelFileError`, and `ValueError` for a model
    whose root is not ``Device.``: USP knows no other.
    """
    base = load_model(name)
    if base.top != "Device.":
        raise ValueError(f"{name} is a model of {base.top}; USP has Device. alone")
    part = "part-usp-onboarding.toml" if onboarding else "part-usp-agent.toml"
    added = load_model(str(files("simulators.models") / part))
    root = _spec(base.root, added.root, keep_cwmp)
    factory = _node(root, base.factory, added.factory)
    paths = {spec.path: spec for spec in root.all_objects()}
    return UspModel(
        base=replace(base, root=root, factory=factory, known={}),
        unique_keys={path: tuple(_keys(path, spec)) for path, spec in paths.items() if spec.table},
        commands={path: found for path, found in COMMANDS.items() if path in paths},
        events={path: found for path, found in EVENTS.items() if path in paths},
    )


def schema_path(path: str) -> str:
    """Return a path with ``{i}`` in the place of instance numbers."""
    return _NUMBER.sub(".{i}", path)


def _keys(path: str, spec: ObjectSpec) -> Iterator[tuple[str, ...]]:
    if "Alias" in spec.parameters:
        yield ("Alias",)
    for key in UNIQUE_KEYS.get(path, ()):
        if all(leaf in spec.parameters for leaf in key):
            yield key


def _spec(base: ObjectSpec, added: ObjectSpec | None, keep_cwmp: bool) -> ObjectSpec:
    """Join two descriptions of an object; the added one wins, rules of a table are the base's."""
    children = {
        name: _spec(child, added.children.get(name) if added else None, keep_cwmp)
        for name, child in base.children.items()
        if _stays(child, keep_cwmp)
    }
    if added:
        children |= {n: child for n, child in added.children.items() if n not in base.children}
    parameters = dict(base.parameters)
    if added:
        parameters |= added.parameters
    return replace(base, parameters=parameters, children=children)


def _stays(spec: ObjectSpec, keep_cwmp: bool) -> bool:
    """What USP does by commands, and the management of CWMP, is not there."""
    return "DiagnosticsState" not in spec.parameters and (keep_cwmp or spec.path != CWMP)


def _node(spec: ObjectSpec, base: Node, added: Node | None) -> Node:
    children: dict[str, Node | Table] = {}
    for name, child in spec.children.items():
        before = base.children.get(name)
        extra = added.children.get(name) if added else None
        if before is None:
            children[name] = extra or (Table(child) if child.table else fresh(child))
        elif isinstance(before, Table):
            children[name] = _table(child, before, extra if isinstance(extra, Table) else None)
        else:
            children[name] = _node(child, before, extra if isinstance(extra, Node) else None)
    return Node(spec, {**base.values, **(added.values if added else {})}, children)


def _table(spec: ObjectSpec, base: Table, added: Table | None) -> Table:
    extra = added.rows if added else {}
    rows = {n: _node(spec, row, extra.get(n)) for n, row in base.rows.items()}
    rows |= {n: _node(spec, row, None) for n, row in extra.items() if n not in rows}
    return Table(spec, dict(sorted(rows.items())), max(base.next_row, 1 + max(rows, default=0)))
