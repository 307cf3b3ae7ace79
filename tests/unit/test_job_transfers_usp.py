"""Files and firmware over USP: OperationComplete, TransferComplete! and Boot! in whatever order."""

from __future__ import annotations

from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import BOOT, call, the_job

from acs.devices.files import Offer
from acs.devices.house import Policy
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    NO_SECRET,
    CancelTransfer,
    Download,
    EventKind,
    Fault,
    ListTransfers,
    Notice,
    Operate,
    Operated,
    SessionLost,
    Started,
    Transfers,
    TransferStarted,
    Upload,
    Value,
)

FIRMWARE = "1 Firmware Upgrade Image"
CONFIG = "3 Vendor Configuration File"
URL = "http://files.example.net/image.bin"
SOFTWARE = "Device.DeviceInfo.SoftwareVersion"
IMAGES = "Device.DeviceInfo.FirmwareImage."
ACTIVE = "Device.DeviceInfo.ActiveFirmwareImage"
TIMES = {"StartTime": "2026-05-01T10:00:00Z", "CompleteTime": "2026-05-01T10:01:00Z"}


def download(file_type: str = FIRMWARE, **more: object) -> Job:
    return Job(7, 1, JobKind.DOWNLOAD, {"file_type": file_type, "url": URL, **more})


def set_up(job: Job) -> Any:
    """A device with two firmware images, of which the first one runs."""
    tree = {
        SOFTWARE: "1.0",
        ACTIVE: f"{IMAGES}1",
        f"{IMAGES}1.Version": "1.0",
        f"{IMAGES}1.Available": True,
        f"{IMAGES}2.Version": "2.0",
        f"{IMAGES}2.Available": True,
    }
    house, device = MemoryHouse(), MemoryDevice(tree, usp=True)
    call(house, device)
    device.answers[Download] = device.answers[Upload] = TransferStarted()
    device.answers[Operate] = Operated(request="Device.LocalAgent.Request.1.")
    device.answers[ListTransfers] = Transfers(())
    house.jobs = [job]
    return house, device


def operation_complete(fault: Fault | None = None, key: str = "job-7") -> Notice:
    detail = {"Command": f"{IMAGES}2.Download()"}
    return Notice(EventKind.TRANSFER_COMPLETE, key, fault, detail)


def transfer_complete(fault: Fault | None = None) -> Notice:
    detail = {"CommandKey": "job-7", "TransferURL": URL, "FaultCode": "0", **TIMES}
    return Notice(EventKind.TRANSFER_COMPLETE, "job-7", fault, detail)


def runs(device: MemoryDevice, version: str) -> None:
    device.values[SOFTWARE] = Value(version)


def orders(device: MemoryDevice) -> int:
    return sum(isinstance(each, Download | Operate) for each in device.asked)


# --- what goes out ----------------------------------------------------------------------------


def test_what_a_download_carries() -> None:
    house, device = set_up(download(activate="later", image=2))
    call(house, device)
    (asked,) = device.asked
    assert isinstance(asked, Download)
    assert (asked.key, asked.activate, asked.image) == ("job-7", False, f"{IMAGES}2.")


def test_a_file_of_the_catalogue_goes_with_its_digest() -> None:
    house, device = set_up(Job(7, 1, JobKind.DOWNLOAD, {"file": "a.bin"}))
    house.answer = Offer(URL, "", NO_SECRET, 9, "", FIRMWARE, "ab" * 32)
    call(house, device)
    (asked,) = device.asked
    assert isinstance(asked, Download)
    assert (asked.activate, asked.image, asked.sha256) == (True, "", "ab" * 32)


@pytest.mark.parametrize(
    ("usp", "more", "named"),
    [
        (True, {"delay": 60}, "leave the delay out"),
        (False, {"activate": "later"}, "only a device that speaks USP"),
        (True, {"activate": "never"}, "activate is none of auto, later"),
        (True, {"image": "two"}, "image is not a whole number"),
    ],
)
def test_what_a_device_cannot_do_is_not_sent(
    usp: bool, more: dict[str, object], named: str
) -> None:
    house, device = set_up(download(**more))
    device.usp = usp
    call(house, device)
    assert named in str(the_job(house).result["error"])
    assert device.asked == []


# --- firmware: every order of the three reports -----------------------------------------------

REPORTS = ("operation", "transfer", "boot")


def happens(house: MemoryHouse, device: MemoryDevice, what: str, software: str) -> None:
    """Let one of the reports come, in a contact of its own."""
    match what:
        case "operation":
            call(house, device, notices=[operation_complete()], software=software)
        case "transfer":
            call(house, device, notices=[transfer_complete()], software=software)
        case _:
            call(house, device, BOOT, software=software)


