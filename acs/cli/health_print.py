"""How a device is, as tables for people and as plain data for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from acs.cli import render
from acs.cli.ages import age, iso, span
from acs.profiles import LAST_RESORT, Health, Severity
from acs.profiles.health.measured import Reading
from acs.profiles.health.report import MeshNode, Optics, Station


def document(value: object) -> Any:
    """Turn a health, or a part of it, into plain data; ``at`` becomes a time in UTC."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return _fields((each.name, getattr(value, each.name)) for each in fields(value))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _fields(value._asdict().items())
    if isinstance(value, tuple):
        return [document(each) for each in value]
    if isinstance(value, Mapping):
        return dict(value)
    return value


def _fields(items: Iterable[tuple[str, object]]) -> dict[str, Any]:
    return {
        name: iso(value) if name == "at" and isinstance(value, float) else document(value)
        for name, value in items
    }


def print_health(health: Health, now: float) -> None:
    """Print all parts that the device tells of, then what stands out."""
    names = {node.mac: _node(node) for node in health.mesh}
    _part(
        "Device",
        ("What", "Value", "Unit", "Verdict", "Age", "Source", "Note"),
        _device(health, now),
    )
    if health.optics:
        limits = health.limits
        _part(
            "Optical",
            ("What", "Value", "Unit", "Verdict", "Age", "Source", "Note"),
            _optics(health.optics, now),
        )
        render.say(
            f"Receive power is too strong above {limits.high:g} dBm, weak below "
            f"{limits.warning:g}, too weak below {limits.low:g}."
        )
    _part(
        "IP interfaces",
        (
            "Name",
            "Kind",
            "Service",
            "Status",
            "Addresses",
            "Sent",
            "Received",
            "Age",
            "Source",
            "Note",
        ),
        (
            (
                link.name,
                link.kind,
                link.service,
                _state(link.status, link.enabled),
                ", ".join(f"{a.reading.value} {a.scope}" for a in link.addresses),
                _shown(link.sent),
                _shown(link.received),
                age(link.at, now),
                link.path,
                "sent and received exchanged" if link.swapped else "",
            )
            for link in health.wans
        ),
        health.notes.get("wan", ""),
    )
    _part(
        "Radios",
        ("Radio", "Band", "Status", "Channel", "Width", "Power", "Age", "Source"),
        (
            (
                radio.name,
                radio.band,
                _state(radio.status, radio.enabled),
                f"{_shown(radio.channel)}{' (auto)' if radio.auto else ''}",
                radio.width,
                _shown(radio.power),
                age(radio.at, now),
                radio.path,
            )
            for radio in health.radios
        ),
    )
    _part(
        "Mesh",
        ("Node", "MAC", "Model", "Address", "Up", "Backhaul", "Signal", "Clients", "Age", "Source"),
        (
            (
                node.name,
                node.mac,
                node.model,
                node.address,
                _time(node.uptime) or _yes(node.active),
                node.backhaul,
                _shown(node.signal),
                len(node.clients),
                age(node.at, now),
                node.path,
            )
            for node in health.mesh
        ),
    )
    _part(
        f"Wi-Fi clients: {health.wireless_clients}",
        ("Client", "At", "Signal", "Verdict", "Age", "Source", "Note"),
        _clients(health, now),
    )
    _part(
        "Hosts",
        ("Name", "MAC", "Address", "On", "At", "Active", "Age", "Source"),
        (
            (
                host.name,
                host.mac,
                host.address,
                host.kind,
                names.get(host.node, host.node),
                _yes(host.active) + ("" if host.sure or host.active is None else ", it says"),
                age(host.at, now),
                host.path,
            )
            for host in health.hosts
        ),
        health.notes.get("hosts", ""),
    )
    _part(
        "Telephone",
        ("Number", "Status", "Call", "Age", "Source"),
        (
            (line.number, _state(_shown(line.status), line.enabled), line.call, age(line.at, now),
             line.path)
            for line in health.voice
        ),
    )  # fmt: skip
    _print_findings(health)


def _print_findings(health: Health) -> None:
    render.heading("What stands out")
    if not health.findings:
        render.say("Nothing.")
        return
    render.print_table(
        ("Weight", "Where", "What", "Do"),
        ((f.severity.value, f.subject, f.text, f.advice) for f in health.findings),
    )
    if any(finding.severity is not Severity.NOTE for finding in health.findings):
        render.say(LAST_RESORT)


def _part(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[object]], note: str = ""
) -> None:
    """Print a part of which something is known, without columns that say nothing."""
    kept = list(rows)
    if not kept:
        return
    columns = [n for n in range(len(headings)) if any(row[n] not in ("", None) for row in kept)]
    render.heading(title)
    render.print_table([headings[n] for n in columns], [[row[n] for n in columns] for row in kept])
    if note:
        render.say(f"Note: {note}.")


def _device(health: Health, now: float) -> Iterator[Sequence[object]]:
    if health.uptime.path:
        yield _row("uptime", health.uptime, "", now)


def _optics(optics: Optics, now: float) -> Iterator[Sequence[object]]:
    verdict = optics.light.value
    for name, reading in (
        ("receive power", optics.rx),
        ("transmit power", optics.tx),
        ("temperature", optics.temperature),
        ("supply voltage", optics.voltage),
        ("bias current", optics.bias),
    ):
        yield _row(name, reading, verdict if reading is optics.rx else "", now)
    works = {True: "good", False: "bad", None: ""}[optics.operating]
    yield _row("link state", optics.state, works, now)


def _row(name: str, reading: Reading, verdict: str, now: float) -> Sequence[object]:
    unknown = reading.value is None
    note = f"{reading.note} (raw: {reading.raw})" if unknown and reading.raw else reading.note
    return (
        name,
        "unknown" if unknown else reading.value,
        "" if unknown else reading.unit,
        verdict,
        age(reading.at, now) if reading.path else "",
        reading.path,
        note,
    )


def _clients(health: Health, now: float) -> Iterator[Sequence[object]]:
    """Clients of nodes, grouped by node, then those that only an access point tells of."""
    told = set()
    for node in health.mesh:
        for client in node.clients:
            told.add(client.mac)
            yield _client(client, _node(node), health.limits.signal, now)
    for station in health.stations:
        if station.mac not in told:
            yield _client(station, station.network, health.limits.signal, now)


def _client(client: Station, at: str, least: float, now: float) -> Sequence[object]:
    signal = client.signal
    dbm = signal.value
    verdict = ("weak" if dbm < least else "good") if isinstance(dbm, float) else "unknown"
    note = f"{signal.note} (raw: {signal.raw})" if dbm is None and signal.raw else signal.note
    return client.mac, at, _shown(signal), verdict, age(client.at, now), client.path, note


def _node(node: MeshNode) -> str:
    return node.name or node.mac or node.path


def _shown(reading: Reading) -> str:
    if reading.value is None:
        return ""
    value = f"{reading.value:g}" if isinstance(reading.value, float) else str(reading.value)
    return f"{value} {reading.unit}".strip()


def _time(reading: Reading) -> str:
    return span(reading.value) if isinstance(reading.value, int) else ""


def _state(status: str, enabled: bool | None) -> str:
    return "off" if enabled is False else status


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[value]
