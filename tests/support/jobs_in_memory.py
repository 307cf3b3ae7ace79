"""Contacts of a device that nothing is wanted of but its jobs.

house, device = MemoryHouse(), MemoryDevice({})
house.jobs = [Job(7, 1, JobKind.DOWNLOAD, {...})]
call(house, device)                                          # the job goes out
call(house, device, done("job-7"), notices=[report("job-7")])  # the device reports it
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse

from acs.devices.record import Job
from acs.devices.visit import Visit
from acs.model import (
    Accept,
    Contact,
    DeviceId,
    Event,
    EventKind,
    Fault,
    Notice,
    Operation,
    Value,
)

PERIODIC = Event(EventKind.PERIODIC, text="2 PERIODIC")
BOOT = Event(EventKind.BOOT, text="1 BOOT")


def done(key: str, method: str = "Download") -> Event:
    """The event by which a device says that a command of ours is over."""
    return Event(EventKind.COMMAND_DONE, key, method)


def report(key: str, code: int = 0, text: str = "") -> Notice:
    """A TransferComplete."""
    times = {"StartTime": "2026-05-01T10:00:00Z", "CompleteTime": "2026-05-01T10:01:00Z"}
    return Notice(EventKind.TRANSFER_COMPLETE, key, Fault(code, text), times)


def ended(key: str, command: str, fault: Fault | None = None, **outputs: str) -> Notice:
    """The OperationComplete of a command that moves no file."""
    detail = {"Command": command, **outputs}
    return Notice(EventKind.OPERATION_COMPLETE, key, fault, detail)


def call(
    house: MemoryHouse,
    device: MemoryDevice,
    *events: Event,
    notices: Sequence[Notice] = (),
    late: Sequence[Notice] = (),
    after: float = 60.0,
    software: str = "1.0",
) -> Visit:
    """Let the device call ``after`` seconds later.

    ``notices`` come before our turn, ``late`` ones after our last word.
    """
    house.time += after
    device.operations.clear()
    contact = Contact(
        DeviceId("A4B1C2", "Gateway", "SN1"),
        "Acme",
        "usp" if device.usp else "cwmp",
        "Device.",
        events or (PERIODIC,),
        {"Device.DeviceInfo.SoftwareVersion": Value(software)},
        house.time,
        credential="own",
        session=f"s{house.time:.0f}",
    )
    visit = Visit(contact, house)
    plain = device.perform

    def perform(operation: Operation) -> Any:
        if isinstance(operation, Accept):
            for notice in notices:
                device.run(visit.notice(notice))
        return plain(operation)

    device.perform = perform  # type: ignore[method-assign]
    try:
        device.run(visit.run(device.model))
    finally:
        device.perform = plain  # type: ignore[method-assign]
    for notice in late:
        device.run(visit.notice(notice))
    return visit


def the_job(house: MemoryHouse, job_id: int = 7) -> Job:
    """The job as the house keeps it."""
    (found,) = [job for job in house.jobs if job.id == job_id]
    return found