@pytest.mark.parametrize("order", list(permutations(REPORTS)), ids="-".join)
@pytest.mark.parametrize("version", ["", "2.0"])
@pytest.mark.parametrize("told", [True, False], ids=["boot tells version", "boot tells nothing"])
def test_firmware_is_done_in_any_order(order: tuple[str, ...], version: str, told: bool) -> None:
    house, device = set_up(download(version=version))
    call(house, device)
    booted, asked = False, orders(device)
    for what in order:
        if what == "boot":
            booted = True
            runs(device, "2.0")
        elif not booted:
            assert the_job(house).state is JobState.SENT
        happens(house, device, what, "2.0" if booted and told else "1.0")
        asked += orders(device)
    job = the_job(house)
    assert job.state is JobState.DONE
    assert job.result["software_after"] == "2.0"
    assert job.result["text"] == "1.0 → 2.0"
    assert asked == 1


@pytest.mark.parametrize("order", [("operation", "boot"), ("boot", "operation")], ids="-".join)
def test_firmware_that_does_not_run_as_wanted_has_failed(order: tuple[str, ...]) -> None:
    house, device = set_up(download(version="3.0"))
    call(house, device)
    for what in order:
        assert the_job(house).state is JobState.SENT
        runs(device, "2.0" if what == "boot" else device[SOFTWARE])
        happens(house, device, what, device[SOFTWARE])
    assert the_job(house).state is JobState.FAILED
    assert "runs 2.0, not 3.0" in str(the_job(house).result["error"])


@pytest.mark.parametrize("order", [("operation", "boot"), ("boot", "operation")], ids="-".join)
def test_firmware_that_was_there_already_is_told_to_be(order: tuple[str, ...]) -> None:
    house, device = set_up(download())
    call(house, device)
    for what in order:
        happens(house, device, what, "1.0")
    assert the_job(house).result["text"] == "it runs 1.0 as before"


def test_all_reports_in_one_contact_are_one_end() -> None:
    house, device = set_up(download(version="2.0"))
    call(house, device)
    runs(device, "2.0")
    notices = [transfer_complete(), operation_complete(), operation_complete()]
    call(house, device, BOOT, notices=notices, software="1.0")
    assert the_job(house).state is JobState.DONE
    assert sum("download (job 7) done" in line for line in house.timeline) == 1
    assert not any("no open job waits" in line for line in house.timeline)


def test_times_of_transfer_complete_stay_when_the_other_report_has_none() -> None:
    house, device = set_up(download())
    call(house, device)
    call(house, device, notices=[transfer_complete()])
    call(house, device, notices=[operation_complete()])
    result = the_job(house).result
    assert (result["start"], result["complete"]) == (TIMES["StartTime"], TIMES["CompleteTime"])


@pytest.mark.parametrize("first", [operation_complete(), transfer_complete()], ids=["O", "T"])
def test_a_failure_after_a_success_is_a_failure(first: Notice) -> None:
    house, device = set_up(download())
    call(house, device)
    call(house, device, notices=[first])
    call(house, device, notices=[operation_complete(Fault(7225, "validation failed"))])
    assert the_job(house).state is JobState.FAILED
    assert "7225" in str(the_job(house).result["error"])


@pytest.mark.parametrize("lost_after", range(8))
def test_a_session_lost_anywhere_sends_nothing_twice(lost_after: int) -> None:
    house, device = set_up(download())
    device.silent_at = lost_after
    with suppress(SessionLost):
        call(house, device)
    sent = orders(device)
    device.silent_at = None
    for _ in range(2):
        call(house, device)
        sent += orders(device)
    assert sent == 1
    call(house, device, notices=[operation_complete()])
    runs(device, "2.0")
    call(house, device, BOOT)
    assert the_job(house).state is JobState.DONE


def test_a_controller_that_starts_anew_goes_on() -> None:
    house, device = set_up(download())
    call(house, device)
    reborn = MemoryHouse()
    reborn.device, reborn.jobs, reborn.time = house.device, house.jobs, house.time
    runs(device, "2.0")
    call(reborn, device, BOOT)
    assert orders(device) == 0
    assert the_job(reborn).state is JobState.DONE


def test_firmware_whose_reports_are_all_lost_is_known_by_what_runs() -> None:
    house, device = set_up(download())
    call(house, device)
    call(house, device, after=Policy().transfer_timeout + 1, software="2.0")
    assert the_job(house).result["text"] == "no report came, but it runs 2.0 now"


# --- stored, and run later --------------------------------------------------------------------


