"""Devices, as other systems see them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import Connection

from acs.api.problems import Problem
from acs.api.routes import Call, Route
from acs.api.scopes import Scope
from acs.api.words import Words
from acs.devices.record import Device
from acs.devices.safety import Safety
from acs.devices.waking import Wake
from acs.store import devices, equipment, tags, wakes
from acs.store.queues import Queues


class Summary(Struct, frozen=True):
    """A device in short. Times are UTC; texts are empty where nothing is known."""

    device: str
    """Its key."""
    serial_number: str
    mac: str
    """Twelve hex digits."""
    manufacturer: str
    model: str
    hardware: str
    software: str
    protocol: str
    address: str
    standing: str
    """Where it stands: `live` is proven to be as wanted."""
    reason: str
    """Why it stands there, for people."""
    equipment: str
    """Its Service Equipment."""
    customer: str
    custody: str
    """Whose settings it shows: `ours`, `foreign`, or empty while nobody looked."""
    withheld: str
    """Why nothing is sent to it; empty: it is served."""
    first_seen: datetime | None
    last_seen: datetime | None
    provisioned: datetime | None
    """When it was last compared with what is wanted."""
    tags: list[str]


class WakeReport(Struct, frozen=True):
    """What came of asking a device to call."""

    device: str
    state: str
    """`waiting`, `sent`, `woken`, `busy`, `unreachable` or `refused`."""
    way: str
    """`http`, `udp` or `usp`; empty while none was tried."""
    detail: str
    attempts: int
    asked: datetime | None
    sent: datetime | None
    ended: datetime | None


def routes(queues: Queues, now: Callable[[], float], safety: Safety) -> tuple[Route, ...]:
    """What can be asked about devices, and of them."""

    async def show(call: Call) -> Summary:
        return await queues.run("show device", _summary_thd, call.path["key"], safety)

    async def wake(call: Call) -> WakeReport:
        reason = f"asked by {call.caller.name}"
        return await queues.run("ask for a wake", _wake_thd, call.path["key"], reason, now())

    async def woken(call: Call) -> WakeReport:
        return await queues.run("show wake", _woken_thd, call.path["key"])

    return (
        Route(
            "GET",
            "/api/devices/{key}",
            show,
            "Show a device by its key, serial number, MAC or equipment",
            scope=Scope.DEVICES_READ,
            answer=Summary,
            problems=(409,),
        ),
        Route(
            "POST",
            "/api/devices/{key}/wake",
            wake,
            "Ask a device to call",
            scope=Scope.DEVICES_WRITE,
            answer=WakeReport,
            status=202,
            problems=(409,),
        ),
        Route(
            "GET",
            "/api/devices/{key}/wake",
            woken,
            "Show what came of asking a device to call",
            scope=Scope.DEVICES_READ,
            answer=WakeReport,
            problems=(409,),
        ),
    )


def _found_thd(conn: Connection, text: str) -> Device:
    """The one device that is meant. Raises `Problem` 404, 409."""
    found = devices.resolve_thd(conn, text)
    if len(found) == 1:
        return found[0]
    if not found:
        raise Problem(
            404, Words(f"No device is called {text}.", f"Aucun appareil ne s'appelle {text}.")
        )
    keys = ", ".join(device.key for device in found[:5])
    raise Problem(
        409,
        Words(
            f"{text} fits {len(found)} devices ({keys}); name one by its key.",
            f"{text} désigne {len(found)} appareils ({keys}) ; nommez-en un par sa clé.",
        ),
    )


def _summary_thd(conn: Connection, text: str, safety: Safety) -> Summary:
    device = _found_thd(conn, text)
    tagged = tags.of_thd(conn, [device.id]).get(device.id, frozenset())
    mirrored = equipment.known_thd(conn, [device.equipment]).get(device.equipment)
    customer = mirrored.equipment.customer if mirrored else ""
    return Summary(
        device=device.key,
        serial_number=device.serial_number,
        mac=device.mac,
        manufacturer=device.manufacturer,
        model=device.model,
        hardware=device.hardware,
        software=device.software,
        protocol=device.protocol,
        address=device.address,
        standing=device.standing.value,
        reason=device.reason,
        equipment=device.equipment,
        customer=customer,
        custody=device.custody.value,
        withheld=safety.withheld(device.key, customer, tagged),
        first_seen=_time(device.first_seen),
        last_seen=_time(device.last_seen),
        provisioned=_time(device.checked_at),
        tags=sorted(tagged),
    )


def _wake_thd(conn: Connection, text: str, reason: str, now: float) -> WakeReport:
    device = _found_thd(conn, text)
    wakes.ask_thd(conn, [device.id], reason, now)
    return _report_thd(conn, device)


def _woken_thd(conn: Connection, text: str) -> WakeReport:
    return _report_thd(conn, _found_thd(conn, text))


def _report_thd(conn: Connection, device: Device) -> WakeReport:
    found = wakes.get_thd(conn, device.id)
    if found is None:
        raise Problem(
            404,
            Words(
                f"Nobody has asked {device.key} to call.",
                f"Personne n'a demandé à {device.key} d'appeler.",
            ),
        )
    return _report(device, found)


def _report(device: Device, wake: Wake) -> WakeReport:
    return WakeReport(
        device=device.key,
        state=wake.state.value,
        way=wake.way.value,
        detail=wake.detail,
        attempts=wake.attempts,
        asked=_time(wake.asked_at),
        sent=_time(wake.sent_at),
        ended=_time(wake.ended_at),
    )


def _time(at: float) -> datetime | None:
    return datetime.fromtimestamp(round(at, 3), UTC) if at else None
