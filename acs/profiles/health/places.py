"""Where a device family tells how it is: the ``[health]`` table of a blueprint, as values.

It decides what is read and shown, never what is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from acs.profiles.blueprint_schema import HEALTH_QUANTITIES, HEALTH_ROWS, Path, nearest
from acs.profiles.health.measured import BIAS, TEMPERATURE, VOLTAGE
from acs.profiles.health.optical import PowerUnit
from acs.profiles.health.station_signal import SignalUnit

_ROOTS = ("Device.", "InternetGatewayDevice.")
_TABLE = re.compile(r"(?:Device|InternetGatewayDevice)\.(?:[A-Za-z0-9_.-]+\.\{i\}\.)+")
_LEAF = re.compile(r"(?:(?:[A-Za-z0-9_-]+|\{i\})\.)*[A-Za-z0-9_-]+")

UNITS: Mapping[str, Iterable[str]] = {
    "rx": tuple(PowerUnit),
    "tx": tuple(PowerUnit),
    "temperature": TEMPERATURE,
    "voltage": VOLTAGE,
    "bias": BIAS,
}
"""Units in which each quantity of a transceiver may be written."""


class Part(StrEnum):
    """Tables that tell how a device is."""

    WAN = "wan"
    RADIOS = "radios"
    STATIONS = "stations"
    HOSTS = "hosts"
    MESH = "mesh"
    CLIENTS = "clients"
    """Stations of mesh nodes: a table inside that of the nodes."""
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A parameter that may hold a quantity, and the unit it is written in."""

    path: str
    unit: str


@dataclass(frozen=True, slots=True)
class OpticalPlaces:
    """Where the transceiver is read."""

    quantities: Mapping[str, tuple[Candidate, ...]]
    """By `UNITS`; the first that is there and plausible counts."""
    state: tuple[str, ...]
    operating: frozenset[str]
    """Words of the state of a link that works."""


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """Tables of one kind, and the leaves of a row."""

    tables: tuple[str, ...]
    leaves: Mapping[str, tuple[str, ...]]
    """Leaf names by what they tell; the first that a row has counts."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What the device's word for a host's ``kind`` means."""
    signal: SignalUnit = SignalUnit.AUTO
    swapped: bool = False
    """What is called sent was received."""
    active_trusted: bool = True
    networks: bool = False
    """Rows of radios are networks, several of which share a radio."""
    lan: tuple[str, ...] = ()
    """Words of ``kind`` of an interface that does not lead outside."""


@dataclass(frozen=True, slots=True)
class HealthPlaces:
    """All that a family tells of its health, and where."""

    uptime: tuple[str, ...] = ()
    optical: OpticalPlaces | None = None
    rows: Mapping[Part, RowPlaces] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    """Doubts about a quantity or part, shown with its values."""


def read_places(
    data: Mapping[str, Any] | None, complain: Callable[[Path, str], None]
) -> HealthPlaces | None:
    """Make the places of a ``[health]`` table of the right shape; ``complain`` hears mistakes."""
    if not data:
        return None
    reader = _Reader(complain)
    rows = {part: found for part in Part if (found := reader.rows(part, data.get(part.value)))}
    nodes, clients = rows.get(Part.MESH), rows.get(Part.CLIENTS)
    if clients and not (
        nodes and all(any(c.startswith(n) for n in nodes.tables) for c in clients.tables)
    ):
        complain(
            ("health", "clients", "tables"), "health.clients.tables must lie inside health.mesh"
        )
    known = (*UNITS, "uptime", *Part)
    for name in data.get("notes", {}):
        if name not in known:
            complain(
                ("health", "notes", name),
                f"health.notes: {name!r} is none of {', '.join(known)}{nearest(name, known)}",
            )
    return HealthPlaces(
        uptime=reader.paths(data.get("uptime", ()), ("health", "uptime")),
        optical=reader.optical(data.get("optical")),
        rows=rows,
        notes=dict(data.get("notes", {})),
    )


class _Reader:
    """Reads the parts and says what does not hold together."""

    def __init__(self, complain: Callable[[Path, str], None]) -> None:
        self._complain = complain

    def paths(self, texts: Iterable[str], path: Path) -> tuple[str, ...]:
        for text in texts:
            self._check_path(text, path)
        return tuple(texts)

    def optical(self, data: Mapping[str, Any] | None) -> OpticalPlaces | None:
        if not data:
            return None
        quantities = {}
        for name in HEALTH_QUANTITIES:
            for text, unit in data.get(name, {}).items():
                path = ("health", "optical", name, text)
                self._check_path(text, path)
                if unit not in UNITS[name]:
                    units = ", ".join(UNITS[name])
                    self._complain(
                        path,
                        f"health.optical.{name}: unit {unit!r} is none of {units}"
                        f"{nearest(unit, UNITS[name])}",
                    )
            quantities[name] = tuple(Candidate(*item) for item in data.get(name, {}).items())
        return OpticalPlaces(
            quantities,
            self.paths(data.get("state", ()), ("health", "optical", "state")),
            frozenset(data.get("operating", ())),
        )

    def rows(self, part: Part, data: Mapping[str, Any] | None) -> RowPlaces | None:
        if not data:
            return None
        path = ("health", part.value)
        tables = tuple(data.get("tables", ()))
        if not tables:
            self._complain(path, f"health.{part}.tables is missing")
        for table in tables:
            if not _TABLE.fullmatch(table):
                self._complain(
                    (*path, "tables"),
                    f"health.{part}.tables: {table!r} is no full path ending with .{{i}}.",
                )
        leaves = {name: tuple(data[name]) for name in HEALTH_ROWS[part.value] if name in data}
        for name, some in leaves.items():
            for leaf in some:
                if not _LEAF.fullmatch(leaf) or leaf.startswith(_ROOTS):
                    self._complain(
                        (*path, name), f"health.{part}.{name}: {leaf!r} is not a leaf of a row"
                    )
        unit = data.get("signal_unit", SignalUnit.AUTO.value)
        if unit not in list(SignalUnit):
            self._complain(
                (*path, "signal_unit"),
                f"health.{part}.signal_unit: {unit!r} is none of {', '.join(SignalUnit)}",
            )
            unit = SignalUnit.AUTO.value
        return RowPlaces(
            tables,
            leaves,
            words=dict(data.get("words", {})),
            signal=SignalUnit(unit),
            swapped=data.get("swapped", False),
            active_trusted=data.get("active_trusted", True),
            networks=data.get("networks", False),
            lan=tuple(data.get("lan", ())),
        )

    def _check_path(self, text: str, path: Path) -> None:
        if not text.startswith(_ROOTS) or text.endswith("."):
            self._complain(path, f"{'.'.join(path[:3])}: {text!r} is not a full path")
