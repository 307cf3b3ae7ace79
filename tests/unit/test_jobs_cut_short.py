"""No job cuts short every session of its device, and none ends that was not sent."""

from __future__ import annotations

from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import call, report, the_job

from acs.devices.files import Offer, Refused
from acs.devices.house import Policy
from acs.devices.record import Device, Job, JobKind, JobState
from acs.model import Get, Operation, SessionLost

NAME = "Device.WiFi.SSID.1.SSID"
TRIES = Policy().job_attempts
SETTING = {"changes": [{"path": NAME, "value": "new"}]}
FILE = {"file": "a.bin", "file_type": "1 Firmware Upgrade Image"}
READ = Job(8, 1, JobKind.READ, {"paths": [NAME]})


def set_up(job: Job, *, later: tuple[str, ...] = ()) -> tuple[MemoryHouse, MemoryDevice]:
    house, device = MemoryHouse(), MemoryDevice({NAME: "home"}, later=later)
    call(house, device)
    house.jobs = [job, READ]
    return house, device


def test_a_device_that_hangs_up_over_the_proof_is_asked_only_so_often() -> None:
    house, device = set_up(Job(7, 1, JobKind.SET, SETTING), later=(NAME,))
    call(house, device)
    assert the_job(house).state is JobState.SENT
    house.jobs[1] = READ
    plain = device.perform

    def hangs_up(operation: Operation) -> Any:
        if operation == Get((NAME,)) and the_job(house).state is JobState.SENT:
            raise SessionLost("gone")
        return plain(operation)

    device.perform = hangs_up  # type: ignore[method-assign]
    for tried in range(2, TRIES + 1):
        assert the_job(house, 8).state is JobState.QUEUED
        with pytest.raises(SessionLost):
            call(house, device)
        assert the_job(house).attempts == min(tried, TRIES - 1)
    assert the_job(house).state is JobState.FAILED
    assert the_job(house).result["error"] == "session lost: gone"
    assert f"job: set (job 7) failed: {the_job(house).result['error']}" in house.timeline
    call(house, device)
    assert the_job(house, 8).state is JobState.DONE, "its other jobs have their turn"


@pytest.mark.parametrize("error", [SessionLost("gone"), RuntimeError("it quotes hunter2")])
def test_what_ends_before_it_is_sent_is_tried_only_so_often(error: Exception) -> None:
    house, device = set_up(Job(7, 1, JobKind.DOWNLOAD, FILE))

    async def offer(job: Job, device: Device) -> Offer | Refused:
        raise error

    house.offer = offer  # type: ignore[method-assign]
    for _ in range(TRIES):
        assert the_job(house).state is JobState.QUEUED
        with pytest.raises(type(error)):
            call(house, device)
    assert the_job(house).state is JobState.FAILED
    assert "hunter2" not in repr(house.effects)
    call(house, device)
    assert the_job(house, 8).state is JobState.DONE


def test_a_report_ends_no_job_that_was_not_sent() -> None:
    house, device = set_up(Job(7, 1, JobKind.DOWNLOAD, FILE))
    call(house, device, notices=[report("job-7")])
    assert "job: no open job waits for transfer complete job-7" in house.timeline
    assert the_job(house).state is JobState.FAILED
    assert the_job(house).result["error"] == "no files here", "it was carried out all the same"
