"""Jobs: kept until done, failed or expired; never sent twice unknowingly; honest results."""

from __future__ import annotations

import pytest
from device_in_memory import MemoryDevice
from device_trees import xx230v
from house_in_memory import SSID, MemoryHouse, live
from house_in_memory import served as served_by

from acs.devices.record import Job, JobKind, JobState, Standing
from acs.devices.visit import Visit
from acs.model import (
    Command,
    CommandName,
    Contact,
    DeviceId,
    Event,
    EventKind,
    SessionLost,
)


def served(*jobs: Job) -> MemoryHouse:
    return served_by(jobs=jobs)


def job(kind: JobKind, job_id: int = 7, **payload: object) -> Job:
    return Job(job_id, 1, kind, payload)


def only(house: MemoryHouse) -> Job:
    (found,) = house.jobs
    return found


def test_read():
    house, device = served(job(JobKind.READ, paths=[SSID, "Device.Nope"])), xx230v()
    house.visited(device)
    done = only(house)
    assert done.state is JobState.DONE
    assert done.result["missing"] == ["Device.Nope"]
    assert SSID in done.result["values"]  # type: ignore[operator]


def test_set_takes_the_type_from_the_device():
    path = "Device.ManagementServer.PeriodicInformInterval"
    wanted = {"path": path, "value": "900"}
    house, device = served(job(JobKind.SET, changes=[wanted])), xx230v()
    house.visited(device)
    assert only(house).state is JobState.DONE
    assert only(house).result["written"] == [path]
    assert device[path] == "900"


def test_set_says_when_it_is_applied_later():
    house, device = served(job(JobKind.SET, changes=[{"path": SSID, "value": "x"}])), xx230v()
    house.visited(device)
    assert only(house).result["applied_later"] is True


def test_a_refused_set_fails_and_names_the_parameter():
    device = xx230v(read_only=[SSID])
    house = served(job(JobKind.SET, changes=[{"path": SSID, "value": "x"}]))
    house.visited(device)
    failed = only(house)
    assert failed.state is JobState.FAILED
    assert failed.result["parameters"] == [f"{SSID}: 9008 Non-writable parameter"]


def test_add_sets_its_values_and_delete_removes_the_row():
    device = xx230v()
    house = served(job(JobKind.ADD, table="Device.WiFi.SSID.", values={"SSID": "extra"}))
    house.visited(device)
    row = only(house).result["row"]
    assert only(house).state is JobState.SENT, "its name is applied later"
    device.next_session()
    house.visited(device)
    assert only(house).state is JobState.DONE
    assert only(house).result["proof"][0]["read"] == "extra"  # type: ignore[index]
    house.jobs = [job(JobKind.DELETE, row=row)]
    device.next_session()
    house.visited(device)
    assert only(house).state is JobState.DONE
    assert not any(path.startswith(str(row)) for path in device.values)


def test_add_where_nothing_can_be_added_fails_and_says_why():
    house, device = served(job(JobKind.ADD, table="Device.Nope.")), xx230v()
    house.visited(device)
    assert only(house).state is JobState.FAILED
    assert "9005" in str(only(house).result["error"])


def test_reboot_is_done_when_the_device_says_so():
    house, device = served(job(JobKind.REBOOT)), xx230v()
    house.visited(device)
    assert only(house).state is JobState.SENT
    assert device.operations[-1] == Command(CommandName.REBOOT, "job-7")
    device.next_session()
    house.visited(device, EventKind.BOOT)
    assert only(house).state is JobState.DONE
    assert not [op for op in device.operations if isinstance(op, Command)], "sent once only"


def test_reboot_that_never_happened_fails_after_a_while():
    house, device = served(job(JobKind.REBOOT)), xx230v()
    house.visited(device)
    house.visited(device, at=house.time + 60)
    assert only(house).state is JobState.SENT
    house.visited(device, at=house.time + 3600)
    assert only(house).state is JobState.FAILED
    assert "rebooted" in str(only(house).result["error"])


def test_a_reported_command_key_ends_the_reboot():
    house, device = served(job(JobKind.REBOOT)), xx230v()
    house.visited(device)
    contact = Contact(
        DeviceId("1C61B4", "Device2", "22275A7000001"),
        "TP-Link",
        "cwmp",
        "Device.",
        (Event(EventKind.COMMAND_DONE, "job-7", "Reboot"),),
        {},
        house.time + 30,
        credential="own",
    )
    device.run(Visit(contact, house).run(device.model))
    assert only(house).state is JobState.DONE


