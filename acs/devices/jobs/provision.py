"""The job that has a device compared with its wish now; `acs.devices.provisioning` does it."""

from __future__ import annotations

from acs.devices.jobs.kind import Kind, Result
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobState, Standing
from acs.model import DataModel


async def _look(ledger: Ledger, _line: DataModel, _job: Job) -> Result:
    looked = ledger.device.checked_at == ledger.contact.at
    return _provisioned(ledger) if looked else (JobState.QUEUED, {})


async def _seen(ledger: Ledger, _line: DataModel, _job: Job) -> Result | None:
    result = _provisioned(ledger)
    return None if result[0] in (JobState.SENT, JobState.QUEUED) else result


def _provisioned(ledger: Ledger) -> Result:
    device = ledger.device
    match device.standing:
        case Standing.LIVE | Standing.NEUTRAL:
            return JobState.DONE, {"standing": device.standing.value, "text": device.reason}
        case Standing.VERIFYING:
            return JobState.SENT, {"standing": device.standing.value, "text": device.reason}
        case Standing.FAULTED | Standing.HELD | Standing.DRIFTED | Standing.PLANNED:
            return JobState.FAILED, {"error": device.reason}
        case _:
            return JobState.QUEUED, {}


PROVISION = Kind(_look, _seen)
