"""Blueprint: how one device family writes each neutral setting, as values.

Read from a TOML file by `acs.profiles.blueprint_file`; `models/tr181.toml` explains the form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from acs.model import ValueType
from acs.profiles.diagnostics.places import Places as DiagnosticsPlaces
from acs.profiles.health.places import HealthPlaces
from acs.profiles.intent import Band, Role, Security

ROW = "{i}"
"""Stands for an instance number in the path of a table."""


class Place(NamedTuple):
    """Where a value lives: a leaf of a table's row, or a fixed path when ``table`` is empty."""

    table: str
    leaf: str

    def __str__(self) -> str:
        return f"{self.table}:{self.leaf}" if self.table else self.leaf


class Constant(NamedTuple):
    """A value that goes with a setting, written where the device has the place."""

    place: Place
    value: bool | int | str


@dataclass(frozen=True, slots=True)
class Setting:
    """How one neutral setting is written."""

    write: tuple[Place, ...] = ()
    """All of these; the device must have them."""
    first_of: tuple[Place, ...] = ()
    """The first of these that the device has; it must have one."""
    if_present: tuple[Place, ...] = ()
    """Each of these that the device has."""
    also: tuple[Constant, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    """The device's word for a value: ``true``, ``false``, or a text (empty: unset)."""
    type: ValueType | None = None
    invert: bool = False
    secret: bool = False
    """Never compared with what is read, never shown."""
    fold: bool = False
    reference: bool = False

    @property
    def places(self) -> Iterator[Place]:
        """Every place it may write."""
        yield from self.write
        yield from self.first_of
        yield from self.if_present
        for constant in self.also:
            yield constant.place


@dataclass(frozen=True, slots=True)
class Join:
    """How a row of one table finds its row in another."""

    start: str
    """Table that holds the reference."""
    reference: str = ""
    """Leaf with the path of the row; empty: none."""
    same_number: bool = False
    """Without a reference that leads anywhere, the row with the same instance number."""


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """How the security of a network is written."""

    mode: Place
    supported: Place | None
    """Leaf that lists the words the device takes."""
    words: Mapping[Security, tuple[str, ...]]
    """Words for a wish, the best first; the first that the device supports is chosen."""
    also: Mapping[Security, tuple[Constant, ...]]


@dataclass(frozen=True, slots=True)
class Wifi:
    """Which rows are networks, and how one is written."""

    network: str
    """Table whose rows are the networks."""
    band: tuple[Place, ...]
    band_words: Mapping[str, Band]
    channel: tuple[Place, ...]
    band_of_number: Mapping[int, Band]
    role: tuple[Place, ...]
    role_words: Mapping[str, Role]
    """A row whose word is not here is never touched."""
    role_order: tuple[Role, ...]
    """Roles of a band's rows in order, on a device that has no word for the role."""
    steering: str
    """Path of the switch that makes all bands share one name, or empty."""
    settings: Mapping[str, Setting]
    hex_key: Setting | None
    """Where a key of 64 hex digits goes."""
    sae: Setting | None
    """Where the passphrase goes as well when WPA3 is wanted."""
    security: SecurityRule | None


@dataclass(frozen=True, slots=True)
class Voice:
    """Which rows are telephone lines, and how one is written."""

    line: str
    settings: Mapping[str, Setting]
    also: tuple[Constant, ...]
    ignore: tuple[str, ...]
    """Settings the family has no use for: noted, not a problem."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a device must report for the blueprint to fit; patterns as in a shell, without case."""

    root: str
    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """How one device family is recognised and written."""

    name: str
    title: str
    sources: tuple[str, ...]
    match: Match | None
    """None: only there to be extended."""
    root: str
    dialect: Mapping[str, object]
    """For the protocol room: how this family wants its messages."""
    verify_later: bool
    """It applies what it accepts after the session: the next one proves it."""
    marker: str
    """Path that keeps our mark, so that its loss tells of a reset; empty: none."""
    mac_paths: tuple[str, ...]
    """Where the base MAC is, tried in this order."""
    model_path: str
    gpon_paths: tuple[str, ...]
    tables: Mapping[str, str]
    """Path of each table with ``{i}`` for instance numbers, up to the row's final dot."""
    joins: Mapping[str, Join]
    """How the row of a table is reached, by the table's name."""
    wifi: Wifi | None
    voice: Voice | None
    management: Mapping[str, Setting]
    admin: Setting | None
    switches: frozenset[str]
    """Leaf names that turn something on or off: off is written first, on last."""
    separate: frozenset[str]
    """Groups of changes that get a request of their own."""
    digest: str
    """Of everything that decides what is written."""
    health: HealthPlaces | None = None
    """Where the family tells how it is."""
    diagnostics: DiagnosticsPlaces = field(default_factory=dict)
    """Tests the family can run itself, and where."""

    @property
    def voice_expected(self) -> bool:
        """True when the blueprint knows where telephone lines are."""
        return self.voice is not None

    @property
    def true_false(self) -> tuple[str, str]:
        """How this family wants a boolean written."""
        return ("1", "0") if self.dialect.get("booleans") == "1" else ("true", "false")
