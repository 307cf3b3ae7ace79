"""Where a device family has its diagnostics: ``[diagnostics]`` of a blueprint, as values.

It decides what a test is asked with and read from, never what is provisioned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acs.profiles.diagnostics.names import NAMES, Diagnostic

Path = tuple[str, ...]
_OBJECT = re.compile(r"(?:Device|InternetGatewayDevice)\.(?:[A-Za-z0-9_-]+\.)+")
_LEAF = re.compile(r"(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+")
_TABLE = re.compile(r"(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+\.\{i\}\.")
STATE = "DiagnosticsState"
Places = Mapping[Diagnostic, "DiagnosticPlaces"]


@dataclass(frozen=True, slots=True)
class DiagnosticPlaces:
    """Where one diagnostic takes its arguments and tells its results, below ``object``."""

    object: str
    """With the final dot."""
    arguments: Mapping[str, str]
    """Leaf by the name of the argument (`NAMES`)."""
    results: Mapping[str, str]
    table: str = ""
    """Table of results below the object, up to the row's final dot (``RouteHops.{i}.``)."""
    row: Mapping[str, str] = field(default_factory=dict)
    """Leaf of a row by what it tells."""

    @property
    def state(self) -> str:
        """Path of the state: written to start it, read to see how it ended."""
        return self.object + STATE

    def argument(self, name: str) -> str:
        """Path of an argument, or empty where the family has none."""
        leaf = self.arguments.get(name, "")
        return self.object + leaf if leaf else ""


def read_diagnostics(
    data: Mapping[str, Any] | None, complain: Callable[[Path, str], None]
) -> Places:
    """Make the places of a ``[diagnostics]`` table of the right shape; ``complain`` hears mistakes.

    One that is not there is one the family does not have.
    """
    return {
        diagnostic: _places(diagnostic, told, complain)
        for diagnostic in Diagnostic
        if (told := (data or {}).get(diagnostic.value))
    }


def _places(
    diagnostic: Diagnostic, data: Mapping[str, Any], complain: Callable[[Path, str], None]
) -> DiagnosticPlaces:
    path = ("diagnostics", diagnostic.value)
    name = ".".join(path)
    place, table = data.get("object", ""), data.get("table", "")
    if not _OBJECT.fullmatch(place):
        complain((*path, "object"), f"{name}.object: {place!r} is no full path ending with a dot")
    if table and not _TABLE.fullmatch(table):
        complain((*path, "table"), f"{name}.table: {table!r} does not end with .{{i}}.")
    arguments = data.get("arguments", {})
    for missing in (each for each in NAMES[diagnostic].required if not arguments.get(each)):
        complain((*path, "arguments"), f"{name}.arguments.{missing} is missing")
    for part in ("arguments", "results", "row"):
        for key, leaf in data.get(part, {}).items():
            if leaf and not _LEAF.fullmatch(leaf):
                complain((*path, part, key), f"{name}.{part}.{key}: {leaf!r} is not a leaf")
    return DiagnosticPlaces(
        place,
        {key: leaf for key, leaf in arguments.items() if leaf},
        {key: leaf for key, leaf in data.get("results", {}).items() if leaf},
        table,
        {key: leaf for key, leaf in data.get("row", {}).items() if leaf},
    )
