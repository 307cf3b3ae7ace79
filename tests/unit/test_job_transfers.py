"""Transfers: followed to their honest end, by whichever way the device tells it, or does not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from hypothesis import given
from hypothesis import strategies as st
from jobs_in_memory import BOOT, call, done, report, the_job

from acs.devices.files import Offer, Refused
from acs.devices.house import Policy
from acs.devices.jobs.transfers import asked_after
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    CancelTransfer,
    Download,
    Event,
    EventKind,
    Fault,
    ListTransfers,
    Notice,
    QueuedTransfer,
    ScheduleDownload,
    Secret,
    SessionLost,
    Started,
    TimeWindow,
    Transfers,
    TransferStarted,
    Upload,
)

FIRMWARE = "1 Firmware Upgrade Image"
CONFIG = "3 Vendor Configuration File"
URL = "http://files.example.net/image.bin"
TIMEOUT = Policy().transfer_timeout
TRANSFER_COMPLETE = Event(EventKind.TRANSFER_COMPLETE, "", "7 TRANSFER COMPLETE")


def download(job_id: int = 7, file_type: str = CONFIG, **more: object) -> Job:
    return Job(job_id, 1, JobKind.DOWNLOAD, {"file_type": file_type, "url": URL, **more})


def set_up(*jobs: Job, **answers: object) -> tuple[MemoryHouse, MemoryDevice]:
    """A device that was seen before; ``answers`` by the name of the procedure."""
    house, device = MemoryHouse(), MemoryDevice({})
    call(house, device)
    house.jobs = list(jobs)
    device.answers[Download] = TransferStarted()
    device.answers[Upload] = TransferStarted()
    device.answers[ScheduleDownload] = Started()
    device.answers[CancelTransfer] = Started()
    return house, device


def state(house: MemoryHouse, job_id: int = 7) -> JobState:
    return the_job(house, job_id).state


def text(house: MemoryHouse, name: str = "error", job_id: int = 7) -> str:
    return str(the_job(house, job_id).result[name])


# --- what goes out --------------------------------------------------------------------------


def test_what_a_download_carries() -> None:
    wanted = download(username="u", password="p", size=9, target="a.bin", delay=5)
    house, device = set_up(wanted)
    call(house, device)
    sent = Download("job-7", CONFIG, URL, "u", Secret("p"), 9, "a.bin", 5)
    assert device.asked == [sent]
    assert state(house) is JobState.SENT
    assert "p" not in str(the_job(house).result.get("password", ""))


@pytest.mark.parametrize(
    ("more", "seconds"),
    [({}, 1800), ({"delay": 60}, 1860), ({"timeout": 90}, 90)],
)
def test_a_device_is_asked_so_long_after_its_transfer(
    more: dict[str, object], seconds: float
) -> None:
    house, device = set_up(download(**more))
    assert asked_after(the_job(house), TIMEOUT) == 0, "it is not under way"
    call(house, device)
    sent_at = the_job(house).result["sent_at"]
    assert isinstance(sent_at, float)
    assert asked_after(the_job(house), TIMEOUT) == sent_at + seconds


def test_a_file_of_the_catalogue_is_offered_by_the_house() -> None:
    job = Job(7, 1, JobKind.DOWNLOAD, {"file": "ex220-1.2"})
    house, device = set_up(job)
    house.answer = Offer("https://acs/f/1", "job", Secret("s3"), 12, "i.bin", FIRMWARE)
    call(house, device)
    assert device.asked == [
        Download("job-7", FIRMWARE, "https://acs/f/1", "job", Secret("s3"), 12, "i.bin", 0)
    ]


def test_a_file_that_does_not_fit_is_not_sent() -> None:
    house, device = set_up(Job(7, 1, JobKind.DOWNLOAD, {"file": "ex220-1.2"}))
    house.answer = Refused("ex220-1.2 is for an EX220, this is an XX230v")
    call(house, device)
    assert state(house) is JobState.FAILED
    assert text(house) == "ex220-1.2 is for an EX220, this is an XX230v"
    assert device.asked == []


def test_an_upload_without_a_place_gets_one_of_the_house() -> None:
    house, device = set_up(Job(7, 1, JobKind.UPLOAD, {"file_type": "2 Vendor Log File"}))
    house.answer = Offer("https://acs/u/1", "u1", Secret("s"), 0, "", "2 Vendor Log File")
    call(house, device)
    sent = Upload("job-7", "2 Vendor Log File", "https://acs/u/1", "u1", Secret("s"), 0)
    assert device.asked == [sent]


def test_what_a_scheduled_download_carries() -> None:
    windows = [{"start": 0, "end": 60}, {"start": 600, "end": 900, "mode": "3 When Idle"}]
    job = Job(
        7, 1, JobKind.SCHEDULE_DOWNLOAD, {"file_type": CONFIG, "url": URL, "windows": windows}
    )
    house, device = set_up(job)
    call(house, device)
    made = (TimeWindow(0, 60), TimeWindow(600, 900, "3 When Idle"))
    assert device.asked == [ScheduleDownload("job-7", CONFIG, URL, made)]
    assert state(house) is JobState.SENT


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"file_type": CONFIG}, "neither url nor file"),
        ({"url": URL}, "file_type"),
        ({"url": "http://u:p@h/x", "file_type": CONFIG}, "user name"),
        ({"url": "image.bin", "file_type": CONFIG}, "url"),
        ({"url": URL + "x" * 256, "file_type": CONFIG}, "longer than 256"),
        ({"url": URL, "file_type": CONFIG, "delay": -1}, "delay"),
        ({"url": URL, "file_type": CONFIG, "size": "big"}, "size"),
    ],
)
def test_a_job_that_makes_no_sense_is_not_sent(payload: dict[str, object], named: str) -> None:
    house, device = set_up(Job(7, 1, JobKind.DOWNLOAD, payload))
    call(house, device)
    assert state(house) is JobState.FAILED
    assert named in text(house)
    assert device.asked == []


@pytest.mark.parametrize(
    "windows",
    [None, [], [{"start": 5, "end": 5}], [{"start": 0, "end": 9}, {"start": 8, "end": 20}], ["x"]],
)
def test_windows_that_make_no_sense_are_not_sent(windows: object) -> None:
    payload = {"url": URL, "file_type": CONFIG, "windows": windows}
    house, device = set_up(Job(7, 1, JobKind.SCHEDULE_DOWNLOAD, payload))
    call(house, device)
    assert state(house) is JobState.FAILED
    assert device.asked == []


def test_it_is_marked_as_sent_before_it_goes_out() -> None:
    house, device = set_up(download())
    seen: list[JobState] = []

    def watched(_operation: object) -> TransferStarted:
        seen.append(state(house))
        return TransferStarted()

    device.answers[Download] = watched
    call(house, device)
    assert seen == [JobState.SENT]


def test_it_is_sent_once_only() -> None:
    house, device = set_up(download())
    for _ in range(3):
        call(house, device)
    assert device.asked == []
    assert state(house) is JobState.SENT


# --- how it ends ------------------------------------------------------------------------------


def test_status_0_is_done_at_once() -> None:
    house, device = set_up(download())
    device.answers[Download] = TransferStarted(True, "2026-05-01T10:00:00Z", "")
    call(house, device)
    assert state(house) is JobState.DONE
    assert the_job(house).result["start"] == "2026-05-01T10:00:00Z"


def test_a_refusal_fails_and_quotes_no_secret() -> None:
    house, device = set_up(download(password="hunter2"))
    device.answers[Download] = Fault(9003, f"cannot take hunter2 for {URL}")
    call(house, device)
    assert state(house) is JobState.FAILED
    assert text(house) == "fault 9003 (cannot take *** for ***)"


def test_a_device_that_does_not_know_the_method_is_told_of() -> None:
    house, device = set_up(download())
    del device.answers[Download]
    call(house, device)
    assert text(house) == "the device does not know this method (fault 9000)"


def test_reported_in_a_later_session() -> None:
    house, device = set_up(download())
    call(house, device)
    call(house, device, TRANSFER_COMPLETE, done("job-7"), notices=[report("job-7")])
    assert state(house) is JobState.DONE
    assert text(house, "complete") == "2026-05-01T10:01:00Z"
    assert device.asked == []


def test_reported_in_the_same_session_after_our_last_word() -> None:
    house, device = set_up(download())
    call(house, device, late=[report("job-7")])
    assert state(house) is JobState.DONE


@pytest.mark.parametrize("code", [9001, 9010, 9012, 9014, 9015, 9016, 9017, 9018, 9019, 9020])
def test_a_failure_is_told_with_its_code(code: int) -> None:
    house, device = set_up(download())
    call(house, device)
    call(house, device, TRANSFER_COMPLETE, notices=[report("job-7", code, "File transfer failure")])
    assert state(house) is JobState.FAILED
    assert the_job(house).result["code"] == code
    assert "File transfer failure" in text(house)


def test_a_report_that_comes_twice_counts_once() -> None:
    house, device = set_up(download())
    call(house, device)
    call(house, device, notices=[report("job-7"), report("job-7", 9010)], late=[report("job-7")])
    assert state(house) is JobState.DONE
    call(house, device, notices=[report("job-7", 9018)])
    assert state(house) is JobState.DONE
    assert "job: no open job waits for transfer complete job-7" in house.timeline


def test_a_report_of_an_unknown_key_touches_no_job() -> None:
    house, device = set_up(download())
    call(house, device)
    call(house, device, notices=[report("job-8")])
    assert state(house) is JobState.SENT
    assert "job: no open job waits for transfer complete job-8" in house.timeline


def test_the_timeline_says_which_file_a_device_asks_for() -> None:
    house, device = set_up()
    call(house, device, notices=[Notice(EventKind.REQUEST_DOWNLOAD, detail={"FileType": CONFIG})])
    assert f"request download: request download {CONFIG}" in house.timeline


def test_a_report_without_a_key_takes_that_of_the_event() -> None:
    house, device = set_up(download(7), download(8))
    call(house, device)
    call(house, device, done("job-8"), TRANSFER_COMPLETE, notices=[report("")])
    assert (state(house, 7), state(house, 8)) == (JobState.SENT, JobState.DONE)


def test_a_report_without_any_key_means_the_only_transfer() -> None:
    house, device = set_up(download(7), Job(8, 1, JobKind.METHODS))
    call(house, device)
    call(house, device, TRANSFER_COMPLETE, notices=[report("")])
    assert state(house) is JobState.DONE


@pytest.mark.parametrize("events", [(), (done("job-7"), done("job-8")), (done("of others"),)])
def test_a_report_that_could_mean_two_means_none(events: tuple[Event, ...]) -> None:
    house, device = set_up(download(7), download(8))
    call(house, device)
    call(house, device, *events, notices=[report("")])
    assert (state(house, 7), state(house, 8)) == (JobState.SENT, JobState.SENT)


def test_the_event_of_another_server_claims_no_transfer_of_ours() -> None:
    house, device = set_up(download())
    call(house, device)
    call(house, device, done("of others"), TRANSFER_COMPLETE, notices=[report("")])
    assert state(house) is JobState.SENT


@given(st.permutations([5, 6, 7, 8]), st.sets(st.sampled_from([5, 6, 7, 8])), st.data())
def test_reports_in_any_order_over_any_sessions_find_their_jobs(
    order: list[int], bad: set[int], data: st.DataObject
) -> None:
    house, device = set_up(*(download(n) for n in (5, 6, 7, 8)))
    call(house, device)
    told = [report(f"job-{n}", 9010 if n in bad else 0) for n in order]
    while told:
        count = data.draw(st.integers(1, len(told)))
        repeated = data.draw(st.booleans())
        call(house, device, TRANSFER_COMPLETE, notices=told[:count] * (1 + repeated))
        told = told[count:]
    ended = {n: state(house, n) for n in order}
    assert ended == {n: JobState.FAILED if n in bad else JobState.DONE for n in order}


def test_what_a_device_fetched_on_its_own_is_told_and_touches_no_job() -> None:
    house, device = set_up(download())
    call(house, device)
    detail = {"FileType": FIRMWARE, "IsDownload": "True", "TargetFileName": "up.bin"}
    notice = Notice(EventKind.AUTONOMOUS_TRANSFER_COMPLETE, "", Fault(0), detail)
    call(house, device, notices=[notice])
    assert state(house) is JobState.SENT
    assert "software: fetched firmware on its own: up.bin" in house.timeline


# --- firmware ---------------------------------------------------------------------------------


def test_firmware_is_done_when_it_runs() -> None:
    house, device = set_up(download(file_type=FIRMWARE))
    call(house, device)
    events = (BOOT, TRANSFER_COMPLETE, done("job-7"))
    call(house, device, *events, notices=[report("job-7")], software="2.0")
    assert state(house) is JobState.DONE
    result = the_job(house).result
    assert (result["software_before"], result["software_after"]) == ("1.0", "2.0")
    assert result["text"] == "1.0 → 2.0"


def test_firmware_that_is_reported_before_the_restart_waits_for_it() -> None:
    house, device = set_up(download(file_type=FIRMWARE))
    call(house, device)
    call(house, device, TRANSFER_COMPLETE, notices=[report("job-7")])
    assert state(house) is JobState.SENT
    call(house, device)
    assert state(house) is JobState.SENT
    call(house, device, BOOT, software="2.0")
    assert state(house) is JobState.DONE
    assert device.asked == [], "what was reported is not asked after"


@pytest.mark.parametrize("same_session", [True, False])
def test_firmware_that_was_there_already_is_told_to_be(same_session: bool) -> None:
    house, device = set_up(download(file_type=FIRMWARE))
    if same_session:
        # The boot it calls for is one of before.
        call(house, device, BOOT, late=[report("job-7")])
        assert state(house) is JobState.SENT
        call(house, device, BOOT)
    else:
        call(house, device)
        call(house, device, BOOT, notices=[report("job-7")])
    assert state(house) is JobState.DONE
    assert text(house, "text") == "it runs 1.0 as before"


def test_firmware_that_does_not_run_as_wanted_has_failed() -> None:
    house, device = set_up(download(file_type=FIRMWARE, version="2.0"))
    call(house, device)
    call(house, device, BOOT, notices=[report("job-7")], software="1.9")
    assert state(house) is JobState.FAILED
    assert text(house) == "it reported success but runs 1.9, not 2.0"


def test_firmware_whose_restart_never_comes_is_judged_in_the_end() -> None:
    house, device = set_up(download(file_type=FIRMWARE, version="2.0"))
    call(house, device)
    call(house, device, notices=[report("job-7")])
    call(house, device, after=3600)
    assert state(house) is JobState.FAILED
    assert "runs 1.0, not 2.0" in text(house)


def test_an_upload_of_the_same_number_is_no_firmware() -> None:
    payload = {"file_type": "1 Vendor Configuration File", "url": URL}
    house, device = set_up(Job(7, 1, JobKind.UPLOAD, payload))
    call(house, device)
    call(house, device, notices=[report("job-7")])
    assert state(house) is JobState.DONE


# --- lost reports -----------------------------------------------------------------------------


def overdue(house: MemoryHouse, device: MemoryDevice, **more: object) -> None:
    call(house, device, after=TIMEOUT + 1, **more)  # type: ignore[arg-type]


def test_a_transfer_is_not_asked_after_before_its_time() -> None:
    house, device = set_up(download(delay=1000))
    call(house, device)
    call(house, device, after=TIMEOUT + 500)
    assert device.asked == []
    call(house, device, after=501)
    assert device.asked == [ListTransfers(), ListTransfers(all=False)]


def test_the_window_of_a_scheduled_download_does_not_count() -> None:
    payload = {"file_type": CONFIG, "url": URL, "windows": [{"start": 0, "end": 7200}]}
    house, device = set_up(Job(7, 1, JobKind.SCHEDULE_DOWNLOAD, payload))
    call(house, device)
    call(house, device, after=7200 + TIMEOUT - 1)
    assert device.asked == []
    call(house, device, after=2)
    assert device.asked != []


def test_firmware_has_five_minutes_whatever_is_set() -> None:
    house, device = set_up(download(file_type=FIRMWARE, timeout=1))
    call(house, device)
    call(house, device, after=299)
    assert device.asked == []
    call(house, device, after=2)
    assert device.asked != []


@pytest.mark.parametrize("queued_state", [1, 2, 3])
def test_a_transfer_that_is_listed_is_waited_for_but_not_forever(queued_state: int) -> None:
    house, device = set_up(download())
    device.answers[ListTransfers] = Transfers((QueuedTransfer("job-7", queued_state),))
    call(house, device)
    overdue(house, device)
    assert state(house) is JobState.SENT
    call(house, device, after=86_400)
    assert state(house) is JobState.FAILED
    assert text(house) == "it is still not over after 25 hours"


def test_a_transfer_listed_without_a_key_is_the_only_one() -> None:
    house, device = set_up(download())
    device.answers[ListTransfers] = Transfers((QueuedTransfer("", 2),))
    call(house, device)
    overdue(house, device)
    assert state(house) is JobState.SENT


def test_a_transfer_that_is_not_listed_has_failed() -> None:
    house, device = set_up(download())
    device.answers[ListTransfers] = Transfers((QueuedTransfer("of others", 2),))
    call(house, device)
    overdue(house, device)
    assert state(house) is JobState.FAILED
    assert text(house).endswith(
        "the device does not know this transfer any more; whether the file arrived is not known"
    )


def test_an_old_device_is_asked_by_the_old_method() -> None:
    house, device = set_up(download())
    device.answers[ListTransfers] = lambda asked: (
        Fault(9000) if asked.all else Transfers((QueuedTransfer("job-7", 1),))
    )
    call(house, device)
    overdue(house, device)
    assert state(house) is JobState.SENT
    assert device.asked == [ListTransfers(all=True), ListTransfers(all=False)]


def test_a_device_that_cannot_list_has_failed_if_nothing_shows_success() -> None:
    house, device = set_up(download(file_type=FIRMWARE))
    call(house, device)
    overdue(house, device)
    assert state(house) is JobState.FAILED
    assert text(house).endswith("the device cannot list its transfers")


@pytest.mark.parametrize(
    ("wanted", "runs", "ends"),
    [
        ("", "2.0", JobState.DONE),
        ("2.0", "2.0", JobState.DONE),
        ("2.1", "2.0", JobState.FAILED),
        ("", "1.0", JobState.FAILED),
    ],
)
def test_firmware_without_report_is_known_by_what_runs(
    wanted: str, runs: str, ends: JobState
) -> None:
    house, device = set_up(download(file_type=FIRMWARE, version=wanted))
    device.answers[ListTransfers] = Transfers(())
    call(house, device)
    call(house, device, BOOT, software=runs)
    assert state(house) is JobState.SENT, "its report may still come"
    overdue(house, device, software=runs)
    assert state(house) is ends


def test_a_transfer_the_inform_calls_over_is_waited_for() -> None:
    house, device = set_up(download())
    device.answers[ListTransfers] = Transfers(())
    call(house, device)
    call(house, device, TRANSFER_COMPLETE, done("job-7"), after=TIMEOUT + 1)
    assert state(house) is JobState.SENT
    assert device.asked == []
    call(house, device, notices=[report("job-7")])
    assert state(house) is JobState.DONE


@pytest.mark.parametrize("lost_after", [0, 1, 2, 3])
def test_a_session_lost_anywhere_sends_nothing_twice(lost_after: int) -> None:
    house, device = set_up(download())
    device.lost_after = lost_after
    with suppress(SessionLost):
        call(house, device)
    sent = sum(isinstance(op, Download) for op in device.operations)
    device.lost_after = None
    call(house, device)
    sent += sum(isinstance(op, Download) for op in device.operations)
    assert sent == 1
    assert state(house) is JobState.SENT
    call(house, device, notices=[report("job-7")])
    assert state(house) is JobState.DONE


def test_one_that_may_never_have_arrived_is_asked_after() -> None:
    house, device = set_up(download())
    device.answers[ListTransfers] = Transfers(())
    device.lost_after = 2
    with pytest.raises(SessionLost):
        call(house, device)
    device.lost_after = None
    overdue(house, device)
    assert state(house) is JobState.FAILED


# --- listing and cancelling -----------------------------------------------------------------


def test_transfers_are_listed() -> None:
    house, device = set_up(Job(9, 1, JobKind.TRANSFERS))
    device.answers[ListTransfers] = Transfers((QueuedTransfer("k", 2, True, CONFIG, 5, "t"),))
    call(house, device)
    assert the_job(house, 9).result["transfers"] == [
        {
            "key": "k",
            "state": "running",
            "download": True,
            "file_type": CONFIG,
            "size": 5,
            "target": "t",
        }
    ]


def test_a_device_that_cannot_list_says_so() -> None:
    house, device = set_up(Job(9, 1, JobKind.TRANSFERS))
    call(house, device)
    assert state(house, 9) is JobState.FAILED
    assert "does not know this method" in text(house, job_id=9)


@pytest.mark.parametrize("payload", [{"job": 7}, {"key": "job-7"}])
def test_a_cancelled_transfer_is_over(payload: dict[str, object]) -> None:
    house, device = set_up(download())
    call(house, device)
    house.jobs.append(Job(9, 1, JobKind.CANCEL_TRANSFER, payload))
    call(house, device)
    assert device.asked == [CancelTransfer("job-7")]
    assert (state(house), state(house, 9)) == (JobState.CANCELLED, JobState.DONE)
    call(house, device, notices=[report("job-7")])
    assert state(house) is JobState.CANCELLED


def test_a_key_of_no_transfer_of_ours_is_not_called_cancelled() -> None:
    house, device = set_up(Job(9, 1, JobKind.CANCEL_TRANSFER, {"key": "7"}))
    device.answers[CancelTransfer] = Started()
    call(house, device)
    assert state(house, 9) is JobState.DONE
    assert text(house, "text", 9) == "the device agreed; whether it knew 7 it does not say"


def test_a_transfer_that_cannot_be_cancelled_any_more_goes_on() -> None:
    house, device = set_up(download())
    call(house, device)
    device.answers[CancelTransfer] = Fault(9021, "too late")
    house.jobs.append(Job(9, 1, JobKind.CANCEL_TRANSFER, {"job": 7}))
    call(house, device)
    assert (state(house), state(house, 9)) == (JobState.SENT, JobState.FAILED)
    call(house, device, notices=[report("job-7")])
    assert state(house) is JobState.DONE
