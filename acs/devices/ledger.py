"""What a visit learns, kept until it is handed over together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from acs.devices.effects import AddTimeline, Effect, PublishNews, SaveDevice, SaveJob
from acs.devices.house import House
from acs.devices.news import News, NewsKind
from acs.devices.record import Device, Job, JobState, Opened, Standing, TimelineEntry
from acs.model import Contact
from acs.profiles import Blueprint, Facts

_NEWS = {
    Standing.QUARANTINED: NewsKind.QUARANTINED,
    Standing.FAULTED: NewsKind.FAULTED,
    Standing.DRIFTED: NewsKind.DRIFT,
}
"""Where it is news that a device has come to stand."""


class Ledger:
    """The device's record, with the changes and effects of one visit."""

    __slots__ = (
        "_changes", "_effects", "contact", "customer", "device", "house", "jobs", "moved", "opened"
    )  # fmt: skip

    def __init__(self, opened: Opened, contact: Contact, house: House) -> None:
        self.opened = opened
        self.device: Device = opened.device
        self.moved = opened.device.protocol != contact.protocol and not opened.created
        """It speaks another protocol than at its last contact."""
        self.contact = contact
        self.house = house
        self._effects: list[Effect] = []
        self._changes: dict[str, object] = {}
        self.customer = ""
        """Who has the device, where that decides what may be sent to it."""
        self.jobs: dict[int, Job] = {job.id: job for job in opened.jobs}
        """The jobs that were open when the device called, as they stand now."""

    def save_job(
        self, job_id: int, state: JobState, attempts: int, result: Mapping[str, object]
    ) -> None:
        """Give a job a new state and result."""
        if job := self.jobs.get(job_id):
            self.jobs[job_id] = replace(job, state=state, attempts=attempts, result=result)
        self.learn(SaveJob(job_id, state, self.contact.at, attempts, result))

    def learn(self, *effects: Effect) -> None:
        """Keep effects for the end of the visit."""
        self._effects.extend(effects)

    def change(self, **values: object) -> None:
        """Change columns of the device's record, by the field names of `Device`."""
        for name, value in values.items():
            if getattr(self.device, name) != value:
                setattr(self.device, name, value)
                self._changes[name] = value

    def say(self, kind: str, text: str, detail: Mapping[str, object] | None = None) -> None:
        """Put a line on the timeline."""
        contact = self.contact
        entry = TimelineEntry(
            self.device.id, contact.at, kind, text, contact.session, dict(detail or {})
        )
        self._effects.append(AddTimeline(entry))

    def tell(self, kind: NewsKind, text: str) -> None:
        """Let other systems know; ``text`` holds no secret."""
        device = self.device
        facts = {
            "serial_number": device.serial_number,
            "product_class": device.product_class,
            "model": device.model,
            "software": device.software,
            "mac": device.mac,
            "address": device.address,
            "protocol": device.protocol,
            "standing": str(device.standing),
            "session": self.contact.session,
        }
        known = {name: fact for name, fact in facts.items() if fact}
        news = News(kind, self.contact.at, device.id, device.key, device.equipment, text, known)
        self._effects.append(PublishNews(news))

    def stand(self, standing: Standing, reason: str) -> None:
        """Set where the device stands, with a line on the timeline when that is new."""
        before = self.device.standing
        if before is not standing or self.device.reason != reason:
            self.say(str(standing), reason)
        self.change(standing=standing, reason=reason)
        if before is not standing and (kind := _NEWS.get(standing)):
            self.tell(kind, reason)

    @property
    def remarkable(self) -> bool:
        """True when there is more to keep than changed columns."""
        return bool(self._effects)

    async def keep(self) -> None:
        """Write what was learned so far and wait until it is durable."""
        await self.house.commit(self._taken())

    async def close(self) -> None:
        """Hand over all that was learned; wait for it only when it is more than a last-seen."""
        self.change(last_seen=self.contact.at)
        if self._effects:
            await self.keep()
        else:
            self.house.post(self._taken())

    def abandon(self) -> None:
        """Hand over what was learned when the device is gone and nothing can be awaited."""
        self.change(last_seen=self.contact.at)
        self.house.post(self._taken())

    def _taken(self) -> list[Effect]:
        if self._changes:
            self._effects.append(SaveDevice(self.device.id, self._changes))
            self._changes = {}
        effects, self._effects = self._effects, []
        return effects

    def blueprint(self) -> Blueprint | None:
        """The blueprint of the device, by what is known of it now."""
        return self.house.blueprint(facts_of(self.device))


def facts_of(device: Device) -> Facts:
    """What is known of a device for choosing its blueprint."""
    return Facts(
        manufacturer=device.manufacturer,
        oui=device.oui,
        product_class=device.product_class,
        model=device.model,
        hardware=device.hardware,
        software=device.software,
        root=device.root,
        protocol=device.protocol,
    )
