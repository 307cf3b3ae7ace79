"""How jobs end and wait beside one another: faults they leave open, firmware, received files."""

from __future__ import annotations

from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import BOOT, call, done, report, the_job

from acs.devices.effects import AddTimeline
from acs.devices.files import Offer, ReceivedFile, without_links
from acs.devices.record import Job, JobKind, JobState
from acs.files.links import Links, Purpose, Ticket
from acs.model import (
    Command,
    CommandName,
    Download,
    Event,
    EventKind,
    Fault,
    ListTransfers,
    Notice,
    Operation,
    ParameterFault,
    ScheduleDownload,
    Secret,
    Set,
    Started,
    TransferStarted,
    Upload,
    Value,
)

FIRMWARE = "1 Firmware Upgrade Image"
CONFIG = "3 Vendor Configuration File"
URL = "http://files.example.net/image.bin"
TRANSFER_COMPLETE = Event(EventKind.TRANSFER_COMPLETE, "", "7 TRANSFER COMPLETE")
NAME = "Device.DeviceInfo.ProvisioningCode"


def set_up(*jobs: Job) -> tuple[MemoryHouse, MemoryDevice]:
    """A device that was seen before and takes everything."""
    house, device = MemoryHouse(), MemoryDevice({NAME: Value("")})
    call(house, device)
    house.jobs = list(jobs)
    house.answer = Offer(
        "http://acs.example/put/1/7/9/s/config.bin", "u", Secret("p"), 0, "", CONFIG
    )
    device.answers[Download] = TransferStarted()
    device.answers[Upload] = TransferStarted()
    device.answers[ScheduleDownload] = Started()
    device.answers[Command] = Started()
    return house, device


def firmware(job_id: int = 5, **more: object) -> Job:
    return Job(job_id, 1, JobKind.DOWNLOAD, {"file_type": FIRMWARE, "url": URL, **more})


def restarts(device: MemoryDevice) -> list[CommandName]:
    return [each.name for each in device.operations if isinstance(each, Command)]


# --- a restart waits for firmware -----------------------------------------------------------


@pytest.mark.parametrize("kind", [JobKind.REBOOT, JobKind.FACTORY_RESET])
def test_a_restart_waits_until_firmware_is_written(kind: JobKind) -> None:
    house, device = set_up(firmware(), Job(7, 1, kind))
    for _ in range(3):
        call(house, device)
        assert restarts(device) == []
        assert the_job(house).state is JobState.QUEUED
    assert the_job(house).result["text"] == "waits for the end of download (job 5)"
    told = [line for line in house.timeline if "waits for the end" in line]
    assert told == [f"job: {kind} (job 7) waits for the end of download (job 5)"]
    call(house, device, BOOT, done("job-5"), notices=[report("job-5")], software="2.0")
    assert the_job(house, 5).state is JobState.DONE
    assert len(restarts(device)) == 1
    assert the_job(house).state is JobState.SENT


def test_it_waits_for_the_restart_that_follows_a_report_too() -> None:
    house, device = set_up(firmware(), Job(7, 1, JobKind.REBOOT))
    call(house, device)
    call(house, device, TRANSFER_COMPLETE, notices=[report("job-5")])
    assert restarts(device) == []
    call(house, device, after=1000)
    assert restarts(device) == [CommandName.REBOOT]


def test_firmware_that_failed_holds_nothing_up() -> None:
    house, device = set_up(firmware(), Job(7, 1, JobKind.REBOOT))
    call(house, device)
    call(house, device, TRANSFER_COMPLETE, notices=[report("job-5", 9015)])
    assert restarts(device) == [CommandName.REBOOT]


@pytest.mark.parametrize(
    "before",
    [
        Job(5, 1, JobKind.DOWNLOAD, {"file_type": CONFIG, "url": URL}),
        firmware(delay=3600),
        Job(
            5,
            1,
            JobKind.SCHEDULE_DOWNLOAD,
            {"file_type": FIRMWARE, "url": URL, "windows": [{"start": 7200, "end": 9000}]},
        ),
    ],
    ids=["a configuration", "firmware in an hour", "firmware in a window to come"],
)
def test_what_writes_no_firmware_now_holds_nothing_up(before: Job) -> None:
    house, device = set_up(before, Job(7, 1, JobKind.REBOOT))
    call(house, device)
    assert the_job(house, 5).state is JobState.SENT
    assert restarts(device) == [CommandName.REBOOT]


def test_a_window_that_has_begun_holds_a_restart_up() -> None:
    windows = [{"start": 600, "end": 9000}]
    payload = {"file_type": FIRMWARE, "url": URL, "windows": windows}
    house, device = set_up(Job(5, 1, JobKind.SCHEDULE_DOWNLOAD, payload))
    call(house, device)
    house.jobs.append(Job(7, 1, JobKind.REBOOT))
    call(house, device, after=601)
    assert restarts(device) == []


# --- a file that came ------------------------------------------------------------------------


def came(house: MemoryHouse, at: float) -> None:
    house.sent_here[7] = ReceivedFile(1, 1, 7, CONFIG, 4711, "0" * 64, "f", at)


def test_an_upload_that_came_is_done_though_nothing_is_reported() -> None:
    house, device = set_up(Job(7, 1, JobKind.UPLOAD, {"file_type": CONFIG}))
    call(house, device)
    came(house, house.time + 10)
    call(house, device)
    job = the_job(house)
    assert (job.state, job.result["text"]) == (
        JobState.DONE,
        "no report came, but 4711 octets did: acs file get 1",
    )
    assert ListTransfers not in map(type, device.operations)


