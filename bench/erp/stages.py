"""When each stage of a change was reached, as the server's database tells it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from sqlalchemy import func, select

from acs.devices.record import Standing
from acs.store import Database
from acs.store.tables import devices, inbox, proofs, wakes
from bench.processes import BenchError
from bench.units import Unit
from bench.usp.seen import number_of

_LIVE_SECONDS = 120.0
_PATIENCE = 100.0
"""Seconds without a further proof after which a change counts as lost."""
_KEPT_SECONDS = 5.0
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Course:
    """The course of one change; times in epoch seconds."""

    saved: float
    """The site answered the user."""
    at_door: float
    """Its webhook was taken."""
    read: float
    """The equipment was read again, and its device is to be called."""
    called: float
    """The device was asked to call."""
    session: float
    """Its session, or the visit to the agent, began."""
    proven: float
    """The proof is in the database."""

    @property
    def whole(self) -> float:
        """Seconds from the user's answer to the proof."""
        return self.proven - self.saved

    @property
    def ours(self) -> float:
        """Seconds from the webhook's arrival to the proof."""
        return self.proven - self.at_door

    def stages(self) -> dict[str, float]:
        """Seconds of each stage, in order."""
        return {
            "to_webhook": self.at_door - self.saved,
            "to_read": self.read - self.at_door,
            "to_call": self.called - self.read,
            "to_session": self.session - self.called,
            "to_proof": self.proven - self.session,
        }


class Watch:
    """Looks into the database of a running server, in which ``count`` units are to live."""

    def __init__(self, database: Database, count: int) -> None:
        """Wait until all units are live. Raises `BenchError`."""
        self._database = database
        self._devices = self._await_live(count)
        self._units = {device: unit for unit, device in self._devices.items()}
        self._proof = 0
        self._hook = 0
        self.begin()

    def begin(self) -> None:
        """What is there by now belongs to none of the next changes."""
        with self._database.read() as conn:
            self._proof = conn.scalar(select(func.max(proofs.c.id))) or 0
            self._hook = conn.scalar(select(func.max(inbox.c.id))) or 0

    def courses(self, saved: Mapping[int, float]) -> list[Course]:
        """Wait for the proofs of units that were changed since `begin`; say how it went.

        ``saved`` are the times at which the site answered.  Raises `BenchError`.
        """
        proven = self._await_proofs(saved)
        return [Course(at, *self._on_the_way(unit), *proven[unit]) for unit, at in saved.items()]

    def _await_live(self, count: int) -> dict[int, int]:
        until = time.monotonic() + _LIVE_SECONDS
        query = select(devices.c.serial_number, devices.c.id)
        query = query.where(devices.c.standing == Standing.LIVE.value)
        while True:
            with self._database.read() as conn:
                found = {number_of(row[0]): row[1] for row in conn.execute(query)}
            if len(found) >= count:
                return found
            if time.monotonic() > until:
                raise BenchError(f"{len(found)} of {count} devices live in {_LIVE_SECONDS:g} s")
            time.sleep(0.2)

    def _await_proofs(self, units: Collection[int]) -> dict[int, tuple[float, float]]:
        """When the session of each proof began, and when it was there."""
        found: dict[int, tuple[float, float]] = {}
        changed = time.monotonic()
        columns = proofs.c.id, proofs.c.device_id, proofs.c.at
        while missing := units - found.keys():
            query = select(*columns).where(proofs.c.id > self._proof, proofs.c.complete)
            with self._database.read() as conn:
                rows = conn.execute(query.order_by(proofs.c.id)).all()
            now = time.time()
            for proof, device, began in rows:
                self._proof = proof
                found.setdefault(self._units[device], (began, now))
                changed = time.monotonic()
            if time.monotonic() - changed > _PATIENCE:
                raise BenchError(f"{len(missing)} of {len(units)} changes were not proven")
            time.sleep(_LOOK_SECONDS)
        return found

    def _on_the_way(self, unit: int) -> tuple[float, float, float]:
        """When the webhook came, the device was to be called, and was."""
        hook = select(func.min(inbox.c.received_at)).where(
            inbox.c.name == Unit(unit).equipment, inbox.c.id > self._hook
        )
        wake = select(wakes.c.asked_at, wakes.c.sent_at)
        wake = wake.where(wakes.c.device_id == self._devices[unit])
        until = time.monotonic() + _KEPT_SECONDS
        while True:
            with self._database.read() as conn:
                came = conn.scalar(hook) or 0.0
                asked = conn.execute(wake).one_or_none()
            # How a call went is kept with the server's next look, maybe after the proof.
            if came and asked and asked.sent_at > came:
                return came, asked.asked_at, asked.sent_at
            if time.monotonic() > until:
                raise BenchError(f"unit {unit} was proven without a webhook or a call")
            time.sleep(_LOOK_SECONDS)


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """The median, the 95th and the 99th percentile."""
    if len(seconds) < 2:
        return (seconds[0],) * 3 if seconds else (0.0,) * 3
    hundredths = quantiles(seconds, n=100, method="inclusive")
    return hundredths[49], hundredths[94], hundredths[98]


def medians(courses: Sequence[Course]) -> dict[str, float]:
    """The median of each stage, in seconds."""
    stages = [course.stages() for course in courses]
    return {name: median(each[name] for each in stages) for name in stages[0]}
