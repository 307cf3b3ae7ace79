"""What a job is told of its file: an address that is good for one device, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from acs.devices.files import Offer, Refused, Slot
from acs.devices.record import Device, Job, JobKind
from acs.files.fit import misfit
from acs.files.links import LONGEST_URL, Links, Purpose, Ticket
from acs.model import NO_SECRET, Secret
from acs.store import files
from acs.store.queues import Queues

CONFIGURATION = "1 Vendor Configuration File"
"""What is asked for when nothing is said: deprecated, and the one upload that all devices know."""
_NO_ADDRESS = (
    "we serve no files: set files.listen, and files.url to the address by which devices reach it"
)


class Offers:
    """Makes offers: looks the file up, asks whether it fits, signs the address."""

    def __init__(
        self,
        queues: Queues,
        links: Links,
        *,
        base: Callable[[], str],
        seconds: float,
        clock: Callable[[], float],
        token: Callable[[], str],
    ) -> None:
        """Take the parts.

        ``base`` gives the URL that devices reach us by, or "" while there is none. ``seconds``: how
        long an address is good from the time when the transfer may begin. ``token`` gives random
        texts of letters and digits, for accounts.
        """
        self._queues = queues
        self._links = links
        self._base = base
        self._seconds = seconds
        self._clock = clock
        self._token = token

    async def offer(self, job: Job, device: Device) -> Offer | Refused:
        """Where ``device`` fetches or puts the file of ``job`` (see `House.offer`)."""
        base = self._base().rstrip("/")
        if not base:
            return Refused(_NO_ADDRESS)
        expires = int(self._clock() + _waits(job.payload) + self._seconds)
        if job.kind is JobKind.UPLOAD:
            return await self._take(job, device, base, expires)
        return await self._give(job, device, base, expires)

    async def _give(self, job: Job, device: Device, base: str, expires: int) -> Offer | Refused:
        name = str(job.payload.get("file", ""))
        file = await self._queues.run("file", files.get_thd, name)
        if file is None:
            return Refused(f"the catalogue has no file {name!r}; see acs file list")
        asked = str(job.payload.get("file_type", ""))
        if asked and asked != file.file_type:
            return Refused(f"{name} is of the type {file.file_type!r}, not {asked!r}")
        problem = misfit(file, device, force=job.payload.get("force") is True)
        if problem:
            return Refused(problem)
        url = base + self._links.path(Ticket(Purpose.GET, device.id, job.id, expires, name))
        if len(url) > LONGEST_URL:
            return _too_long(url)
        target = str(job.payload.get("target", ""))
        return Offer(url, "", NO_SECRET, file.size, target, file.file_type, file.sha256)

    async def _take(self, job: Job, device: Device, base: str, expires: int) -> Offer | Refused:
        file_type = str(job.payload.get("file_type", "")) or CONFIGURATION
        name = "log.txt" if "Log" in file_type else "config.bin"
        url = base + self._links.path(Ticket(Purpose.PUT, device.id, job.id, expires, name))
        if len(url) > LONGEST_URL:
            return _too_long(url)
        slot = Slot(self._token(), Secret(self._token()), device.id, job.id, file_type, expires)
        await self._queues.run("open slot", files.open_slot_thd, slot)
        return Offer(url, slot.username, slot.password, 0, "", file_type)


def _too_long(url: str) -> Refused:
    excess = len(url) - LONGEST_URL
    return Refused(
        f"the address is {excess} characters longer than devices take; shorten files.url"
    )


def _waits(payload: Mapping[str, object]) -> float:
    """Seconds until the transfer may begin: a delay, or the end of the last window."""
    windows = payload.get("windows")
    ends = (
        [each.get("end") for each in windows if isinstance(each, Mapping)]
        if isinstance(windows, list | tuple)
        else []
    )
    asked = [payload.get("delay"), *ends]
    return max((float(each) for each in asked if isinstance(each, int | float)), default=0.0)
