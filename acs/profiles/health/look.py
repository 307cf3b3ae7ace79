"""Reading how a device is: what to ask it for, and making sense of what it answered.

Nothing here writes; a device that tells little gives a short `Health`, never an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, ip_address

from acs.model import Value
from acs.profiles.blueprint import ROW, Blueprint
from acs.profiles.health.findings import findings_of
from acs.profiles.health.measured import BIAS, TEMPERATURE, VOLTAGE, Figure, Reading, flag, scaled
from acs.profiles.health.optical import PowerUnit, Thresholds, power
from acs.profiles.health.places import HealthPlaces, OpticalPlaces, Part, RowPlaces
from acs.profiles.health.report import (
    Address,
    Health,
    Host,
    MeshNode,
    Optics,
    Radio,
    Scope,
    Station,
    VoiceSocket,
    WanLink,
)
from acs.profiles.health.station_signal import signal
from acs.profiles.health.values import Reported, ReportedRow
from acs.profiles.tree import Row, Tree, row_pattern

_MOST_PARENTS = 32
_LONGEST = 256
"""Letters of a name (TR-069 A.2.2.2)."""
_CONTRADICTION = 1.0
"""Difference of two places that tell the same quantity, in its unit, that is worth a word."""
_SHARED = IPv4Network("100.64.0.0/10")
DEFAULT_THRESHOLDS = Thresholds()


def reads_of_health(blueprint: Blueprint, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what to ask a device for: names, and objects that stand for all below them.

    ``known`` are names the device is known to have: with them the rows of a table inside
    another are asked for row by row; without them the outer table is asked for whole.
    """
    places = blueprint.health
    if places is None:
        return ()
    names = tuple(known)
    asked = dict.fromkeys((*places.uptime, *reads_of_light(blueprint)))
    for rows in places.rows.values():
        for table in rows.tables:
            asked |= dict.fromkeys(_tables(table, names))
    objects = tuple(path for path in asked if path.endswith("."))
    return tuple(
        path for path in asked if not any(path != o and path.startswith(o) for o in objects)
    )


def reads_of_light(blueprint: Blueprint) -> tuple[str, ...]:
    """Return what to ask a device for to know its light; nothing where it has no place for it."""
    optical = blueprint.health.optical if blueprint.health else None
    if optical is None:
        return ()
    # One unknown name has a whole request refused (TR-069 A.3.2.2); an object that lacks a leaf
    # does not.
    leaves = [*optical.state]
    for candidates in optical.quantities.values():
        leaves += (candidate.path for candidate in candidates)
    return tuple(dict.fromkeys(leaf.rpartition(".")[0] + "." for leaf in leaves))


def _tables(table: str, known: tuple[str, ...]) -> Iterable[str]:
    """Return the objects to ask for to have all rows of ``table``."""
    parent, _, own = table.removesuffix(f"{ROW}.").rpartition(f"{ROW}.")
    if not parent:
        return (own,)
    pattern = row_pattern(f"{parent}{ROW}.")
    rows = dict.fromkeys(match[0] for name in known if (match := pattern.match(name)))
    if 0 < len(rows) <= _MOST_PARENTS:
        return tuple(row + own for row in rows)
    return (table.partition(ROW)[0],)


