"""What stands out in how a device is, in plain words, in the order in which to check it.

Light first, then the way outside, then Wi-Fi, then telephone: hardware is swapped last.
"""

from __future__ import annotations

from collections.abc import Iterator

from acs.profiles.health.optical import Light, Thresholds
from acs.profiles.health.report import Finding, Health, MeshNode, Optics, Radio, Severity, Station

LAST_RESORT = "Check the fibre, then the Wi-Fi, before you swap hardware."
"""Goes with any finding."""
_JUST_STARTED = 600
"""Seconds of uptime that are worth a word."""
_NOT_REGISTERED = ("error", "registering", "unregistering", "initializing")
_NAMED = 5
_LAST_2_4_GHZ = 14


def findings_of(health: Health, thresholds: Thresholds) -> tuple[Finding, ...]:
    """Return what stands out, in the order in which to check it."""
    return (
        *(_optical(health.optics, thresholds) if health.optics else ()),
        *_wan(health),
        *_wifi(health, thresholds.signal),
        *_mesh(health, thresholds.signal),
        *_voice(health),
        *_uptime(health),
    )


def _optical(optics: Optics, limits: Thresholds) -> Iterator[Finding]:
    rx, state = optics.rx, optics.state
    if optics.operating is False:
        yield Finding(
            Severity.BAD,
            "optical",
            f"the fibre link is not in operation (state {state.value})",
            "Check connector and fibre, then whether the OLT knows this unit.",
            state.path,
        )
    power = f"receives {rx.value} dBm"
    match optics.light:
        case Light.GOOD:
            return
        case Light.TOO_STRONG:
            yield Finding(
                Severity.WARNING,
                "optical",
                f"{power}, above {limits.high:g}: too strong",
                "An attenuator is missing or the splitter is not the planned one; "
                "the receiver may be overdriven.",
                rx.path,
            )
        case Light.WARNING:
            yield Finding(
                Severity.WARNING,
                "optical",
                f"{power}, below {limits.warning:g}: little margin",
                "Clean the connector and look for tight bends before it gets worse.",
                rx.path,
            )
        case Light.BAD:
            yield Finding(
                Severity.BAD,
                "optical",
                f"{power}, below {limits.low:g}: too weak",
                "Dirty connector or broken fibre, not the ONT: clean, then measure.",
                rx.path,
            )
        case Light.UNKNOWN:
            yield Finding(
                Severity.NOTE,
                "optical",
                f"receive power is not known ({rx.note})",
                "Measure it, or ask the OLT." if optics.operating is not True else "",
                rx.path,
            )


def _wan(health: Health) -> Iterator[Finding]:
    # Without a word for what is inside, an address proves nothing.
    if not any(link.lan for link in health.wans):
        return
    outside = [link for link in health.wans if not link.lan]
    if not any(link.addresses for link in outside):
        yield Finding(
            Severity.BAD,
            "wan",
            "no interface that leads outside has an address",
            "Check the account and the VLAN once the light is good.",
        )


def _wifi(health: Health, least: float) -> Iterator[Finding]:
    yield from _silent_bands(health)
    for radio in health.radios:
        name = _radio(radio)
        if radio.enabled is False and not radio.network:
            yield Finding(
                Severity.WARNING,
                "wifi",
                f"radio {name} is switched off",
                "Ask the customer whether that is meant.",
                radio.path,
            )
        elif (
            radio.enabled is not False
            and radio.status
            and radio.status.casefold() not in ("up", "enabled")
        ):
            yield Finding(
                Severity.BAD,
                "wifi",
                f"radio {name} is on but its status is {radio.status}",
                "Reboot the device; if it stays so, the radio is broken.",
                radio.path,
            )
    stations = {s.mac or s.path: s for s in health.stations}
    stations |= {c.mac or c.path: c for node in health.mesh for c in node.clients}
    weak = [s for s in stations.values() if _weak(s.signal.value, least)]
    if weak:
        more = f" and {len(weak) - _NAMED} more" if len(weak) > _NAMED else ""
        yield Finding(
            Severity.WARNING,
            "wifi",
            f"{len(weak)} of {len(stations)} clients below {least:g} dBm: "
            + ", ".join(map(_station, weak[:_NAMED]))
            + more,
            "Move the device or add a mesh node; another ONT would not reach further.",
        )


def _mesh(health: Health, least: float) -> Iterator[Finding]:
    for node in health.mesh:
        if node.active is False:
            yield Finding(
                Severity.WARNING,
                "mesh",
                f"node {_node(node)} is not active",
                "Check its power, then its place.",
                node.path,
            )
        elif _weak(node.signal.value, least):
            yield Finding(
                Severity.WARNING,
                "mesh",
                f"node {_node(node)} hears the mesh at {node.signal.value} dBm",
                "Move it closer to the unit it speaks to, or connect it by cable.",
                node.signal.path,
            )


def _voice(health: Health) -> Iterator[Finding]:
    for line in health.voice:
        status = str(line.status.value or "")
        if line.enabled is not False and status.casefold().startswith(_NOT_REGISTERED):
            yield Finding(
                Severity.WARNING,
                "voice",
                f"line {line.number or line.path} is {status}",
                "Check the SIP account once the way outside works.",
                line.status.path,
            )


def _uptime(health: Health) -> Iterator[Finding]:
    seconds = health.uptime.value
    if isinstance(seconds, int) and seconds < _JUST_STARTED:
        yield Finding(
            Severity.NOTE,
            "device",
            f"it started {seconds} s before this was read",
            "Counters and clients may not be complete yet.",
            health.uptime.path,
        )


def _weak(value: object, least: float) -> bool:
    return isinstance(value, float) and value < least


def _station(station: Station) -> str:
    return f"{station.mac} ({station.signal.value:g})"


def _node(node: MeshNode) -> str:
    return node.name or node.mac or node.path


def _silent_bands(health: Health) -> Iterator[Finding]:
    """Tell of bands whose networks are all switched off, where rows are networks, not radios."""
    bands: dict[str, list[Radio]] = {}
    for radio in health.radios:
        if radio.network:
            bands.setdefault(radio.band or _band_of(radio.channel.value), []).append(radio)
    for band, networks in bands.items():
        if all(network.enabled is False for network in networks):
            yield Finding(
                Severity.WARNING,
                "wifi",
                f"all networks{f' of {band}' if band else ''} are switched off",
                "Ask the customer whether that is meant.",
                networks[0].path,
            )


def _band_of(channel: object) -> str:
    # Channels of 6 GHz have the same numbers; a device that has one names its bands.
    if not isinstance(channel, int) or channel <= 0:
        return ""
    return "2.4GHz" if channel <= _LAST_2_4_GHZ else "5GHz"


def _radio(radio: Radio) -> str:
    return radio.band or radio.name or radio.path
