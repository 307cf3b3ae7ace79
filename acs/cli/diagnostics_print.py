"""What a diagnostic found, as tables for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from acs.cli import render
from acs.profiles.diagnostics.names import Diagnostic
from acs.profiles.diagnostics.results import Lookup, Neighbours, Ping, Result, Speed, Trace

_KINDS: Mapping[Diagnostic, type[Result]] = {
    Diagnostic.PING: Ping,
    Diagnostic.TRACE: Trace,
    Diagnostic.SPEED_DOWNLOAD: Speed,
    Diagnostic.SPEED_UPLOAD: Speed,
    Diagnostic.LOOKUP: Lookup,
    Diagnostic.NEIGHBOURS: Neighbours,
}
_MEGA = 1_000_000


def kept_result(diagnostic: Diagnostic, kept: object) -> Result:
    """Read the result a job keeps back into its type."""
    return msgspec.convert(kept, _KINDS[diagnostic])


def is_good(result: Result) -> bool:
    """Tell whether the test found what was looked for."""
    match result:
        case Ping(received=received):
            return bool(received)
        case Trace(reached=reached):
            return reached is not False
        case Speed(mbit_s=rate):
            return rate is not None
        case Lookup(answers=answers):
            return any(answer.addresses for answer in answers)
        case Neighbours():
            return True


def print_result(result: Result) -> None:
    """Print what a diagnostic found."""
    match result:
        case Ping():
            _print_ping(result)
        case Trace():
            _print_trace(result)
        case Speed():
            _print_speed(result)
        case Lookup():
            _print_lookup(result)
        case Neighbours():
            _print_neighbours(result)


def _print_ping(ping: Ping) -> None:
    lost = ping.loss or 0.0
    verdict = "bad" if not ping.received else "weak" if lost else "good"
    render.print_facts(
        (
            ("Verdict", verdict),
            ("Address", ping.address),
            ("Sent", ping.sent),
            ("Came back", ping.received),
            ("Lost", _figure(ping.loss, "%")),
            ("Least", _figure(ping.least, "ms")),
            ("Average", _figure(ping.average, "ms")),
            ("Most", _figure(ping.most, "ms")),
        )
    )


def _print_trace(trace: Trace) -> None:
    render.print_table(
        ("Hop", "Host", "Address", "Times (ms)", "Note"),
        (
            (
                hop.number,
                hop.host,
                hop.address,
                "  ".join(f"{time:g}" for time in hop.times) or "*",
                f"ICMP {hop.error}" if hop.error else "",
            )
            for hop in trace.hops
        ),
        "The device tells of no hop.",
    )
    ends = {
        True: "Reached.",
        False: "Not reached: the last hop is not the host.",
        None: "Whether the last hop is the host cannot be told: it was asked for by name.",
    }
    render.say(ends[trace.reached])


def _print_speed(speed: Speed) -> None:
    render.print_facts(
        (
            ("Rate", _figure(speed.mbit_s, "Mbit/s") or "unknown"),
            ("Why", speed.note),
            ("Moved", _megabytes(speed.bytes)),
            ("Whole interface", _megabytes(speed.all_bytes)),
            ("Took", _figure(speed.seconds, "s")),
            ("First octet after", _figure(speed.wait, "ms")),
            ("TCP connection", _figure(speed.connect, "ms")),
        )
    )
    if speed.connections:
        render.print_table(
            ("Connection", "Moved", "Took", "Rate"),
            (
                (
                    each.number,
                    _megabytes(each.bytes),
                    _figure(each.seconds, "s"),
                    _figure(each.mbit_s, "Mbit/s"),
                )
                for each in speed.connections
            ),
        )


def _print_lookup(lookup: Lookup) -> None:
    render.print_table(
        ("Outcome", "Name", "Addresses", "Server", "Time", "Authoritative"),
        (
            (
                answer.status,
                answer.name,
                ", ".join(answer.addresses),
                answer.server,
                _figure(answer.time, "ms"),
                {True: "yes", False: "no", None: ""}[answer.authoritative],
            )
            for answer in lookup.answers
        ),
        "No answer.",
    )


def _print_neighbours(neighbours: Neighbours) -> None:
    render.print_table(
        (
            "Network",
            "BSSID",
            "Channel",
            "Band",
            "Width",
            "Signal",
            "Noise",
            "Security",
            "Standards",
        ),
        (
            (
                each.ssid or "(hidden)",
                each.bssid,
                each.channel,
                each.band,
                each.width,
                _figure(each.signal, "dBm"),
                _figure(each.noise, "dBm"),
                each.security,
                each.standards,
            )
            for each in neighbours.networks
        ),
        "No network was heard.",
    )
    for (band, channel), signals in sorted(_crowds(neighbours).items()):
        strongest = max(signals, default=None)
        heard = f", strongest {strongest:g} dBm" if strongest is not None else ""
        networks = _count_on(neighbours, band, channel)
        render.say(f"Channel {channel} {band}".rstrip() + f": {networks} networks{heard}")


def _crowds(neighbours: Neighbours) -> dict[tuple[str, int], list[float]]:
    """Signals by band and channel."""
    crowds: dict[tuple[str, int], list[float]] = defaultdict(list)
    for each in neighbours.networks:
        if each.channel is not None:
            crowds[each.band, each.channel] += [each.signal] if each.signal is not None else []
    return crowds


def _count_on(neighbours: Neighbours, band: str, channel: int) -> int:
    return sum(each.band == band and each.channel == channel for each in neighbours.networks)


def _figure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}"


def _megabytes(octets: int | None) -> str:
    return "" if octets is None else f"{octets / _MEGA:.2f} MB"