def health_of(
    values: Mapping[str, str],
    blueprint: Blueprint,
    at: float,
    *,
    times: Mapping[str, float] | None = None,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Health | None:
    """Make sense of what a device reported.

    ``values``: text by path, read ``at`` (epoch seconds); ``times`` has those of another time.
    None: the blueprint does not say where the family tells its health.
    """
    places = blueprint.health
    if places is None:
        return None
    health = _Look(places, blueprint, Reported(values, at, times or {})).health(thresholds)
    return replace(health, findings=findings_of(health, thresholds))


class _Look:
    """One look at a device's values."""

    def __init__(self, places: HealthPlaces, blueprint: Blueprint, reported: Reported) -> None:
        self._places = places
        self._blueprint = blueprint
        self._reported = reported
        named = {
            path: Value(text) for path, text in reported.values.items() if len(path) <= _LONGEST
        }
        self._tree = Tree(blueprint, named)

    def health(self, thresholds: Thresholds) -> Health:
        stations, mesh = tuple(self._stations()), tuple(self._mesh())
        return Health(
            at=self._reported.at,
            uptime=self._uptime(),
            optics=(
                self._optics(self._places.optical, thresholds) if self._places.optical else None
            ),
            wans=tuple(self._wans()),
            radios=tuple(self._radios()),
            stations=stations,
            mesh=mesh,
            hosts=tuple(self._hosts(stations, mesh)),
            voice=tuple(self._voice()),
            notes={part.value: note for part in Part if (note := self._note(part))},
            limits=thresholds,
        )

    def _note(self, name: str) -> str:
        return self._places.notes.get(name, "")

    def _rows(self, part: Part) -> Iterator[tuple[RowPlaces, ReportedRow]]:
        if places := self._places.rows.get(part):
            for table in places.tables:
                for row in self._reported.rows(table):
                    yield places, row

    def _first(self, paths: Iterable[str]) -> str:
        return next((path for path in paths if path in self._reported.values), "")

    def _uptime(self) -> Reading:
        return self._reported.counted(self._first(self._places.uptime), "s", self._note("uptime"))

    def _optics(self, places: OpticalPlaces, thresholds: Thresholds) -> Optics | None:
        read = {name: self._quantity(places, name) for name in places.quantities}
        state = self._reported.reading(self._first(places.state))
        if not any(reading.path for reading in (state, *read.values())):
            return None
        known = state.value is not None and places.operating
        rx = read["rx"].value
        return Optics(
            **read,
            state=state,
            operating=state.value in places.operating if known else None,
            light=thresholds.judge(rx if isinstance(rx, float) else None),
        )

    def _quantity(self, places: OpticalPlaces, name: str) -> Reading:
        """Take the first that is there and plausible; else the first that is there says why.

        Where another place contradicts it, its note says so.
        """
        told = []
        for path, unit in ((c.path, c.unit) for c in places.quantities[name]):
            if path in self._reported.values:
                figure, shown = _converted(name, self._reported.values[path], unit)
                told.append(self._reported.figure(path, figure, shown, self._note(name)))
        plausible = [reading for reading in told if reading.value is not None]
        if not plausible:
            return told[0] if told else self._reported.reading("")
        first, *others = plausible
        against = [
            f"{other.path} says {other.value} {other.unit}"
            for other in others
            if abs(float(other.value or 0) - float(first.value or 0)) > _CONTRADICTION
        ]
        return replace(first, note="; ".join(filter(None, (first.note, *against))))

    def _wans(self) -> Iterator[WanLink]:
        for places, row in self._rows(Part.WAN):
            sent, received = row.leaf(places, "sent"), row.leaf(places, "received")
            note = self._note(Part.WAN)
            if places.swapped:
                sent, received = received, sent
                note = "the device calls it the other way round"
            kind = row.text(places, "kind")
            yield WanLink(
                path=row.path,
                at=row.at,
                name=row.text(places, "name"),
                kind=kind,
                service=row.text(places, "service"),
                status=row.text(places, "status"),
                enabled=flag(row.text(places, "enabled")),
                lan=kind in places.lan,
                addresses=tuple(self._addresses(row.all(places, "addresses"))),
                sent=self._reported.counted(sent, "bytes", note),
                received=self._reported.counted(received, "bytes", note),
                swapped=places.swapped,
            )

    def _addresses(self, paths: Iterable[str]) -> Iterator[Address]:
        for path in paths:
            reading = self._reported.reading(path)
            if scope := _scope(reading.raw):
                yield Address(reading, scope)

    def _radios(self) -> Iterator[Radio]:
        for places, row in self._rows(Part.RADIOS):
            yield Radio(
                path=row.path,
                at=row.at,
                name=row.text(places, "name"),
                band=row.text(places, "band"),
                status=row.text(places, "status"),
                enabled=flag(row.text(places, "enabled")),
                channel=self._reported.counted(row.leaf(places, "channel"), ""),
                auto=flag(row.text(places, "auto")),
                width=row.text(places, "width"),
                power=self._reported.reading(row.leaf(places, "power"), unit="%"),
                network=places.networks,
            )

    def _stations(self) -> Iterator[Station]:
        for places, row in self._rows(Part.STATIONS):
            yield self._station(places, row, Part.STATIONS)

    def _station(self, places: RowPlaces, row: ReportedRow, part: Part) -> Station:
        mac = _mac(row.text(places, "mac"))
        return Station(
            row.path, row.at, mac, self._signal(places, row, part), self._network(row.path)
        )

    def _signal(self, places: RowPlaces, row: ReportedRow, part: Part) -> Reading:
        path = row.leaf(places, "signal")
        figure = signal(self._reported.values.get(path, ""), places.signal)
        return self._reported.figure(path, figure, "dBm", self._note(part))

    def _network(self, path: str) -> str:
        """Name of the network whose row is around ``path``."""
        wifi = self._blueprint.wifi
        setting = wifi.settings.get("ssid") if wifi else None
        if wifi is None or setting is None or len(path) > _LONGEST:
            return ""
        around = row_pattern(self._blueprint.tables[wifi.network]).match(path)
        if around is None:
            return ""
        row = Row(tuple(int(digits) for digits in around.groups()), around[0])
        texts = (self._tree.text(place, wifi.network, row) for place in setting.places)
        return next(filter(None, texts), "")

    def _mesh(self) -> Iterator[MeshNode]:
        clients = list(self._rows(Part.CLIENTS))
        for places, row in self._rows(Part.MESH):
            yield MeshNode(
                path=row.path,
                at=row.at,
                mac=_mac(row.text(places, "mac")),
                name=row.text(places, "name"),
                model=row.text(places, "model"),
                address=row.text(places, "address"),
                active=flag(row.text(places, "active")),
                uptime=self._reported.counted(row.leaf(places, "uptime"), "s"),
                backhaul=row.text(places, "backhaul"),
                signal=self._signal(places, row, Part.MESH),
                clients=tuple(
                    self._station(inner, client, Part.CLIENTS)
                    for inner, client in clients
                    if client.path.startswith(row.path)
                ),
            )

    def _hosts(self, stations: tuple[Station, ...], mesh: tuple[MeshNode, ...]) -> Iterator[Host]:
        node_of = {client.mac: node.mac for node in mesh for client in node.clients}
        heard = {station.mac for station in stations} | set(node_of)
        for places, row in self._rows(Part.HOSTS):
            mac = _mac(row.text(places, "mac"))
            kind = row.text(places, "kind")
            here = bool(mac) and mac in heard
            yield Host(
                path=row.path,
                at=row.at,
                mac=mac,
                name=row.text(places, "name"),
                address=row.text(places, "address"),
                kind=places.words.get(kind, kind),
                active=True if here else flag(row.text(places, "active")),
                sure=here or places.active_trusted,
                node=node_of.get(mac, "") if mac else "",
            )

    def _voice(self) -> Iterator[VoiceSocket]:
        for places, row in self._rows(Part.VOICE):
            yield VoiceSocket(
                path=row.path,
                at=row.at,
                number=row.text(places, "number"),
                enabled=flag(row.text(places, "enabled")),
                status=self._reported.reading(row.leaf(places, "status")),
                call=row.text(places, "call"),
            )


def _converted(name: str, text: str, unit: str) -> tuple[Figure, str]:
    """Convert a quantity of the transceiver; the unit it is shown in comes with it."""
    match name:
        case "temperature":
            return scaled(text, TEMPERATURE[unit]), "°C"
        case "voltage":
            return scaled(text, VOLTAGE[unit]), "V"
        case "bias":
            return scaled(text, BIAS[unit]), "mA"
        case _:
            return power(text, PowerUnit(unit)), "dBm"


def _scope(text: str) -> Scope | None:
    """Where an address can be reached from; None: it is none, or says nothing."""
    try:
        address = ip_address(text.strip().partition("/")[0])
    except ValueError:
        return None
    if address.is_unspecified or address.is_loopback or address.is_multicast:
        return None
    if address.version == 4 and address in _SHARED:
        return Scope.SHARED
    if address.is_link_local:
        return Scope.LINK_LOCAL
    return Scope.PUBLIC if address.is_global else Scope.PRIVATE


def _mac(text: str) -> str:
    """A MAC in one spelling; what is none stays as it is."""
    digits = "".join(sign for sign in text if sign not in ":-. ").upper()
    if len(digits) != 12 or any(sign not in "0123456789ABCDEF" for sign in digits):
        return text
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
