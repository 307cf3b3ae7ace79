"""A rule that gives devices the firmware they should have: when, and how often it is tried.

Which firmware that is say the firmware rules (`acs.profiles.firmware`).  A device is given an
image in its hours only, one at a time, and no more once the same version has failed a few times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acs.devices.files import FIRMWARE
from acs.devices.ledger import facts_of
from acs.devices.record import Device, Job, JobKind
from acs.devices.rules.rule import RULE, FirmwareDue, JobWish
from acs.profiles.firmware import FirmwareRule, FirmwareWish, firmware_due

LIFETIME = 7 * 86_400.0
"""Seconds a job waits for its device where no hours are named."""
IN_ORDER = "no firmware rule wants another version for it"


@dataclass(frozen=True, slots=True)
class DueImage:
    """An image a device may be given now."""

    wish: FirmwareWish
    lifetime: float
    """Seconds until its hours end."""


def due_image(device: Device, rules: Sequence[FirmwareRule], minute: int) -> DueImage | str:
    """Return the image ``device`` may be given now, or why none.

    ``minute``: of the day, by the server's clock.  The fleet is spread over the first half of the
    hours; the second is left for devices that call seldom.
    """
    wish = firmware_due(facts_of(device), rules)
    if wish is None:
        return IN_ORDER
    if wish.window is None:
        return DueImage(wish, LIFETIME)
    start = wish.window.start.hour * 60 + wish.window.start.minute
    end = wish.window.end.hour * 60 + wish.window.end.minute
    length = (end - start) % 1440 or 1440
    into = (minute - start) % 1440
    hours = f"{wish.window.start:%H:%M}-{wish.window.end:%H:%M}"
    if into >= length:
        return f"{wish.file} is due, and sent at {hours} only"
    turn = share(wish.version, device.key) * length / 2
    if into < turn:
        return f"{wish.file} is due; its turn comes {turn:.0f} minutes into {hours}"
    return DueImage(wish, (length - into) * 60.0)


def download_wanted(
    action: FirmwareDue,
    rule: str,
    image: DueImage | str,
    jobs: Sequence[Job],
    ran: Mapping[str, float],
) -> JobWish | str:
    """Return the job that ``action`` of ``rule`` comes to now, or why none.

    ``jobs``: the device's open jobs; ``ran``: what is kept of what rules did for it.
    """
    if isinstance(image, str):
        return image
    if any(job.kind in (JobKind.DOWNLOAD, JobKind.SCHEDULE_DOWNLOAD) for job in jobs):
        return "a download is open"
    if any(job.kind is JobKind.ACTIVATE for job in jobs):
        return "stored firmware is about to run"
    wish = image.wish
    failed = sum(name.startswith(_failures(rule, wish.version)) for name in ran)
    if failed >= action.attempts:
        times = "once" if failed == 1 else f"{failed} times"
        return f"{wish.version} has failed {times}; see acs device jobs, then send it by hand"
    payload = {"file": wish.file, "file_type": FIRMWARE, "version": wish.version}
    return JobWish(JobKind.DOWNLOAD, payload, action.priority, image.lifetime, wish.reason)


def failure_key(job: Job) -> str:
    """Return the name under which the failure of ``job`` is kept; empty: it need not be."""
    version = job.payload.get("version")
    if job.kind is not JobKind.DOWNLOAD or not version or not job.created_by.startswith(RULE):
        return ""
    return f"{_failures(job.created_by.removeprefix(RULE), str(version))}{job.id}"


def share(name: str, key: str) -> float:
    """The place of a device in the spread of a rule: 0 to 1, always the same."""
    digest = hashlib.sha256(f"{name}\0{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _failures(rule: str, version: str) -> str:
    # No name of a rule holds this sign.
    return f"{rule} > {version} > job "
