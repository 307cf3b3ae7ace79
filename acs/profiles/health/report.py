"""How a device is, as values: each with its unit, and where and when it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from acs.profiles.health.measured import Reading
from acs.profiles.health.optical import Light, Thresholds


class Scope(StrEnum):
    """Where an address can be reached from."""

    PUBLIC = "public"
    SHARED = "shared (CGNAT)"
    PRIVATE = "private"
    LINK_LOCAL = "link-local"


@dataclass(frozen=True, slots=True)
class Optics:
    """The transceiver. Powers are in dBm."""

    rx: Reading
    tx: Reading
    temperature: Reading
    voltage: Reading
    bias: Reading
    state: Reading
    operating: bool | None
    """What the state says; None: it is not known."""
    light: Light
    """What the receive power says."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an interface."""

    reading: Reading
    scope: Scope


@dataclass(frozen=True, slots=True)
class WanLink:
    """An IP interface."""

    path: str
    at: float
    name: str
    kind: str
    service: str
    status: str
    enabled: bool | None
    lan: bool
    """It does not lead outside."""
    addresses: tuple[Address, ...]
    sent: Reading
    received: Reading
    swapped: bool = False
    """The device calls sent what it received; here it stands right."""


@dataclass(frozen=True, slots=True)
class Radio:
    """A Wi-Fi radio, or one of the networks on it where a family tells of these only."""

    path: str
    at: float
    name: str
    band: str
    status: str
    enabled: bool | None
    channel: Reading
    auto: bool | None
    width: str
    power: Reading
    network: bool = False
    """One of several on a radio: that it is off says nothing of the radio."""


@dataclass(frozen=True, slots=True)
class Station:
    """A Wi-Fi client of the device itself, or of a mesh node."""

    path: str
    at: float
    mac: str
    signal: Reading
    network: str = ""
    """Name of the network, where it is known."""


@dataclass(frozen=True, slots=True)
class MeshNode:
    """A unit of the mesh with its clients; the first one is the device itself."""

    path: str
    at: float
    mac: str
    name: str
    model: str
    address: str
    active: bool | None
    uptime: Reading
    backhaul: str
    signal: Reading
    """Of the backhaul."""
    clients: tuple[Station, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A host of the customer's network."""

    path: str
    at: float
    mac: str
    name: str
    address: str
    kind: str
    active: bool | None
    sure: bool
    """False: only the device's own flag says so, and that is known to be stale."""
    node: str = ""
    """MAC of the mesh node it is a client of, where that is known."""


@dataclass(frozen=True, slots=True)
class VoiceSocket:
    """A telephone line."""

    path: str
    at: float
    number: str
    enabled: bool | None
    status: Reading
    call: str


class Severity(StrEnum):
    """How much a finding weighs."""

    BAD = "bad"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """Something that stands out, and what to do about it."""

    severity: Severity
    subject: str
    text: str
    advice: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How a device is."""

    at: float
    """When most of it was read."""
    uptime: Reading
    optics: Optics | None
    """None: it has no transceiver, or tells nothing of it."""
    wans: tuple[WanLink, ...] = ()
    radios: tuple[Radio, ...] = ()
    stations: tuple[Station, ...] = ()
    mesh: tuple[MeshNode, ...] = ()
    hosts: tuple[Host, ...] = ()
    voice: tuple[VoiceSocket, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    """Doubts about a part, by its name."""
    findings: tuple[Finding, ...] = ()
    """What stands out, in the order in which to check it."""
    limits: Thresholds = field(default_factory=Thresholds)
    """What it was judged by."""

    @property
    def wireless_clients(self) -> int:
        """Clients of the device and behind its repeaters, each once, without the repeaters."""
        nodes = {node.mac for node in self.mesh}
        macs = {s.mac for s in self.stations} | {c.mac for n in self.mesh for c in n.clients}
        return len(macs - nodes - {""})
