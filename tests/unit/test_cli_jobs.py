"""Jobs asked for on the command line, and following one until its end."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from cli_on_disk import KEY, SEEN, SERIAL, House, finish

from acs.cli.device_show import outcome
from acs.cli.masking import Masks
from acs.cli.waiting import follow, waits_for
from acs.devices.effects import SaveDevice
from acs.devices.record import Device, Job, JobKind, JobState
from acs.store import devices, jobs

PATH = "Device.WiFi.Radio.1.Channel"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    house.matched_device()
    return house


@pytest.mark.parametrize(
    ("arguments", "kind", "payload"),
    [
        (("provision",), JobKind.PROVISION, {}),
        (("provision", "--rewrite"), JobKind.PROVISION, {"rewrite": True}),
        (("read", PATH, "Device.WiFi."), JobKind.READ, {"paths": [PATH, "Device.WiFi."]}),
        (
            ("set", f"{PATH}=11", "--type", f"{PATH}=unsignedInt"),
            JobKind.SET,
            {"changes": [{"path": PATH, "value": "11", "type": "unsignedInt"}]},
        ),
        (
            ("add", "Device.NAT.PortMapping", "Protocol=TCP"),
            JobKind.ADD,
            {"table": "Device.NAT.PortMapping.", "values": {"Protocol": "TCP"}},
        ),
        (
            ("delete", "Device.NAT.PortMapping.3"),
            JobKind.DELETE,
            {"row": "Device.NAT.PortMapping.3."},
        ),
        (("reboot", "--yes"), JobKind.REBOOT, {}),
        (("factory-reset", "--yes"), JobKind.FACTORY_RESET, {}),
    ],
)
def test_each_command_queues_its_job(
    house: House, arguments: tuple[str, ...], kind: JobKind, payload: dict[str, object]
) -> None:
    command, *rest = arguments
    answer = house.json("device", command, SERIAL, *rest)
    assert (answer["device"], answer["job"]["state"]) == (KEY, "queued")
    job = house.job(answer["job"]["id"])
    assert (job.kind, job.payload, job.state) == (kind, payload, JobState.QUEUED)
    assert job.created_by.startswith("acs ")
    assert abs(job.created_at - time.time()) < 60


def test_priority_and_expiry_are_kept(house: House) -> None:
    house.run("device", "read", SERIAL, PATH, "--priority", "5", "--expires", "24h")
    job = house.job(1)
    assert job.priority == 5
    assert job.expires_at == pytest.approx(job.created_at + 86_400)


def test_a_list_says_that_a_job_has_expired_before_its_device_calls() -> None:
    queued = Job(1, 1, JobKind.READ, expires_at=100.0)
    assert outcome(queued, Masks(), 40.0) == "expires in 1 min"
    assert outcome(queued, Masks(), 100.0) == "has expired"
    assert outcome(replace(queued, state=JobState.SENT), Masks(), 100.0) == ""


def test_a_list_says_what_a_read_did_not_find(house: House) -> None:
    house.run("device", "read", SERIAL, "Device.Nope")
    finish(house, 1, JobState.DONE, {"values": {}, "missing": ["Device.Nope"]})
    assert "does not have Device.Nope" in house.run("device", "jobs", SERIAL).stdout


def test_a_queued_job_says_what_it_waits_for(house: House) -> None:
    ended = house.run("device", "read", SERIAL, PATH)
    assert ended.exit_code == 0
    assert "Job 1 (read) queued: waits for the device's next contact (last seen" in ended.stdout
    assert ended.stderr == ""


def test_a_job_that_does_not_end_in_time_ends_with_1_and_stays(house: House) -> None:
    ended = house.run("device", "read", SERIAL, PATH, "--wait", "0.1s")
    assert ended.exit_code == 1
    assert "It stays in the queue." in ended.stdout
    assert house.job(1).state is JobState.QUEUED


def test_a_secret_is_taken_from_standard_input_and_shown_nowhere(house: House) -> None:
    path = "Device.Users.User.2.Password"
    ended = house.run(
        *("device", "set", SERIAL, f"{path}=", "--secret", path, "--json"),
        text="hunter2!\n",
    )
    assert ended.exit_code == 0
    assert "hunter2!" not in ended.output
    assert house.job(1).payload == {
        "changes": [{"path": path, "value": "hunter2!", "secret": True}]
    }


def test_a_secret_that_does_not_come_makes_no_job(house: House) -> None:
    house.call()
    path = "Device.Users.User.2.Password"
    ended = house.run("device", "set", SERIAL, f"{path}=", "--secret", path, text="")
    assert ended.exit_code == 2
    assert f"no line with the value of {path}" in ended.stderr
    assert house.json("device", "jobs", SERIAL)["jobs"] == []


@pytest.mark.parametrize("command", ["reboot", "factory-reset"])
def test_what_interrupts_the_customer_is_confirmed(house: House, command: str) -> None:
    assert house.run("device", command, SERIAL, text="n\n").exit_code == 1
    assert house.json("device", "jobs", SERIAL)["jobs"] == []
    assert house.run("device", command, SERIAL, text="y\n").exit_code == 0
    assert len(house.json("device", "jobs", SERIAL)["jobs"]) == 1


def test_a_path_of_another_tree_is_refused_before_a_job_is_made(house: House) -> None:
    ended = house.run("device", "read", SERIAL, "InternetGatewayDevice.DeviceInfo.UpTime")
    assert ended.exit_code == 2
    assert "names begin with Device." in ended.stderr
    assert house.json("device", "jobs", SERIAL)["jobs"] == []


# --- following ------------------------------------------------------------------------------


class Clock:
    """A clock that jumps when somebody sleeps, and lets things happen meanwhile."""

    def __init__(self, *happenings: object) -> None:
        self.now = SEEN + 100
        self.happenings = list(happenings)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.happenings:
            happening = self.happenings.pop(0)
            assert callable(happening)
            happening()


def followed(
    house: House, clock: Clock, seconds: float = 60, expires_at: float = 0.0
) -> tuple[tuple[Job, Device] | None, list[str]]:
    said: list[str] = []
    database = house.open()
    job = Job(0, 1, JobKind.REBOOT, created_at=SEEN, expires_at=expires_at)
    job_id = database.run("test", jobs.enqueue_thd, job)
    found = follow(database, job_id, seconds, said.append, clock=clock, sleep=clock.sleep)
    database.dispose()
    return found, said


def test_a_job_is_followed_from_queued_through_sent_to_done(house: House) -> None:
    clock = Clock(
        lambda: finish(house, 1, JobState.SENT, {"sent_at": SEEN}),
        lambda: finish(house, 1, JobState.DONE, {}),
    )
    found, said = followed(house, clock)
    assert found is not None
    assert found[0].state is JobState.DONE
    assert said == [
        "queued: waits for the device's next contact (last seen 1 min ago)",
        "sent: waits for the device to come back (last seen 1 min ago)",
    ]


def test_following_ends_with_its_time(house: House) -> None:
    clock = Clock()
    found, _said = followed(house, clock, seconds=10)
    assert found is not None
    assert found[0].state is JobState.QUEUED
    assert clock.now == pytest.approx(SEEN + 110)


def test_following_ends_when_the_jobs_own_time_has_passed(house: House) -> None:
    clock = Clock()
    found, _said = followed(house, clock, seconds=3600, expires_at=SEEN + 105)
    assert found is not None
    assert clock.now < SEEN + 106
    assert waits_for(*found, clock.now) == "has expired"


def test_following_ends_when_the_device_is_forgotten(house: House) -> None:
    def forget() -> None:
        database = house.open()
        database.run("test", devices.delete_thd, 1)
        database.dispose()

    found, _said = followed(house, Clock(forget))
    assert found is None


def test_the_outcome_of_a_read_is_a_table_without_secrets(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = {
        "values": {PATH: "11", "Device.Users.User.2.Password": "hunter2"},
        "missing": ["Device.No.Such"],
    }
    monkeypatch.setattr(
        "acs.cli.job_request.follow",
        lambda *args: follow(*args, sleep=lambda _s: finish(house, 1, JobState.DONE, result)),
    )
    ended = house.run("device", "read", SERIAL, PATH, "--wait", "60")
    assert ended.exit_code == 0
    assert PATH in ended.stdout
    assert "Missing: Device.No.Such" in ended.stdout
    assert "hunter2" not in ended.stdout


@pytest.mark.parametrize(
    ("missing", "why", "hint"),
    [
        ("Device.WiFi", "the device does not have it", "end its path with a dot: Device.WiFi."),
        ("Device.Nope.", "the device does not have it", ""),
        ("Device.WiFi.SSID.*.SSID", "nothing matches it", ""),
    ],
)
def test_a_read_that_found_nothing_ends_with_1(
    house: House, monkeypatch: pytest.MonkeyPatch, missing: str, why: str, hint: str
) -> None:
    house.apply(SaveDevice(1, {"protocol": "usp"}))
    result = {"values": {}, "missing": [missing]}
    monkeypatch.setattr(
        "acs.cli.job_request.follow",
        lambda *args: follow(*args, sleep=lambda _s: finish(house, 1, JobState.DONE, result)),
    )
    ended = house.run("device", "read", SERIAL, missing, "--wait", "60")
    assert ended.exit_code == 1
    assert f"Missing: {missing}: {why}" in ended.stdout
    assert hint in ended.stdout
    assert ("with a dot" in ended.stdout) == bool(hint)


def test_a_single_refused_parameter_is_named_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = f"fault 9003 (Invalid arguments): {PATH}: 9007 (Invalid parameter value)"
    result = {"error": error, "parameters": [f"{PATH}: 9007 Invalid parameter value"]}
    monkeypatch.setattr(
        "acs.cli.job_request.follow",
        lambda *args: follow(*args, sleep=lambda _s: finish(house, 1, JobState.FAILED, result)),
    )
    assert house.run("device", "set", SERIAL, f"{PATH}=999", "--wait", "60").stdout.count(PATH) == 1


def test_a_failed_job_ends_with_1_and_names_the_parameters(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = {"error": "fault 9003", "code": 9003, "parameters": [f"{PATH}: 9007 out of range"]}
    monkeypatch.setattr(
        "acs.cli.job_request.follow",
        lambda *args: follow(*args, sleep=lambda _s: finish(house, 1, JobState.FAILED, result)),
    )
    ended = house.run("device", "set", SERIAL, f"{PATH}=999", "--wait", "60")
    assert ended.exit_code == 1
    assert "Job 1 (set) failed: fault 9003" in ended.stdout
    assert f"{PATH}: 9007 out of range" in ended.stdout


def test_interrupting_the_wait_leaves_the_job_and_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("acs.cli.job_request.follow", interrupted)
    ended = house.run("device", "read", SERIAL, PATH, "--wait", "60")
    assert ended.exit_code == 1
    assert "job 1 stays as it is" in ended.stderr
    assert house.job(1).state is JobState.QUEUED
