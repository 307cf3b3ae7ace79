"""Commands and firmware images of USP devices asked for on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_on_disk import SEEN, SERIAL, House, finish

from acs.devices.effects import SaveDevice, SaveJob
from acs.devices.record import Job, JobKind, JobState
from acs.store import jobs

PING = "Device.IP.Diagnostics.IPPing()"
URL = "http://files.example.net/a.bin"
SEARCHES = [
    "Device.WiFi.SSID.*.SSID",
    'Device.WiFi.SSID.[Alias=="a.b"].SSID',
    "Device.WiFi.AccessPoint.1.SSIDReference+.SSID",
    "Device.X.List#2+.Name",
]


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    device_id = house.matched_device()
    house.apply(SaveDevice(device_id, {"protocol": "usp"}))
    return house


def over_cwmp(house: House) -> None:
    house.apply(SaveDevice(1, {"protocol": "cwmp"}))


def queued(house: House, kind: JobKind, **payload: object) -> int:
    database = house.open()
    job_id = database.run("test", jobs.enqueue_thd, Job(0, 1, kind, payload, created_by="a test"))
    database.dispose()
    return job_id


@pytest.mark.parametrize(
    ("arguments", "kind", "payload"),
    [
        (
            ("operate", PING, "Host=h", "Timeout=5", "--timeout", "5m"),
            JobKind.OPERATE,
            {"command": PING, "arguments": {"Host": "h", "Timeout": "5"}, "timeout": 300},
        ),
        (("activate", "--yes"), JobKind.ACTIVATE, {}),
        (("activate", "--yes", "--image", "2"), JobKind.ACTIVATE, {"image": 2}),
        (
            ("activate", "--yes", "--version", "2.0", "--window", "2h-4h", "--mode", "idle"),
            JobKind.ACTIVATE,
            {
                "version": "2.0",
                "windows": [{"start": 7200, "end": 14400, "mode": "3 When Idle"}],
            },
        ),
        (
            ("download", "--url", URL, "--type", "firmware", "--activate", "later", "--image", "2"),
            JobKind.DOWNLOAD,
            {
                "file_type": "1 Firmware Upgrade Image",
                "url": URL,
                "activate": "later",
                "image": 2,
            },
        ),
        (("read", *SEARCHES), JobKind.READ, {"paths": SEARCHES}),
        *(
            (("set", f"{search}=a=b"), JobKind.SET, {"changes": [{"path": search, "value": "a=b"}]})
            for search in SEARCHES
        ),
    ],
)
def test_each_command_queues_its_job(
    house: House, arguments: tuple[str, ...], kind: JobKind, payload: dict[str, object]
) -> None:
    command, *rest = arguments
    ended = house.run("device", command, SERIAL, *rest)
    assert ended.exit_code == 0, ended.output
    job = house.job(1)
    assert (job.kind, job.payload) == (kind, payload)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("operate", "Device.IP."), "is no command"),
        (("operate", "Device.Reboot()"), "'reboot'"),
        (("operate", PING, "Host"), "'Host' is not PATH=VALUE"),
        (("operate", PING, "Host=a", "Host=b"), "Host is given twice"),
        (("operate", PING, "--secret", "Password"), "which is not given here"),
        (("activate", "--yes", "--window", "4h-2h"), "ends before it begins"),
        (("activate", "--yes", *(["--window", "1h-2h"] * 6)), "one to five windows"),
        (("read", "Device.WiFi.SSID.[.SSID"), "is not the name of a parameter"),
        (("read", "Device.WiFi.*"), "is not the name of a parameter"),
    ],
)
def test_what_makes_no_sense_makes_no_job(
    house: House, arguments: tuple[str, ...], named: str
) -> None:
    command, *rest = arguments
    ended = house.run("device", command, SERIAL, *rest)
    assert ended.exit_code == 2
    assert named in ended.output
    assert house.json("device", "jobs", SERIAL)["jobs"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("operate", PING), 1), (("activate", "--yes"), 1), (("read", SEARCHES[0]), 2)],
)
def test_a_device_that_speaks_cwmp_is_not_asked(
    house: House, arguments: tuple[str, ...], code: int
) -> None:
    over_cwmp(house)
    command, *rest = arguments
    assert house.run("device", command, SERIAL, *rest).exit_code == code
    assert house.json("device", "jobs", SERIAL)["jobs"] == []


def test_new_firmware_that_restarts_the_device_is_confirmed(house: House) -> None:
    assert house.run("device", "activate", SERIAL, text="n\n").exit_code != 0
    assert house.json("device", "jobs", SERIAL)["jobs"] == []


def test_a_secret_argument_is_asked_for_and_shown_nowhere(house: House) -> None:
    arguments = ("operate", SERIAL, "Device.X.Login()", "Code=", "User=u", "--secret", "Code")
    ended = house.run("device", *arguments, text="hush-hush\n")
    assert ended.exit_code == 0, ended.output
    assert house.job(1).payload["arguments"] == {"Code": "hush-hush", "User": "u"}
    shown = house.run("job", "show", "1")
    assert "hush-hush" not in ended.output + shown.output
    assert house.json("job", "show", "1")["job"]["payload"]["arguments"]["Code"] == "***"


def test_outputs_are_shown_as_a_table(house: House) -> None:
    job_id = queued(house, JobKind.OPERATE, command=PING)
    finish(house, job_id, JobState.DONE, {"outputs": {"SuccessCount": "4"}, "text": "ended well"})
    shown = house.run("job", "show", str(job_id)).output
    assert "SuccessCount" in shown
    assert "ended well" in shown


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "not known to have begun"])
def test_a_command_under_way_is_taken_back_by_asking_the_device(house: House, begun: bool) -> None:
    job_id = queued(house, JobKind.OPERATE, command=PING)
    result = {"sent_at": SEEN, **({"request": "Device.LocalAgent.Request.1."} if begun else {})}
    house.apply(SaveJob(job_id, JobState.SENT, SEEN, 1, result))
    ended = house.run("job", "cancel", str(job_id))
    assert ended.exit_code == (0 if begun else 1)
    if begun:
        asked = house.job(job_id + 1)
        assert (asked.kind, asked.payload) == (JobKind.CANCEL_TRANSFER, {"job": job_id})