@pytest.mark.parametrize("when", ["it is not there", "reported now", "came within the session"])
def test_an_upload_waits_while_its_report_may_follow(when: str) -> None:
    house, device = set_up(Job(7, 1, JobKind.UPLOAD, {"file_type": CONFIG}))
    call(house, device)
    if when != "it is not there":
        came(house, house.time + (1000 if when == "came within the session" else 10))
    call(house, device, *([TRANSFER_COMPLETE] if when == "reported now" else []))
    assert the_job(house).state is JobState.SENT


@pytest.mark.parametrize(
    ("kind", "file_type", "said"),
    [
        (JobKind.DOWNLOAD, CONFIG, True),
        (JobKind.DOWNLOAD, FIRMWARE, False),
        (JobKind.UPLOAD, CONFIG, False),
    ],
    ids=["a configuration", "firmware, judged by what runs", "an upload, which did not come"],
)
def test_of_a_download_that_is_not_reported_it_is_said_what_is_not_known(
    kind: JobKind, file_type: str, said: bool
) -> None:
    house, device = set_up(Job(7, 1, kind, {"file_type": file_type, "url": URL}))
    device.answers[ListTransfers] = Fault(9000, "Method not supported")
    call(house, device)
    call(house, device, after=7200)
    job = the_job(house)
    assert job.state is JobState.FAILED
    assert "no report came within" in str(job.result["error"])
    assert ("whether the file arrived is not known" in str(job.result["error"])) is said


# --- what is refused -------------------------------------------------------------------------


def refuse_writes(device: MemoryDevice, fault: Fault) -> None:
    plain = device.perform

    def perform(operation: Operation) -> Any:
        return fault if isinstance(operation, Set) else plain(operation)

    device.perform = perform  # type: ignore[method-assign]


def test_a_refused_job_is_an_open_fault_until_one_of_its_kind_is_done() -> None:
    change = {"path": NAME, "value": "x", "type": "string"}
    house, device = set_up(*(Job(n, 1, JobKind.SET, {"changes": [change]}) for n in (5, 6)))
    refusal = Fault(9003, "Invalid arguments", (ParameterFault(NAME, 9007, "too long"),))
    writable = device.perform
    refuse_writes(device, refusal)
    call(house, device)
    faults = [(f.subject, f.code, f.parameters) for f in house.faults]
    assert faults == [("set job", 9003, (f"{NAME}: 9007 too long",))] * 2
    assert house.faults[0].text.startswith("job 5: fault 9003 (Invalid arguments)")
    assert house.cleared == []
    device.perform = writable  # type: ignore[method-assign]
    house.jobs.append(Job(7, 1, JobKind.SET, {"changes": [change]}))
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert house.cleared == ["set job"]


def test_a_job_that_failed_by_itself_is_no_fault_of_the_device() -> None:
    house, device = set_up(Job(7, 1, JobKind.DOWNLOAD, {"url": URL}))
    call(house, device)
    assert the_job(house).state is JobState.FAILED
    assert house.faults == []


def test_a_secret_that_a_refusal_quotes_is_masked() -> None:
    change = {"path": NAME, "value": "hunter2", "type": "string", "secret": True}
    house, device = set_up(Job(7, 1, JobKind.SET, {"changes": [change]}))
    refused = (ParameterFault(NAME, 9007, "no 'hunter2' here"),)
    refuse_writes(device, Fault(9003, "Invalid arguments: hunter2", refused))
    call(house, device)
    assert "hunter2" not in repr((the_job(house).result, house.faults, house.timeline))


# --- addresses that are permissions ---------------------------------------------------------

LINK = "http://acs.example:7548" + Links(b"k" * 16).path(
    Ticket(Purpose.GET, 17, 301, 1790003600, "XX230v_1.2.bin")
)
SIGNATURE = LINK.split("/")[-2]


@pytest.mark.parametrize(
    "quoted", [LINK, LINK.replace("/", "%2F"), LINK[:-30], f"<{LINK}>", LINK.upper()]
)
def test_the_signature_of_our_addresses_is_masked(quoted: str) -> None:
    told = without_links(f"cannot GET {quoted}: 404 (try {quoted} again)")
    assert SIGNATURE[:12].lower() not in told.lower()
    assert "1790003600" in told
    assert told.count("***") == 2


@pytest.mark.parametrize("text", ["", "get/1/2", "/get/a/b/c/d", "GET /put/it/away", URL])
def test_other_texts_stay(text: str) -> None:
    assert without_links(text) == text


def test_a_report_that_quotes_our_address_gives_it_to_nobody() -> None:
    house, device = set_up(Job(7, 1, JobKind.DOWNLOAD, {"file_type": CONFIG, "url": URL}))
    call(house, device)
    detail = {"StartTime": "", "CompleteTime": "", "TransferURL": LINK}
    notice = Notice(
        EventKind.TRANSFER_COMPLETE, "job-7", Fault(9016, f"HTTP 403 for {LINK}"), detail
    )
    call(house, device, TRANSFER_COMPLETE, notices=[notice])
    kept = [e.entry for e in house.effects if isinstance(e, AddTimeline)]
    told = repr((the_job(house).result, house.faults, kept))
    assert SIGNATURE not in told
    assert "HTTP 403 for http://acs.example:7548/get/17/301/1790003600/***" in told
