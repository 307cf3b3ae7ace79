"""From what a device tells when a diagnostic has ended to what it found."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from acs.profiles.diagnostics.names import Diagnostic
from acs.profiles.diagnostics.places import DiagnosticPlaces
from acs.profiles.diagnostics.results import (
    Answer,
    Connection,
    Hop,
    Lookup,
    Neighbour,
    Neighbours,
    Ping,
    Result,
    Speed,
    Trace,
)
from acs.profiles.diagnostics.states import meaning
from acs.profiles.diagnostics.told import Told, outside, rows
from acs.profiles.health.measured import number
from acs.profiles.health.station_signal import SignalUnit, signal

_SHORTEST = 0.001
"""Seconds of a speed test below which its two times say nothing."""
_FASTEST = 100_000
"""Mbit/s above which a rate is nonsense: no line of a customer is so fast."""
_SLOWEST_ECHO = 3_600_000
"""Milliseconds above which a time is nonsense; some devices write the largest number they have."""
_MOST_ECHOES = 100_000


def result_of(
    diagnostic: Diagnostic,
    places: DiagnosticPlaces,
    values: Mapping[str, str],
    arguments: Mapping[str, object],
) -> Result:
    """Make sense of what a device tells of a diagnostic that has ended.

    ``values``: text by path, of `DiagnosticPlaces.outcome`; ``arguments``: what it was asked with.
    """
    told, table = outside(places, values), rows(places, values)
    match diagnostic:
        case Diagnostic.PING:
            return _ping(told)
        case Diagnostic.TRACE:
            ended_short = "maxhop" in values.get(places.state, "").casefold()
            hops = tuple(map(_hop, table))
            reached = False if ended_short else _reached(hops, str(arguments.get("host", "")))
            return Trace(hops, reached, told.figure("response_time"))
        case Diagnostic.SPEED_DOWNLOAD:
            return _speed(told, tuple(map(_connection, table)), None)
        case Diagnostic.SPEED_UPLOAD:
            asked = arguments.get("bytes")
            length = told.whole("length") or (asked if isinstance(asked, int) else None)
            return _speed(told, tuple(map(_connection, table)), length)
        case Diagnostic.LOOKUP:
            return Lookup(told.whole("success"), tuple(map(_answer, table)))
        case Diagnostic.NEIGHBOURS:
            strongest = sorted(map(_neighbour, table), key=_weakness)
            return Neighbours(tuple(strongest))


def _ping(told: Told) -> Ping:
    received, lost = _echoes(told, "success"), _echoes(told, "failure")
    sent = received + lost if received is not None and lost is not None else None
    # Without an answer there is no time: devices write 0, or the largest number they have.
    answered = bool(received)
    return Ping(
        sent=sent,
        received=received,
        loss=round(100 * lost / sent, 1) if sent and lost is not None else None,
        least=_response(told, "least") if answered else None,
        average=_response(told, "average") if answered else None,
        most=_response(told, "most") if answered else None,
        address=told.text("address"),
    )


def _echoes(told: Told, name: str) -> int | None:
    found = told.whole(name)
    return found if found is None or found <= _MOST_ECHOES else None


def _response(told: Told, name: str) -> float | None:
    """Milliseconds; the finer figure, in microseconds, where there is one."""
    fine = told.figure(f"{name}_us")
    found = fine / 1000 if fine else told.figure(name)
    return found if found is None or 0 <= found <= _SLOWEST_ECHO else None


def _hop(row: Told) -> Hop:
    times = (number(text) for text in row.listed("times"))
    return Hop(
        number=row.number,
        host=row.text("host"),
        address=row.text("address"),
        error=row.whole("error"),
        times=tuple(time for time in times if time is not None),
    )


def _reached(hops: tuple[Hop, ...], host: str) -> bool | None:
    """Tell whether the last hop is the host: there are devices that run out of hops, and say
    that they are complete."""
    if not hops:
        return None
    last = hops[-1]
    if last.error or not (last.address or last.host):
        return False
    if host.casefold() in (last.host.casefold(), last.address.casefold()):
        return True
    try:
        return ip_address(host) == ip_address(last.address or last.host)
    except ValueError:
        return None


def _speed(told: Told, connections: tuple[Connection, ...], length: int | None) -> Speed:
    """Work out the rate, of the time all connections were busy where the device tells it.

    Else what was moved between begin and end of the transfer (TR-143 4.2, 4.3); an upload
    that does not tell what it moved has moved the file it was asked for.
    """
    moved, seconds = told.whole("bytes"), told.seconds("began_at", "ended_at")
    moved = length if moved is None else moved
    busy_bytes, busy_us = told.whole("full_load_bytes"), told.whole("full_load_us")
    if busy_bytes and busy_us:
        rate, note = _rate(busy_bytes, busy_us / 1_000_000)
    else:
        rate, note = _rate(moved, seconds)
    return Speed(
        bytes=moved,
        all_bytes=told.whole("all_bytes"),
        seconds=seconds,
        mbit_s=rate,
        wait=told.milliseconds("requested_at", "began_at"),
        connect=told.milliseconds("opening_at", "opened_at"),
        connections=connections,
        note=note,
    )


def _connection(row: Told) -> Connection:
    moved, seconds = row.whole("bytes"), row.seconds("began_at", "ended_at")
    return Connection(row.number, moved, seconds, _rate(moved, seconds)[0])


def _rate(octets: int | None, seconds: float | None) -> tuple[float | None, str]:
    """Million bits per second, or the reason why there is no figure."""
    if not octets:
        return None, "the device does not tell how much was moved"
    if seconds is None:
        return None, "the device does not tell when it began and ended"
    if seconds < _SHORTEST:
        return None, f"refused: begin and end are {seconds:g} s apart"
    rate = octets * 8 / seconds / 1_000_000
    if rate > _FASTEST:
        return None, f"refused: {rate:.3g} Mbit/s is faster than any line"
    return round(rate, 3), ""


def _answer(row: Told) -> Answer:
    status = row.text("status")
    ok = status.casefold() == "success"
    kinds = {"authoritative": True, "nonauthoritative": False}
    return Answer(
        ok=ok,
        status="answered" if ok else meaning(status) if status else "",
        name=row.text("name"),
        addresses=row.listed("addresses"),
        authoritative=kinds.get(row.text("kind").casefold()),
        server=row.text("server"),
        time=row.figure("time"),
    )


def _neighbour(row: Told) -> Neighbour:
    return Neighbour(
        ssid=row.text("ssid"),
        bssid=row.text("bssid").upper(),
        channel=row.whole("channel"),
        band=row.text("band"),
        width=row.text("width"),
        signal=signal(row.text("signal"), SignalUnit.AUTO).value,
        noise=signal(row.text("noise"), SignalUnit.DBM).value,
        security=row.text("security"),
        standards=row.text("standards"),
        radio=row.text("radio"),
    )


def _weakness(network: Neighbour) -> float:
    return -network.signal if network.signal is not None else 1000.0
