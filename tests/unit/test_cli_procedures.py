"""The rarer jobs asked for on the command line, and jobs taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_on_disk import KEY, SEEN, SERIAL, House

from acs.devices.effects import SaveDevice, SaveJob
from acs.devices.files import FIRMWARE, CatalogueFile
from acs.devices.record import Job, JobKind, JobState
from acs.store import files, jobs

URL = "http://files.example.net/a.bin"
CONFIG = "3 Vendor Configuration File"
UUID = "3f1e2d4c-0000-4000-8000-000000000001"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    house.matched_device()
    return house


def asked(house: House, command: str, *rest: str, text: str | None = None) -> Job:
    ended = house.run("device", command, SERIAL, *rest, text=text)
    assert ended.exit_code == 0, ended.output
    return house.job(1)


def queued(house: House, kind: JobKind, state: JobState = JobState.QUEUED, **result: object) -> int:
    database = house.open()
    job_id = database.run("test", jobs.enqueue_thd, Job(0, 1, kind, created_by="a test"))
    database.dispose()
    if state is not JobState.QUEUED:
        house.apply(SaveJob(job_id, state, 5.0, 1, result))
    return job_id


@pytest.mark.parametrize(
    ("arguments", "kind", "payload"),
    [
        (("names",), JobKind.NAMES, {"path": "Device.", "next_level": False}),
        (
            ("names", "Device.WiFi.", "--next-level"),
            JobKind.NAMES,
            {"path": "Device.WiFi.", "next_level": True},
        ),
        (("attributes", "Device.WiFi."), JobKind.ATTRIBUTES, {"paths": ["Device.WiFi."]}),
        (
            ("notify", "Device.WiFi.=off", "Device.A.B=passive-lightweight"),
            JobKind.NOTIFY,
            {
                "changes": [
                    {"path": "Device.WiFi.", "notification": 0},
                    {"path": "Device.A.B", "notification": 3},
                ]
            },
        ),
        (
            ("notify", "Device.A.B", "--access", "nobody"),
            JobKind.NOTIFY,
            {"changes": [{"path": "Device.A.B", "access_list": []}]},
        ),
        (("schedule-inform", "15m"), JobKind.SCHEDULE_INFORM, {"delay": 900}),
        (("methods",), JobKind.METHODS, {}),
        (("options", "VoIP"), JobKind.OPTIONS, {"name": "VoIP"}),
        (
            ("download", "--url", URL, "--type", "config", "--size", "9", "--delay", "1m"),
            JobKind.DOWNLOAD,
            {"url": URL, "file_type": CONFIG, "size": 9, "delay": 60},
        ),
        (
            ("download", "--url", URL, "--type", "firmware", "--version", "2.0", "--yes"),
            JobKind.DOWNLOAD,
            {"url": URL, "file_type": FIRMWARE, "version": "2.0"},
        ),
        (
            (
                *("schedule-download", "--url", URL, "--type", "config"),
                *("--window", "2h-4h", "--window", "26h-28h", "--mode", "idle"),
            ),
            JobKind.SCHEDULE_DOWNLOAD,
            {
                "url": URL,
                "file_type": CONFIG,
                "windows": [
                    {"start": 7200, "end": 14_400, "mode": "3 When Idle"},
                    {"start": 93_600, "end": 100_800, "mode": "3 When Idle"},
                ],
            },
        ),
        (("upload",), JobKind.UPLOAD, {"file_type": "1 Vendor Configuration File"}),
        (
            ("upload", "--type", "log", "--instance", "2", "--timeout", "5m"),
            JobKind.UPLOAD,
            {"file_type": "4 Vendor Log File 2", "timeout": 300},
        ),
        (("transfers",), JobKind.TRANSFERS, {}),
        (("cancel-transfer", "job-17"), JobKind.CANCEL_TRANSFER, {"key": "job-17"}),
        (
            ("software", f"install={URL}", f"update={UUID}@2", f"uninstall={UUID}"),
            JobKind.SOFTWARE,
            {
                "operations": [
                    {"do": "install", "url": URL},
                    {"do": "update", "uuid": UUID, "version": "2"},
                    {"do": "uninstall", "uuid": UUID},
                ]
            },
        ),
    ],
)
def test_each_command_queues_its_job(
    house: House, arguments: tuple[str, ...], kind: JobKind, payload: dict[str, object]
) -> None:
    job = asked(house, *arguments)
    assert (job.kind, job.payload, job.state) == (kind, payload, JobState.QUEUED)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("notify", "Device.WiFi."), "changes nothing"),
        (("notify", "Device.WiFi.=loud"), "'loud'"),
        (("schedule-inform", "0s"), "one second or more"),
        (("download",), "either --file"),
        (("download", "--url", URL, "--file", "x"), "either --file"),
        (("download", "--url", URL), "needs --type"),
        (("download", "--file", "a", "--username", "u"), "no file 'a'"),
        (("upload", "--username", "u"), "belongs to a --url"),
        (("upload", "--type", "photo"), "'photo'"),
        (("schedule-download", "--window", "2h", "--url", URL), "is no window"),
        (("schedule-download", "--window", "2h-1h", "--url", URL), "ends before"),
        (
            ("schedule-download", "--window", "1h-3h", "--window", "2h-4h", "--url", URL),
            "before the first one ends",
        ),
        (("cancel-transfer", "k" * 33), "32 characters"),
        (("software", "install=x"), "no URL"),
        (("software", "paint=blue"), "write install=URL"),
    ],
)
def test_a_mistake_is_named_and_makes_no_job(
    house: House, arguments: tuple[str, ...], named: str
) -> None:
    command, *rest = arguments
    ended = house.run("device", command, SERIAL, *rest)
    assert ended.exit_code in (1, 2)
    assert named in ended.output
    assert house.json("device", "jobs", SERIAL)["jobs"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("download", "--url", URL, "--type", "config", "--username", "u"),
        ("upload", "--url", URL, "--username", "u"),
        ("software", f"install={URL}", "--username", "u"),
    ],
)
def test_a_password_is_asked_for_and_shown_nowhere(
    house: House, arguments: tuple[str, ...]
) -> None:
    job = asked(house, *arguments, text="hunter2!\n")
    assert "hunter2!" in str(job.payload)
    for command in (("job", "show", "1"), ("job", "list"), ("device", "jobs", SERIAL)):
        for form in ((), ("--json",)):
            assert "hunter2!" not in house.run(*command, *form).output


def test_a_file_of_the_catalogue_brings_its_type_and_version(house: House) -> None:
    database = house.open()
    file = CatalogueFile("XX230v.bin", FIRMWARE, "0.8.0", 5, "0" * 64, {"model": ("XX230v*",)})
    database.run("test", files.add_thd, file)
    database.dispose()
    job = asked(house, "download", "--file", "XX230v.bin", "--yes")
    assert job.payload == {"file": "XX230v.bin", "file_type": FIRMWARE, "version": "0.8.0"}


@pytest.mark.parametrize("command", ["download", "schedule-download"])
@pytest.mark.parametrize(
    ("known", "said"),
    [({"model": "EX220"}, "has 'EX220'"), ({"software": "0.8.0"}, "runs 0.8.0 already")],
)
def test_a_file_that_does_not_fit_is_refused_before_a_job_is_made(
    house: House, command: str, known: dict[str, str], said: str
) -> None:
    database = house.open()
    file = CatalogueFile("XX230v.bin", FIRMWARE, "0.8.0", 5, "0" * 64, {"model": ("XX230v*",)})
    database.run("test", files.add_thd, file)
    database.dispose()
    house.apply(SaveDevice(1, dict(known)))
    more = ("--window", "1h-2h") if command == "schedule-download" else ()
    arguments = ("device", command, SERIAL, "--file", "XX230v.bin", "--yes", *more)
    ended = house.run(*arguments)
    assert (ended.exit_code, said in ended.stderr) == (1, True)
    assert house.json("job", "list")["jobs"] == []
    forced = "model" not in known
    assert ("--force" in ended.stderr) is forced
    assert (house.run(*arguments, "--force").exit_code == 0) is forced


def test_firmware_is_confirmed(house: House) -> None:
    arguments = ("download", SERIAL, "--url", URL, "--type", "firmware")
    assert house.run("device", *arguments, text="n\n").exit_code == 1
    assert house.json("job", "list")["jobs"] == []
    assert house.run("device", *arguments, text="y\n").exit_code == 0
    assert len(house.json("job", "list")["jobs"]) == 1


def test_vouchers_are_read_from_files(house: House, tmp_path: Path) -> None:
    file = tmp_path / "voucher.xml"
    file.write_bytes(b"<v/>")
    assert asked(house, "vouchers", str(file)).payload == {"vouchers": ["PHYvPg=="]}
    assert "PHYvPg==" not in house.run("job", "show", "1").output


# --- jobs of all devices ----------------------------------------------------------------------


def test_jobs_are_listed_by_state_and_kind(house: House) -> None:
    queued(house, JobKind.REBOOT)
    queued(house, JobKind.DOWNLOAD, JobState.SENT)
    queued(house, JobKind.DOWNLOAD, JobState.FAILED, error="fault 9015")

    def listed(*arguments: str) -> list[int]:
        return [job["id"] for job in house.json("job", "list", *arguments)["jobs"]]

    assert listed() == [3, 2, 1]
    assert listed("--kind", "download") == [3, 2]
    assert listed("--state", "queued", "--state", "sent") == [2, 1]
    assert listed("--limit", "1", "--before", "3") == [2]
    table = house.run("job", "list").stdout
    assert KEY in table
    assert "fault 9015" in table


def test_a_transfer_under_way_says_until_when_it_is_waited_for(house: House) -> None:
    sent = queued(house, JobKind.DOWNLOAD, JobState.SENT, sent_at=SEEN)
    assert "2026-09-21 14:43:20Z" in house.run("job", "show", str(sent)).stdout
    assert house.json("job", "show", str(sent))["waits_until"] == "2026-09-21T14:43:20.000Z"
    told = queued(house, JobKind.DOWNLOAD, JobState.SENT, sent_at=SEEN, completed_at=SEEN + 9)
    other = queued(house, JobKind.REBOOT, JobState.SENT, sent_at=SEEN)
    for job_id in (told, other):
        assert "asked what became" not in house.run("job", "show", str(job_id)).stdout
        assert "waits_until" not in house.json("job", "show", str(job_id))


def test_a_job_is_shown_with_its_tables(house: House) -> None:
    line = {"path": "Device.A", "wanted": "1", "read": "2", "verdict": "mismatch"}
    job_id = queued(house, JobKind.SET, JobState.FAILED, error="Device.A is '2'", proof=[line])
    shown = house.run("job", "show", str(job_id)).stdout
    for part in (KEY, "failed", "Device.A is '2'", "mismatch"):
        assert part in shown
    assert house.json("job", "show", str(job_id))["job"]["result"]["proof"] == [line]


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        ({"names": {"Device.B": True, "Device.A": False}}, ("Device.B", "yes", "no")),
        (
            {"attributes": {"Device.A": {"notification": 2, "access_list": ["Subscriber"]}}},
            ("active", "Subscriber"),
        ),
        ({"methods": ["X_ACME_Dance"]}, ("X_ACME_Dance",)),
        ({"transfers": [{"key": "job-9", "state": "running"}]}, ("job-9", "running")),
        ({"options": [{"name": "VoIP", "state": 1}]}, ("VoIP",)),
        (
            {"results": [{"do": "install", "uuid": UUID, "error": "fault 9026"}]},
            ("install", UUID, "fault 9026"),
        ),
    ],
)
def test_what_came_of_it_is_a_table(
    house: House, result: dict[str, object], parts: tuple[str, ...]
) -> None:
    job_id = queued(house, JobKind.METHODS, JobState.DONE, **result)
    shown = house.run("job", "show", str(job_id)).stdout
    assert [part for part in parts if part not in shown] == []


def test_a_job_that_waits_is_cancelled(house: House) -> None:
    job_id = queued(house, JobKind.REBOOT)
    assert "is cancelled" in house.run("job", "cancel", str(job_id)).stdout
    job = house.job(job_id)
    assert job.state is JobState.CANCELLED
    assert job.finished_at > 0
    again = house.run("job", "cancel", str(job_id))
    assert (again.exit_code, "is over: it is cancelled" in again.stderr) == (1, True)


def test_a_transfer_under_way_is_cancelled_by_the_device(house: House) -> None:
    job_id = queued(house, JobKind.DOWNLOAD, JobState.SENT)
    ended = house.run("job", "cancel", str(job_id))
    assert ended.exit_code == 0
    asked_for = house.job(job_id + 1)
    assert (asked_for.kind, asked_for.payload) == (JobKind.CANCEL_TRANSFER, {"job": job_id})
    assert house.job(job_id).state is JobState.SENT


def test_what_was_sent_cannot_be_taken_back(house: House) -> None:
    job_id = queued(house, JobKind.REBOOT, JobState.SENT)
    ended = house.run("job", "cancel", str(job_id))
    assert ended.exit_code == 1
    assert "cannot take it back" in ended.stderr
    assert house.job(job_id).state is JobState.SENT


@pytest.mark.parametrize("command", ["show", "cancel"])
def test_a_job_that_is_not_there(house: House, command: str) -> None:
    ended = house.run("job", command, "99")
    assert ended.exit_code == 1
    assert "there is no job 99" in ended.stderr


def test_what_was_sent_does_not_expire(house: House) -> None:
    database = house.open()
    late = Job(0, 1, JobKind.DOWNLOAD, created_by="a test", expires_at=1.0)
    sent, waiting = (database.run("test", jobs.enqueue_thd, late) for _ in range(2))
    database.dispose()
    house.apply(SaveJob(sent, JobState.SENT, 1.0, 1, {}))
    house.call()
    assert (house.job(sent).state, house.job(waiting).state) == (JobState.SENT, JobState.EXPIRED)
