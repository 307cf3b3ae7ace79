"""The job that has a device run firmware it has stored: activate (TR-181 FirmwareImage Activate).

``image``: number of the firmware image, or ``version``: that which it holds; neither: the only one
that is stored and does not run.  ``windows``: one to five in which it may happen; ``timeout``.
It is done when the device runs it.
"""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.jobs.commands import ONLY_USP, REPORTS, not_reported
from acs.devices.jobs.firmware import FIRMWARE_TIMEOUT, judged, look, runs_what_was_sent
from acs.devices.jobs.kind import (
    NO_SUCH_METHOD,
    USP,
    Kind,
    Result,
    Unsound,
    command_key,
    ended_badly,
    failed,
    known,
    number,
    refused,
    sent,
    text,
    waits,
)
from acs.devices.jobs.windows import windows_of
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState
from acs.model import DataModel, Fault, Notice, Operate, Operated, TimeWindow, Value

IMAGES = "Device.DeviceInfo.FirmwareImage."
ACTIVE = "Device.DeviceInfo.ActiveFirmwareImage"
_MODES = {"1": "AnyTime", "2": "Immediately", "3": "WhenIdle", "4": "ConfirmationNeeded"}
"""Modes of a window by the number that CWMP gives them (TR-069 A.4.1.8, TR-181 Activate())."""


async def _activate(ledger: Ledger, line: DataModel, job: Job) -> Result:
    if ledger.contact.protocol != USP:
        return JobState.FAILED, {"error": ONLY_USP, "code": NO_SUCH_METHOD}
    told = await line.get(IMAGES, ACTIVE)
    if isinstance(told, Fault):
        return failed(told, about=IMAGES)
    active = _row(told.values.get(ACTIVE, Value("")).text)
    image = _chosen(_versions(told.values), active, job.payload)
    if image == active:
        return JobState.DONE, {"image": image, "text": f"{image} is active already"}
    await sent(ledger, job, software_before=ledger.device.software, image=image)
    order = Operate(f"{image}Activate()", command_key(job), _arguments(job.payload))
    answer = await line.ask(order)
    match answer:
        case Operated(request=""):
            return waits(ledger, job, completed_at=ledger.contact.at)
        case Operated(request=request):
            return waits(ledger, job, request=request)
        case Fault():
            return failed(answer, about=image)
        case _:
            return refused(answer)


def _versions(values: Mapping[str, Value]) -> dict[str, str]:
    """Version of each image that can be run, by its path."""
    leaves = {path: value.text for path, value in values.items() if path.startswith(IMAGES)}
    found = {f"{IMAGES}{path[len(IMAGES) :].partition('.')[0]}." for path in leaves}
    return {
        image: leaves.get(f"{image}Version", "")
        for image in sorted(found)
        if leaves.get(f"{image}Available", "true").lower() in ("true", "1")
    }


def _chosen(versions: Mapping[str, str], active: str, payload: Mapping[str, object]) -> str:
    """Path of the image that is meant. Raises `Unsound`."""
    if wanted := number(payload, "image"):
        return f"{IMAGES}{wanted}."
    version = text(payload, "version")
    fit = [
        image
        for image, holds in versions.items()
        if (holds == version if version else image != active)
    ]
    if len(fit) == 1:
        return fit[0]
    holding = ", ".join(f"{image[len(IMAGES) : -1]}: {of}" for image, of in versions.items())
    raise Unsound(f"which image is not clear; the device shows {holding or 'none'}")


def _row(reference: str) -> str:
    return f"{reference.rstrip('.')}." if reference else ""


def _arguments(payload: Mapping[str, object]) -> dict[str, str]:
    made: dict[str, str] = {}
    for at, window in enumerate(_windows(payload), 1):
        given = {
            "Start": str(window.start),
            "End": str(window.end),
            "Mode": _MODES.get(window.mode[:1], window.mode),
            "UserMessage": window.message,
            "MaxRetries": str(window.max_retries) if window.max_retries else "",
        }
        made |= {f"TimeWindow.{at}.{name}": told for name, told in given.items() if told}
    return made


def _windows(payload: Mapping[str, object]) -> tuple[TimeWindow, ...]:
    if not payload.get("windows"):
        return ()
    return windows_of(payload, 5, "one to five windows (TR-181 Activate())")


def _check(payload: Mapping[str, object]) -> None:
    number(payload, "image")
    number(payload, "timeout")
    _windows(payload)


def _reported(ledger: Ledger, job: Job, notice: Notice) -> Result | None:
    said = known(ledger, job)
    if notice.fault is not None and notice.fault.code:
        return ended_badly(notice.fault, said)
    said.setdefault("completed_at", ledger.contact.at)
    return judged(ledger, job, said)


async def _overdue(ledger: Ledger, line: DataModel, job: Job) -> Result | None:
    said = await look(ledger, line, job)
    if "completed_at" in said:
        return judged(ledger, job, said)
    if "restarted_at" in said and runs_what_was_sent(ledger, job, said):
        return judged(ledger, job, {**said, "completed_at": ledger.contact.at})
    windows = _windows(job.payload)
    timeout = number(job.payload, "timeout") or ledger.house.policy.transfer_timeout
    allowed = max(timeout, FIRMWARE_TIMEOUT) + (windows[-1].end if windows else 0)
    result = await not_reported(ledger, line, job, allowed)
    if result is None and said != known(ledger, job):
        return JobState.SENT, said
    return result


ACTIVATE = Kind(_activate, _overdue, _reported, _check, REPORTS)