def test_firmware_that_is_only_stored_is_done_with_its_report() -> None:
    house, device = set_up(download(activate="later"))
    call(house, device)
    call(house, device, notices=[operation_complete()])
    assert the_job(house).state is JobState.DONE
    assert the_job(house).result["text"] == "stored; it runs after: acs device activate"


def activate(**payload: object) -> Any:
    return set_up(Job(7, 1, JobKind.ACTIVATE, payload))


ACTIVATE = f"{IMAGES}2.Activate()"


@pytest.mark.parametrize(
    "payload", [{}, {"image": 2}, {"version": "2.0"}], ids=["the only one", "number", "version"]
)
def test_the_image_that_is_meant_is_found(payload: dict[str, object]) -> None:
    house, device = activate(**payload)
    call(house, device)
    assert device.asked == [Operate(ACTIVATE, "job-7", {})]
    assert the_job(house).state is JobState.SENT


def test_windows_are_arguments() -> None:
    window = {"start": 60, "end": 90, "mode": "3 When Idle", "message": "m", "max_retries": 2}
    house, device = activate(windows=[window, {"start": 90, "end": 120}])
    call(house, device)
    (asked,) = device.asked
    assert isinstance(asked, Operate)
    assert asked.arguments == {
        "TimeWindow.1.Start": "60",
        "TimeWindow.1.End": "90",
        "TimeWindow.1.Mode": "WhenIdle",
        "TimeWindow.1.UserMessage": "m",
        "TimeWindow.1.MaxRetries": "2",
        "TimeWindow.2.Start": "90",
        "TimeWindow.2.End": "120",
        "TimeWindow.2.Mode": "AnyTime",
    }


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"version": "3.0"}, "which image is not clear; the device shows 1: 1.0, 2: 2.0"),
        ({"windows": [{"start": 5, "end": 5}]}, "ends before it starts"),
        ({"windows": [{"start": n, "end": n + 1} for n in range(6)]}, "one to five windows"),
    ],
)
def test_an_image_that_is_not_clear_is_not_run(payload: dict[str, object], named: str) -> None:
    house, device = activate(**payload)
    call(house, device)
    assert named in str(the_job(house).result["error"])
    assert device.asked == []


def test_an_image_that_runs_is_left_alone() -> None:
    house, device = activate(image=1)
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert device.asked == []


@pytest.mark.parametrize("order", [("operation", "boot"), ("boot", "operation")], ids="-".join)
def test_an_image_is_activated_when_it_runs(order: tuple[str, ...]) -> None:
    house, device = activate(version="2.0")
    call(house, device)
    report = Notice(EventKind.OPERATION_COMPLETE, "job-7", None, {"Command": ACTIVATE})
    for what in order:
        if what == "boot":
            runs(device, "2.0")
            call(house, device, BOOT, software="1.0")
        else:
            call(house, device, notices=[report], software=device[SOFTWARE])
    assert the_job(house).state is JobState.DONE
    assert the_job(house).result["text"] == "1.0 → 2.0"


def test_an_image_that_the_device_refuses_has_failed() -> None:
    house, device = activate()
    call(house, device)
    fault = Fault(7226, "activation failed")
    call(house, device, notices=[Notice(EventKind.OPERATION_COMPLETE, "job-7", fault)])
    assert the_job(house).state is JobState.FAILED
    assert the_job(house).result["code"] == 7226


def test_an_activation_that_is_never_reported_fails_in_the_end() -> None:
    house, device = activate()
    call(house, device)
    call(house, device, after=Policy().transfer_timeout - 1)
    assert the_job(house).state is JobState.SENT
    call(house, device, after=2)
    assert "the device runs it no more" in str(the_job(house).result["error"])


def test_a_device_that_speaks_cwmp_activates_nothing() -> None:
    house, device = activate()
    device.usp = False
    call(house, device)
    assert "only a device that speaks USP" in str(the_job(house).result["error"])


# --- given up ---------------------------------------------------------------------------------


def test_a_transfer_that_was_cancelled_is_cancelled_whoever_tells_it_first() -> None:
    for canceled_first in (True, False):
        house, device = set_up(download(CONFIG))
        call(house, device)
        report = operation_complete(Fault(7023, "Command Canceled"))
        house.jobs.append(Job(8, 1, JobKind.CANCEL_TRANSFER, {"job": 7}))
        device.answers[CancelTransfer] = Started()
        call(house, device, notices=[report] if canceled_first else [])
        call(house, device, notices=[report])
        assert the_job(house).state is JobState.CANCELLED
        assert the_job(house, 8).state is JobState.DONE
