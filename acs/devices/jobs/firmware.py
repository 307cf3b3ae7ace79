"""What became of firmware: a device has it when it runs it, not when it fetched it."""

from __future__ import annotations

from collections.abc import Mapping

from acs.devices.files import Offer
from acs.devices.jobs.kind import USP, Result, known, number, rows, sent_ago, text
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobKind, JobState
from acs.model import DataModel, EventKind, Notice, Values

RESTART = 900.0
"""Seconds after its report that a device is given to come back with the new software."""
FIRMWARE_TIMEOUT = 300.0
"""Least seconds before a device is asked after firmware: TP-Link states 300 for an upgrade."""
_SOFTWARE = "DeviceInfo.SoftwareVersion"


def is_firmware(job: Job, offer: Offer) -> bool:
    """Tell whether firmware is sent; the number 1 means something else for an upload."""
    return job.kind is not JobKind.UPLOAD and offer.file_type.startswith("1 ")


def under_way(ledger: Ledger) -> Job | None:
    """The job, if there is one, by which the device may be fetching or writing firmware now."""
    for job in ledger.jobs.values():
        if (
            job.state is JobState.SENT
            and "software_before" in job.result
            and sent_ago(ledger, job) >= _earliest(job)
        ):
            return job
    return None


def _earliest(job: Job) -> float:
    """Seconds after it was sent before which the device leaves the file alone."""
    if job.payload.get("windows"):
        return float(min(number(window, "start") for window in rows(job.payload, "windows")))
    return float(number(job.payload, "delay"))


def judged(ledger: Ledger, job: Job, said: Mapping[str, object]) -> Result:
    """Judge firmware the device reported as transferred; until it has restarted, wait.

    ``said``: ``software_before``, ``sent_at`` and ``completed_at`` of the job's result.
    """
    before, after = str(said["software_before"]), ledger.device.software
    wanted = text(job.payload, "version")
    if not runs_what_was_sent(ledger, job, said) and not _had_its_time(ledger, said):
        return JobState.SENT, said
    said = {**said, "software_after": after}
    if wanted and after != wanted:
        error = f"it reported success but runs {after or 'an unknown version'}, not {wanted}"
        return JobState.FAILED, {**said, "error": error}
    changed = f"{before} → {after}" if before != after else f"it runs {after} as before"
    return JobState.DONE, {**said, "text": changed}


def runs_what_was_sent(ledger: Ledger, job: Job, said: Mapping[str, object]) -> bool:
    """Tell whether the device runs the wanted version, or another one than before."""
    after = ledger.device.software
    wanted = text(job.payload, "version")
    return after == wanted if wanted else after != said.get("software_before", after)


async def look(ledger: Ledger, line: DataModel, job: Job) -> dict[str, object]:
    """Return what is known of firmware that was sent, with what this contact adds to it.

    The Inform of a CWMP device tells its software and comes with the report.  A Boot! of USP needs
    to tell nothing, and comes before or after the report.
    """
    said = known(ledger, job)
    contact = ledger.contact
    if contact.protocol != USP or "software_before" not in said or not _restarted(ledger, said):
        return said
    path = contact.root + _SOFTWARE
    told = await line.get(path)
    if isinstance(told, Values) and path in told.values:
        ledger.change(software=told.values[path].text)
    return {"restarted_at": contact.at, **said}


def _restarted(ledger: Ledger, said: Mapping[str, object]) -> bool:
    # The boot it was called for in the session that sent it is not the one that is waited for.
    contact = ledger.contact
    return contact.has(EventKind.BOOT, EventKind.BOOTSTRAP) and contact.at != said["sent_at"]


def _had_its_time(ledger: Ledger, said: Mapping[str, object]) -> bool:
    contact = ledger.contact
    # What USP's Boot! does not tell is looked up first.
    if "restarted_at" in said or (contact.protocol != USP and _restarted(ledger, said)):
        return True
    completed_at = said["completed_at"]
    return isinstance(completed_at, float | int) and contact.at - completed_at > RESTART


def note_firmware(ledger: Ledger, notice: Notice) -> None:
    """Put on the timeline that the device fetched firmware that nobody here sent."""
    told = notice.detail
    downloaded = told.get("IsDownload") == "True" and told.get("FileType", "").startswith("1 ")
    if downloaded and not (notice.fault and notice.fault.code):
        ledger.say("software", f"fetched firmware on its own: {told.get('TargetFileName', '')}")