def test_factory_reset_is_done_at_bootstrap():
    house, device = served(job(JobKind.FACTORY_RESET)), xx230v()
    house.visited(device)
    assert only(house).state is JobState.SENT
    device.factory_reset()
    house.visited(device, EventKind.BOOTSTRAP)
    assert only(house).state is JobState.DONE


def test_a_reboot_comes_last():
    house = served(job(JobKind.REBOOT, 1), job(JobKind.READ, 2, paths=[SSID]))
    device = xx230v()
    house.visited(device)
    assert isinstance(device.operations[-1], Command)
    assert [j.state for j in house.jobs] == [JobState.SENT, JobState.DONE]


def test_a_reboot_is_marked_sent_before_it_is_sent():
    house, device = served(job(JobKind.REBOOT)), xx230v()
    states: list[JobState] = []
    perform = device.perform

    def watched(operation: object) -> object:
        if isinstance(operation, Command):
            states.append(only(house).state)
        return perform(operation)  # type: ignore[arg-type]

    device.perform = watched  # type: ignore[method-assign]
    house.visited(device)
    assert states == [JobState.SENT]


def lose(house: MemoryHouse, device: MemoryDevice) -> None:
    """Let the line be cut at the first operation after the announcement."""
    device.operations.clear()
    device.lost_after = 1
    with pytest.raises(SessionLost):
        house.visited(device)
    device.lost_after = None
    device.operations.clear()


@pytest.mark.parametrize("kind", [JobKind.READ, JobKind.SET])
def test_a_repeatable_job_stays_queued_when_its_session_is_lost(kind: JobKind):
    house, device = served(), xx230v()
    live(device, house)
    path = "Device.ManagementServer.PeriodicInformInterval"
    changes = [{"path": path, "value": "900", "type": "unsignedInt"}]
    house.jobs = [job(kind, paths=[SSID], changes=changes)]
    lose(house, device)
    assert (only(house).state, only(house).attempts) == (JobState.QUEUED, 1)
    house.visited(device)
    assert only(house).state is JobState.DONE


def test_a_job_whose_sessions_are_always_lost_fails_in_the_end():
    house, device = served(), xx230v()
    live(device, house)
    house.jobs = [job(JobKind.READ, paths=[SSID])]
    for _ in range(5):
        lose(house, device)
    assert only(house).state is JobState.FAILED


def test_an_add_whose_session_was_lost_is_not_repeated():
    house, device = served(), xx230v()
    live(device, house)
    house.jobs = [job(JobKind.ADD, table="Device.WiFi.SSID.")]
    lose(house, device)
    house.visited(device)
    assert only(house).state is JobState.FAILED
    assert "not known" in str(only(house).result["error"])
    assert [type(op).__name__ for op in device.operations] == ["Accept"]


def test_provision_on_request_follows_to_the_proof():
    house, device = served(), xx230v()
    live(device, house)
    house.jobs = [job(JobKind.PROVISION)]
    device.values[SSID] = device.values[SSID]._replace(text="other")
    house.visited(device)
    assert only(house).state is JobState.SENT
    device.next_session()
    house.visited(device)
    assert only(house).state is JobState.DONE


def test_provision_with_rewrite_writes_secrets_again():
    house, device = served(), xx230v()
    live(device, house)
    house.jobs = [job(JobKind.PROVISION, rewrite=True)]
    house.visited(device)
    assert any(path.endswith("KeyPassphrase") for path in device.written)


def test_provision_of_a_quarantined_device_waits_for_its_match():
    house, device = MemoryHouse(), xx230v()
    house.jobs = [job(JobKind.PROVISION)]
    house.visited(device)
    assert only(house).state is JobState.QUEUED
    house.source.wishes = served().source.wishes
    house.visited(device)
    device.next_session()
    house.visited(device)
    assert only(house).state is JobState.DONE
    assert house.device is not None
    assert house.device.standing is Standing.LIVE


def test_a_failed_provision_is_a_failed_job():
    house, device = served(job(JobKind.PROVISION)), xx230v(refuse={SSID: 9007})
    house.visited(device)
    assert only(house).state is JobState.FAILED
    assert SSID in str(only(house).result["error"])
