"""What is known of a device's health: the latest answer to a health read, and the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acs.cli.masking import Masks
from acs.devices.jobs.absence import PURPOSE
from acs.devices.record import Job, JobKind, JobState, Snapshot
from acs.profiles import Blueprint, Health, Thresholds, health_of


@dataclass(frozen=True, slots=True)
class Known:
    """Values with their times, and the job that read most of them."""

    values: Mapping[str, str]
    at: float
    times: Mapping[str, float]
    job: Job | None
    """None: no health read is kept, the values are of the latest comparison."""

    def health(self, blueprint: Blueprint, thresholds: Thresholds) -> Health | None:
        """Make sense of the values."""
        return health_of(self.values, blueprint, self.at, times=self.times, thresholds=thresholds)


def is_health_read(job: Job) -> bool:
    """Tell a health read from other reads."""
    return job.kind is JobKind.READ and job.payload.get("purpose") == PURPOSE


def known(job: Job | None, snapshot: Snapshot, masks: Masks) -> Known | None:
    """Lay what a health read answered and the snapshot together; None: there is nothing.

    A newer value wins. What the read asked for and was not told is not there any more, so an
    older snapshot does not bring it back. What holds a secret is left out.
    """
    read = job.result.get("values") if job and job.state is JobState.DONE else None
    values, times = {}, {}
    asked: tuple[str, ...] = ()
    at = snapshot.at
    if job is not None and isinstance(read, Mapping):
        values = {str(path): str(text) for path, text in read.items()}
        asked, at = _asked(job), job.finished_at
    else:
        job = None
    for path, value in snapshot.values.items():
        outdated = path in values and snapshot.at > at
        if outdated or (path not in values and not path.startswith(asked)):
            values[path] = value.text
            times[path] = snapshot.at
    values = {path: text for path, text in values.items() if not masks.hides(path)}
    return Known(values, at, times, job) if values else None


def _asked(job: Job) -> tuple[str, ...]:
    paths = job.payload.get("paths")
    return tuple(map(str, paths)) if isinstance(paths, list | tuple) else ()
