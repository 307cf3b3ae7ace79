"""A scenario as values: who lives in the town, what happens to it, what is expected.

The names of the fields are those of the files; `reading` makes these from TOML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace


class Profile(StrEnum):
    """What ERPNext wishes for a unit."""

    WIFI = "wifi"
    """A name and a password of its own for the Wi-Fi."""
    TELEPHONE = "telephone"
    """Wi-Fi and a telephone line."""
    REFUSED = "refused"
    """A Wi-Fi name that the device refuses: such a unit must never be called live."""
    UNKNOWN = "unknown"
    """ERPNext has no such equipment: such a unit must never be called live."""

    @property
    def served(self) -> bool:
        """True where a unit that does nothing wrong can be given what is wished."""
        return self in (Profile.WIFI, Profile.TELEPHONE)


class DatabaseKind(StrEnum):
    """What the server keeps its state in."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    """A cluster of the scenario's own, from the programs of this machine."""


class Power(StrEnum):
    """What is done to the server."""

    RESTART = "restart"
    """Stopped in order, and started again."""
    KILL = "kill"
    """Ended without a chance to put anything in order (SIGKILL), and started again."""
    STOP = "stop"
    START = "start"


class Protocol(StrEnum):
    """What a unit speaks."""

    CWMP = "cwmp"
    USP = "usp"


class Mtp(StrEnum):
    """How the records of an agent travel."""

    MQTT5 = "mqtt5"
    MQTT3 = "mqtt3"
    """MQTT 3.1.1."""
    WEBSOCKET = "websocket"


class Until(StrEnum):
    """When a phase is over, at the latest when its time is."""

    TIME = "time"
    SERVED = "served"
    """Every good unit really has what is wished, and the server calls it live."""
    QUIET = "quiet"
    """`SERVED`, and no job waits any more."""


class ServerTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[server]``: how the server is started."""

    database: DatabaseKind = DatabaseKind.SQLITE
    workers: int = 1
    settings: Mapping[str, str | int | float | bool] = {}
    """``"section.key" = value``, over defaults that suit a scenario."""


class ErpnextTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[erpnext]``: the stand-in of ERPNext."""

    profile: Profile = Profile.WIFI
    """Of units whose row names none."""
    slow: float = 0.0
    """Seconds by which each answer is late."""
    webhooks: bool = False
    """It tells of each change at once, as `acs erp install` sets it up."""


class PaceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[pace]``: how long things take in a unit, in seconds."""

    periodic: float = 60.0
    """Between two periodic sessions."""
    apply: float = 5.0
    """Until accepted values take effect."""
    reboot: float = 15.0
    answer: float = 30.0
    """Until a unit gives up waiting for an answer of the server."""
    keep_connections: bool = True
    """One connection for a session; false: a new one for each request."""


class UnitsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[units]]``: a row of units of one model."""

    model: str
    count: int
    profile: Profile | None = None
    protocol: Protocol = Protocol.CWMP
    mtps: Mapping[Mtp, float] = msgspec.field(default_factory=lambda: {Mtp.MQTT5: 1.0})
    """Shares of the row by how their records travel, once they speak USP."""
    moves: str = ""
    """Phase in which units that speak CWMP change to USP, and keep what they were given."""
    faults: tuple[str, ...] = ()
    """What they do wrong, as `cpe-sim faults` names it, or `usp-sim faults` if they speak USP."""
    share: float = 1.0
    """Share of the row that has these faults; the others are good."""
    joins: str = ""
    """Phase in which they are switched on; empty: the first."""
    recorded: str = ""
    """Phase in which somebody records them in ERPNext; empty: they are recorded before."""
    listen: bool = False
    """They answer connection requests; agents of USP need not."""

    @property
    def speaks_usp(self) -> bool:
        """True where its units speak USP at some time."""
        return self.protocol is Protocol.USP or bool(self.moves)


class LockTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody else holds the database: a backup, a report, an administrator."""

    seconds: float


class ImageTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A firmware image to be made in the scenario's folder."""

    file: str
    model: str
    version: str
    octets: int = 1_000_000


class FaultTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault of the stand-in of ERPNext, as ``erpnext-sim`` takes it."""

    kind: str
    count: int | None = None
    seconds: float | None = None
    match: str = ""
    delay: float = 2.0
    retry_after: int = 39


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is done, ``at`` seconds after the phase began; exactly one of the actions."""

    at: float = 0.0
    every: float = 0.0
    """Seconds after which it is done again, ``times`` times in all."""
    times: int = 1
    share: float = 1.0
    """Share of the good units that a wish, or a command with ``{serial}``, is for."""
    erpnext: str | FaultTable | None = None
    """``down``, ``up``, or a fault."""
    server: Power | None = None
    database: LockTable | None = None
    command: tuple[str, ...] | None = None
    """Arguments of ``acs``; ``{serial}``: once for each unit, ``{folder}``: the scenario's."""
    wish: Profile | None = None
    """Customers call: ERPNext has new names and passwords for them, of this profile."""
    image: ImageTable | None = None

    @property
    def actions(self) -> list[str]:
        """Names of the actions that are given."""
        return [name for name in ACTIONS if getattr(self, name) is not None]


ACTIONS = ("erpnext", "server", "database", "command", "wish", "image")


class PhaseTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[phase]]``: a stretch of time."""

    name: str
    seconds: float = 0.0
    minutes: float = 0.0
    until: Until = Until.TIME
    arrivals: Mapping[str, Any] | None = None
    """Curve along which units call: those that join, and with ``events`` those that are there."""
    events: tuple[str, ...] = ()
    """What those that are there say; ``1 BOOT``: their power is cut, and comes back."""
    do: tuple[Step, ...] = ()
    expect: Mapping[str, str | int | float] = {}
    """Expectations of this phase alone."""

    @property
    def length(self) -> float:
        """Seconds it lasts at most."""
        return self.seconds + 60 * self.minutes


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scenario, checked."""

    name: str
    about: str
    seed: int = 1
    server: ServerTable = ServerTable()
    erpnext: ErpnextTable = ErpnextTable()
    pace: PaceTable = PaceTable()
    units: tuple[UnitsTable, ...]
    phase: tuple[PhaseTable, ...]
    expect: Mapping[str, str | int | float]

    @property
    def count(self) -> int:
        """How many units there are."""
        return sum(row.count for row in self.units)

    @property
    def mtps(self) -> set[Mtp]:
        """How records of USP travel in it; empty: nobody speaks USP."""
        return {mtp for row in self.units if row.speaks_usp for mtp in row.mtps}

    @property
    def length(self) -> float:
        """Seconds it lasts at most, without start and end."""
        return sum(phase.length for phase in self.phase)


@dataclass(frozen=True, slots=True)
class Member:
    """One unit of the town, by its number from 0."""

    number: int
    row: int
    model: str
    profile: Profile
    faults: tuple[str, ...]
    joins: str
    protocol: Protocol = Protocol.CWMP
    mtp: Mtp = Mtp.MQTT5
    moves: str = ""
    recorded: str = ""
    listens: bool = False

    @property
    def good(self) -> bool:
        """True for one that does nothing wrong and can be given what is wished for it."""
        return not self.faults and self.profile.served


def members(scenario: Scenario) -> list[Member]:
    """Return the units, those with faults spread evenly over their row."""
    town: list[Member] = []
    for number, row in enumerate(scenario.units):
        profile = row.profile or scenario.erpnext.profile
        joins = row.joins or scenario.phase[0].name
        wrong = 0
        for place, mtp in enumerate(_travelling(row), 1):
            spoilt = bool(row.faults) and round(place * row.share) > wrong
            wrong += spoilt
            faults = row.faults if spoilt else ()
            town.append(
                Member(
                    len(town),
                    number,
                    row.model,
                    profile,
                    faults,
                    joins,
                    row.protocol,
                    mtp,
                    row.moves,
                    row.recorded,
                    row.listen,
                )
            )
    return town


def _travelling(row: UnitsTable) -> Iterator[Mtp]:
    """Yield how each unit of a row travels, the MTPs spread evenly over it."""
    taken = dict.fromkeys(row.mtps, 0)
    for place in range(1, row.count + 1):
        behind = {mtp: place * share - taken[mtp] for mtp, share in row.mtps.items()}
        chosen = max(behind, key=behind.__getitem__)
        taken[chosen] += 1
        yield chosen


def resized(scenario: Scenario, units: int) -> Scenario:
    """The same scenario with ``units`` units in all, at least one of each row."""
    whole = scenario.count
    exact = [row.count * units / whole for row in scenario.units]
    counts = [max(1, int(part)) for part in exact]
    by_rest = sorted(range(len(exact)), key=lambda n: int(exact[n]) - exact[n])
    for number in by_rest:
        if sum(counts) < units and exact[number] >= 1:
            counts[number] += 1
    rows = (replace(row, count=n) for row, n in zip(scenario.units, counts, strict=True))
    return replace(scenario, units=tuple(rows))


def paced(scenario: Scenario, scale: float) -> Scenario:
    """The same scenario with all its waits multiplied by ``scale``, the server's not."""
    return replace(
        scenario,
        pace=replace(
            scenario.pace,
            periodic=scenario.pace.periodic * scale,
            apply=scenario.pace.apply * scale,
            reboot=scenario.pace.reboot * scale,
        ),
        phase=tuple(_paced_phase(phase, scale) for phase in scenario.phase),
    )


def _paced_phase(phase: PhaseTable, scale: float) -> PhaseTable:
    steps = (_paced_step(step, scale) for step in phase.do)
    return replace(
        phase,
        seconds=phase.length * scale,
        minutes=0.0,
        arrivals=phase.arrivals and _paced_arrivals(phase.arrivals, scale),
        do=tuple(steps),
    )


def _paced_step(step: Step, scale: float) -> Step:
    fault = step.erpnext
    if isinstance(fault, FaultTable) and fault.seconds is not None:
        fault = replace(fault, seconds=fault.seconds * scale)
    lock = step.database and replace(step.database, seconds=step.database.seconds * scale)
    return replace(step, at=step.at * scale, every=step.every * scale, erpnext=fault, database=lock)


_POWERS = {"within": 1, "seconds": 1, "rate": -1, "start": -1, "end": -1}
"""Of the scale, in the settings of a curve: a rate is by time."""


def _paced_arrivals(curve: Mapping[str, Any], scale: float) -> Mapping[str, Any]:
    return {name: value * scale ** _POWERS[name] if name in _POWERS else value
            for name, value in curve.items()}  # fmt: skip
