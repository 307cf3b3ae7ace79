"""Other systems have devices compared with ERPNext again, by what they know of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Connection, select

from acs.api.once import HEADERS, OTHER_REQUEST, answer_of, once_of
from acs.api.problems import FieldError, Problem, wrong_field
from acs.api.routes import Answer, Call, Route
from acs.api.scopes import Scope
from acs.api.validation import NO_NUL
from acs.api.words import Words
from acs.devices.identity import Terms, normal_gpon, normal_mac, normal_serial
from acs.devices.record import Device, Job, JobKind, JobState, TimelineEntry
from acs.store import devices, equipment, inbox, jobs, timeline, wakes
from acs.store.idempotency import Kept, Once, OtherRequest, once_thd
from acs.store.inbox import Arrival
from acs.store.queues import Queues
from acs.store.tables import equipment as mirror

PATH = "/hooks/reprovision"
MOST = 50
"""Devices of one request."""
SELECTORS = ("mac", "serial", "equipment", "customer")

Name = Annotated[str, Meta(min_length=1, max_length=140, pattern=NO_NUL)]


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """Which devices: exactly one of the four."""

    mac: Name | None = None
    """MAC address, in any spelling."""
    serial: Name | None = None
    """Serial number: the one it announces, that of its label, or that of its optical port."""
    equipment: Name | None = None
    """Name of a Service Equipment."""
    customer: Name | None = None
    """Name of a Customer: all devices of the equipment that is mirrored as theirs."""
    rewrite: bool = False
    """Write secrets again, whatever was written before."""
    reason: Annotated[str, Meta(max_length=200, pattern=NO_NUL)] = ""
    """For people, on the timeline of the device."""


class Asked(Struct, frozen=True):
    """A device that is compared at its next contact, which is asked for."""

    device: str
    job: int
    equipment: str
    standing: str


class Accepted(Struct, frozen=True):
    """What was set going."""

    devices: list[Asked]


@dataclass(frozen=True, slots=True)
class _Order:
    """A request that is sound: who asks for what, when, under which id."""

    wanted: Wanted
    selector: str
    value: str
    by: str
    now: float
    request_id: str
    doctype: str


class _TooMany(Exception):  # noqa: N818 - an answer, not a defect
    pass


def routes(
    queues: Queues,
    now: Callable[[], float],
    digest: Callable[[bytes], str],
    doctype: str,
) -> tuple[Route, ...]:
    """Take requests. ``digest`` is keyed; ``doctype``: that of equipment, to be read again."""

    async def reprovision(call: Call) -> Answer:
        wanted: Wanted = call.body
        selector, value = _selected(wanted)
        once = once_of(call, PATH, digest(msgspec.json.encode(wanted)))
        order = _Order(wanted, selector, value, call.caller.name, now(), call.request_id, doctype)
        try:
            kept = await queues.run("reprovision", _reprovision_thd, order, once)
        except OtherRequest:
            raise OTHER_REQUEST from None
        except _TooMany:
            raise _too_many(order) from None
        if kept.status == 404:
            raise _nobody(order)
        return answer_of(kept)

    return (
        Route(
            "POST",
            PATH,
            reprovision,
            "Have devices compared with ERPNext, and converged, now",
            scope=Scope.REPROVISION,
            body=Wanted,
            answer=Accepted,
            status=202,
            headers=HEADERS,
            problems=(404, 409),
        ),
    )


def _selected(wanted: Wanted) -> tuple[str, str]:
    """The selector that is given, and its value in its normal form. Raises `Problem` 422."""
    given = {name: value for name in SELECTORS if (value := getattr(wanted, name)) is not None}
    if len(given) != 1:
        every = ", ".join(SELECTORS)
        words = Words(f"Give exactly one of {every}.", f"Donnez exactement l'un de {every}.")
        raise Problem(422, words, errors=[FieldError(name, words) for name in given or SELECTORS])
    ((name, value),) = given.items()
    value = value.strip()
    if name == "mac":
        value = normal_mac(value)
        if not value:
            raise wrong_field("mac", "This is no MAC address.", "Ce n'est pas une adresse MAC.")
    if not value:
        raise wrong_field(name, "It is empty.", "Il est vide.")
    return name, value


def _reprovision_thd(conn: Connection, order: _Order, once: Once | None) -> Kept:
    def work() -> Kept:
        return _asked_thd(conn, order)

    return work() if once is None else once_thd(conn, once, order.now, work)


def _asked_thd(conn: Connection, order: _Order) -> Kept:
    names, found = _meant_thd(conn, order.selector, order.value)
    if len(found) > MOST or len(names) > MOST:
        raise _TooMany
    # Also where no device is known: what was just written in ERPNext may tell whose it is.
    inbox.add_thd(conn, [_hint(order, name) for name in sorted(names)], order.now)
    if not found:
        return Kept(404, b"")
    queued = _queued_thd(conn, order, found)
    reason = f"reprovision asked by {order.by}"
    said = f"{reason}: {order.wanted.reason}" if order.wanted.reason else reason
    lines = [TimelineEntry(device.id, order.now, "asked", said) for device in found]
    timeline.add_thd(conn, lines)
    wakes.ask_thd(conn, [device.id for device in found], reason, order.now)
    asked = [
        Asked(device.key, queued[device.id], device.equipment, device.standing.value)
        for device in found
    ]
    return Kept(202, msgspec.json.encode(Accepted(asked)))


def _meant_thd(conn: Connection, selector: str, value: str) -> tuple[set[str], list[Device]]:
    """Names of the equipment that is meant, and devices: those matched to it, and others."""
    names: set[str] = set()
    others: list[Device] = []
    match selector:
        case "equipment":
            names = {value}
        case "customer":
            names = set(_owned_thd(conn, value))
        case "mac":
            names = _fitting_thd(conn, Terms(macs=(value,)))
            others = [each for each in devices.resolve_thd(conn, value) if each.mac == value]
        case _:
            serial = normal_serial(value)
            gpon = normal_gpon(value)
            names = _fitting_thd(conn, Terms((serial,), (), (gpon,) if gpon else ()))
            others = [
                each
                for each in devices.resolve_thd(conn, value)
                if normal_serial(each.serial_number) == serial
            ]
    matched = devices.by_equipment_thd(conn, names)
    found = {device.id: device for some in (*matched.values(), others) for device in some}
    return names | {each.equipment for each in others if each.equipment}, list(found.values())


def _fitting_thd(conn: Connection, terms: Terms) -> set[str]:
    (rows,) = equipment.find_thd(conn, [terms])
    return {row.equipment.name for row in rows}


def _owned_thd(conn: Connection, customer: str) -> Iterable[str]:
    owned = select(mirror.c.name).where(mirror.c.customer == customer, mirror.c.present)
    return conn.scalars(owned.order_by(mirror.c.name).limit(MOST + 1))


def _hint(order: _Order, name: str) -> Arrival:
    return Arrival("reprovision", f"{order.request_id}|{order.now}|{name}", order.doctype, name)


def _queued_thd(conn: Connection, order: _Order, found: Collection[Device]) -> dict[int, int]:
    """Job ids by device; one that waits for the same already is not joined by another."""
    payload: dict[str, object] = {"rewrite": True} if order.wanted.rewrite else {}
    waiting = jobs.open_thd(conn, {device.id: order.now for device in found})
    queued = {
        job.device_id: job.id
        for some in waiting.values()
        for job in some
        if job.kind is JobKind.PROVISION and job.state is JobState.QUEUED and job.payload == payload
    }
    new = [
        Job(
            id=0,
            device_id=device.id,
            kind=JobKind.PROVISION,
            payload=payload,
            created_at=order.now,
            created_by=order.by,
        )
        for device in found
        if device.id not in queued
    ]
    return queued | jobs.enqueue_all_thd(conn, new)


def _nobody(order: _Order) -> Problem:
    looked = f"{order.selector} {order.value}"
    words = Words(
        f"No device is known by {looked}; it may not have called yet.",
        f"Aucun appareil n'est connu par {looked} ; il n'a peut-être pas encore appelé.",
    )
    return Problem(404, words, errors=[FieldError(order.selector, words)])


def _too_many(order: _Order) -> Problem:
    words = Words(
        f"More than {MOST} devices are meant; use `acs bulk start` for so many.",
        f"Plus de {MOST} appareils sont visés ; utilisez `acs bulk start` pour autant.",
    )
    return Problem(409, words, errors=[FieldError(order.selector, words)])
