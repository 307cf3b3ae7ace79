"""Blueprint: how one device family writes each neutral setting, as values.

Read from a TOML file by `acs.profiles.blueprint_file`; `models/tr181.toml` explains the form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from acs.model import ValueType
from acs.profiles.diagnostics.places import Places as DiagnosticsPlaces
from acs.profiles.health.places import HealthPlaces
from acs.profiles.intent import Band, Role, Security

if TYPE_CHECKING:
    from acs.profiles.wan.places import WanPlaces

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
    supported: Place | None = None
    """Leaf that lists what the device takes; any other word is a problem, not a request."""
    closed: bool = False
    """Only values that ``words`` has are possible."""

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
    numbers: Mapping[int, int] = field(default_factory=dict)
    """Without one, the row with this instance number, by that of the row it starts from."""


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
    role_words: Mapping[str, tuple[Role, ...]]
    """Roles of a band's rows with this word, in order; a row whose word is not here, or that is
    one too many, is never touched."""
    role_of_number: Mapping[int, Role]
    """Roles by instance number, on a device that has no word for the role."""
    role_order: tuple[Role, ...]
    """Roles of a band's rows in order, where neither word nor number tells."""
    also: tuple[Constant, ...]
    """Constants for a network that is switched on."""
    steering: str
    """Path of the switch that makes all bands share one name, or empty."""
    settings: Mapping[str, Setting]
    radio: Mapping[str, Setting]
    """What all networks of a band share, seen from one of them."""
    hex_key: Setting | None
    """Where a key of 64 hex digits goes."""
    sae: Setting | None
    """Where the passphrase goes as well when WPA3 is wanted."""
    security: SecurityRule | None

    @property
    def roles(self) -> frozenset[Role]:
        """Roles its rows can have."""
        named = (role for roles in self.role_words.values() for role in roles)
        return frozenset((*named, *self.role_of_number.values(), *self.role_order))


@dataclass(frozen=True, slots=True)
class Voice:
    """Which rows are telephone lines, and how one is written."""

    line: str
    settings: Mapping[str, Setting]
    also: tuple[Constant, ...]
    ignore: tuple[str, ...]
    """Settings the family has no use for: noted, not a problem."""


class Certainty(StrEnum):
    """Why something in a blueprint may be wrong."""

    SINGLE_SOURCE = "single-source"
    """One report, nothing that confirms it."""
    INFERRED = "inferred"
    """Nobody wrote it down; the values suggest it."""
    OPEN = "open"
    """Not known."""


class Verify(StrEnum):
    """When what was written can be read back."""

    NOW = "now"
    NEXT_SESSION = "next-session"
    """It applies what it accepts after the session: the next one proves it."""
    NOW_OR_LATER = "now-or-later"
    """Some of it at once; what is not seen yet is looked at again in the next session."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is not sure about a key of the blueprint."""

    certainty: Certainty
    note: str
    source: str = ""


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
    verify: Verify
    marker: str
    """Path that keeps our mark, so that its loss tells of a reset; empty: none."""
    factory_ssid: str
    """Regular expression of Wi-Fi names as they come from the factory; empty: not known."""
    mac_paths: tuple[str, ...]
    """Where the base MAC is, tried in this order."""
    model_path: str
    gpon_paths: tuple[str, ...]
    tables: Mapping[str, str]
    """Path of each table with ``{i}`` for instance numbers, up to the row's final dot."""
    joins: Mapping[str, Join]
    """How the row of a table is reached, by the table's name."""
    wifi: Wifi | None
    wifi_inner: Wifi | None
    """Further networks, in a table of their own."""
    voice: Voice | None
    management: Mapping[str, Setting]
    admin: Setting | None
    switches: frozenset[str]
    """Leaf names that turn something on or off: off is written first, on last."""
    separate: frozenset[str]
    """Groups of changes that get a request of their own."""
    ignored_management: tuple[str, ...]
    """Management settings that have no meaning here: neither written nor missed."""
    digest: str
    """Of everything that decides what is written."""
    common_digest: str
    """Of the same without what differs over USP: what was written over one protocol is as well
    written over the other."""
    protocol: str = "cwmp"
    """What a device speaks that is written like this: ``cwmp`` or ``usp``."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """Commands of the data model, whole paths ending in ``()``, by what they do; over USP only."""
    wan: WanPlaces | None = None
    """Where its connections are, and how one is built."""
    health: HealthPlaces | None = None
    """Where the family tells how it is."""
    doubts: Mapping[str, Doubt] = field(default_factory=dict)
    """By the dotted key they concern, with all that stands below it (``voice.set.username``)."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The file laid over what it extends, for showing."""

    @property
    def settings(self) -> Iterator[tuple[str, Setting]]:
        """Yield every setting with its dotted key."""
        for key, wifi in (("wifi", self.wifi), ("wifi_inner", self.wifi_inner)):
            if wifi is None:
                continue
            more = {"hex_key": wifi.hex_key, "sae": wifi.sae}
            named = {**wifi.settings, **{name: each for name, each in more.items() if each}}
            yield from ((f"{key}.set.{name}", setting) for name, setting in named.items())
            yield from ((f"{key}.radio.{name}", each) for name, each in wifi.radio.items())
        if self.voice:
            yield from ((f"voice.set.{name}", each) for name, each in self.voice.settings.items())
        yield from ((f"management.set.{name}", each) for name, each in self.management.items())
        if self.admin:
            yield "admin.password", self.admin

    def doubts_of(self, key: str) -> Iterator[tuple[str, Doubt]]:
        """Yield the doubts that concern ``key``: its own, and those of what it stands in."""
        for name, doubt in self.doubts.items():
            if key == name or key.startswith(name + "."):
                yield name, doubt

    diagnostics: DiagnosticsPlaces = field(default_factory=dict)
    """Tests the family can run itself, and where."""

    @property
    def voice_expected(self) -> bool:
        """True when the blueprint knows where telephone lines are."""
        return self.voice is not None

    @property
    def verify_later(self) -> bool:
        """Nothing can be read back in the session that wrote it."""
        return self.verify is Verify.NEXT_SESSION

    @property
    def names_types(self) -> bool:
        """The device says of what type a value is; over USP all is text (R-ENC.6)."""
        return self.protocol != "usp"

    @property
    def given_alias(self) -> str:
        """Leaf with our name that a row must be given as it is created; empty: it can be set.

        Over USP a row that was given none has one of the agent's, for good (TR-181 Alias).
        """
        return self.wan.alias if self.wan and self.protocol == "usp" else ""

    @property
    def true_false(self) -> tuple[str, str]:
        """How this family wants a boolean written."""
        return ("1", "0") if self.dialect.get("booleans") == "1" else ("true", "false")
