"""How the waking of a device stands, in words, and when it calls by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from acs.cli.ages import age, clock, span
from acs.devices.record import Device, Snapshot
from acs.devices.wake_plan import WITHHELD, next_inform
from acs.devices.waking import Wake, WakeState, Way
from acs.store import devices, snapshots, wakes

_DAY = 86_400.0
NOT_TAKEN_UP = 5.0
"""Seconds after which nobody seems to be there who would call a device."""
_OVER = {Way.HTTP: " over HTTP", Way.UDP: " by datagram", Way.USP: " over USP", Way.NONE: ""}


@dataclass(frozen=True, slots=True)
class Waking:
    """A device and its wake, as they stand."""

    device: Device
    wake: Wake | None
    next_inform: float = 0.0
    """When it calls by itself at the latest; 0: nobody knows."""


def waking_thd(conn: Connection, device_id: int, interval: float = 0.0) -> Waking | None:
    """Load how the waking of a device stands; None: there is no such device.

    ``interval``: seconds between periodic Informs of devices that did not tell it; 0: not known.
    """
    device = devices.get_thd(conn, device_id)
    if device is None:
        return None
    snapshot = snapshots.load_thd(conn, [device_id]).get(device_id, Snapshot())
    told = snapshot.values.get(f"{device.root}ManagementServer.PeriodicInformInterval")
    known = float(told.text) if told is not None and told.text.isdecimal() else interval
    due = next_inform(device.last_seen, known) if device.protocol == "cwmp" else 0.0
    return Waking(device, wakes.get_thd(conn, device_id), due)


def is_open(wake: Wake, now: float) -> bool:
    """Tell whether something is still to come of it, soon."""
    return wake.state in wakes.OPEN and not is_withheld(wake) and not is_left(wake, now)


def is_withheld(wake: Wake) -> bool:
    """Tell whether nothing may leave for the device."""
    return wake.state is WakeState.WAITING and wake.detail.startswith(WITHHELD)


def is_left(wake: Wake, now: float) -> bool:
    """Tell whether nobody calls a device whose time has come: no server runs that would."""
    waits = wake.state is WakeState.WAITING
    return waits and wake.next_at < now - NOT_TAKEN_UP


def words(waking: Waking, now: float) -> str:
    """Say of a device how its waking stands, what it said, and when else it is served."""
    wake = waking.wake
    if wake is None:
        return f"was not to be called; {promise(waking, now)}"
    if is_withheld(wake):
        return f"is not called, {wake.detail}"
    if is_left(wake, now):
        return f"is called by nobody (does `acs serve` run?); {promise(waking, now)}"
    said = f": {wake.detail}" if wake.detail else ""
    match wake.state:
        case WakeState.WAITING if not wake.attempts:
            return "is about to be called"
        case WakeState.WAITING:
            when = age(wake.next_at, now) if wake.next_at > now + 1 else "now"
            return f"is called again {when}{said}"
        case WakeState.SENT:
            return f"was told to call{_OVER[wake.way]} {age(wake.sent_at, now)}, and has not yet"
        case WakeState.WOKEN if not wake.sent_at:
            return wake.detail.removeprefix("it ") or "called by itself"
        case WakeState.WOKEN:
            called = waking.device.last_seen
            took = (called if called >= wake.asked_at else wake.ended_at) - wake.asked_at
            return f"was woken{_OVER[wake.way]}: it called {_after(took)}"
        case WakeState.BUSY | WakeState.UNREACHABLE:
            return f"is {wake.state}{said}; {promise(waking, now)}"
        case WakeState.REFUSED:
            verdict = "refused" if wake.attempts else "must not be called"
            return f"{verdict}{said}; {promise(waking, now)}"


def news(waking: Waking | None, now: float, since: float = 0.0) -> str:
    """Say how the waking stands; empty where it worked, the device called since, or it was asked
    for before ``since``."""
    wake = waking.wake if waking else None
    if waking is None or wake is None or wake.asked_at < since:
        return ""
    is_over = wake.state is WakeState.WOKEN or waking.device.last_seen > wake.asked_at
    return "" if is_over else words(waking, now)


def promise(waking: Waking, now: float) -> str:
    """Say when it is served if nobody calls it."""
    device, due = waking.device, waking.next_inform
    if device.protocol == "usp":
        return "served when its agent connects"
    if not due:
        return f"served at its next Inform (last seen {age(device.last_seen, now)})"
    if due <= now:
        return f"served at its next Inform, which was due {age(due, now)}"
    at = f"{datetime.fromtimestamp(due, UTC):%H:%MZ}" if due - now < _DAY else clock(due)
    return f"served at its next Inform, by {at} ({age(due, now)})"


def _after(seconds: float) -> str:
    return "at once" if seconds < 1 else f"{span(seconds)} after it was asked for"
