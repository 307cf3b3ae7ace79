"""Diagnostics as jobs: asked in one write, settled when the device says so, never hanging."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice, Plain
from device_trees import xx230v
from house_in_memory import MemoryHouse, served

from acs.devices.record import Job, JobKind, JobState
from acs.devices.visit import Visit
from acs.model import (
    Contact,
    DeviceId,
    Event,
    EventKind,
    Get,
    SessionLost,
    Value,
    ValueType,
)

PING = "Device.IP.Diagnostics.IPPing."
TRACE = "Device.IP.Diagnostics.TraceRoute."
DOWNLOAD = "Device.IP.Diagnostics.DownloadDiagnostics."
UPLOAD = "Device.IP.Diagnostics.UploadDiagnostics."
LOOKUP = "Device.DNS.Diagnostics.NSLookupDiagnostics."
SCAN = "Device.WiFi.NeighboringWiFiDiagnostic."
DONE = EventKind.DIAGNOSTICS_COMPLETE
TREE: dict[str, Plain] = {
    f"{PING}DiagnosticsState": "None",
    f"{PING}Interface": "",
    f"{PING}Host": "",
    f"{PING}NumberOfRepetitions": 3,
    f"{PING}Timeout": 1000,
    f"{PING}DataBlockSize": 32,
    f"{PING}SuccessCount": 0,
    f"{PING}FailureCount": 0,
    f"{PING}AverageResponseTime": 0,
    f"{TRACE}DiagnosticsState": "None",
    f"{TRACE}Host": "",
    f"{TRACE}MaxHopCount": 30,
    f"{DOWNLOAD}DiagnosticsState": "None",
    f"{DOWNLOAD}DownloadURL": "",
    f"{DOWNLOAD}NumberOfConnections": 1,
    f"{DOWNLOAD}EnablePerConnectionResults": False,
    f"{UPLOAD}DiagnosticsState": "None",
    f"{UPLOAD}UploadURL": "",
    f"{UPLOAD}TestFileLength": Value("0", ValueType.UNSIGNED_LONG),
    f"{LOOKUP}DiagnosticsState": "None",
    f"{LOOKUP}HostName": "",
    f"{LOOKUP}DNSServer": "",
    f"{SCAN}DiagnosticsState": "None",
    f"{SCAN}Result.1.SSID": "before",
}


def job(diagnostic: str, job_id: int = 7, **arguments: object) -> Job:
    payload = {"diagnostic": diagnostic, "arguments": arguments}
    return Job(job_id, 1, JobKind.DIAGNOSTIC, payload)


def ping(job_id: int = 7, **more: object) -> Job:
    return job("ping", job_id, **{"host": "9.9.9.9", "count": 4, **more})


def asked(*jobs: Job, **options: object) -> tuple[MemoryHouse, MemoryDevice]:
    """A house with these jobs, and a device that was just visited."""
    house, device = served(jobs=jobs), unit(**options)
    house.visited(device)
    return house, device


def unit(**options: object) -> MemoryDevice:
    device = xx230v(**options)  # type: ignore[arg-type]
    device.values |= MemoryDevice(TREE).values
    return device


def state(house: MemoryHouse, job_id: int = 7) -> Job:
    (found,) = [job for job in house.jobs if job.id == job_id]
    return found


def ends(device: MemoryDevice, place: str, word: str = "Complete", **told: object) -> None:
    """The device has run it, and tells ``told``."""
    device.next_session()
    device.values[f"{place}DiagnosticsState"] = Value(word)
    for leaf, value in told.items():
        device.values[place + leaf.replace("__", ".")] = Value(str(value))


def requests(device: MemoryDevice, place: str) -> list[dict[str, str]]:
    """What was written below ``place``, by request."""
    return [
        {c.path.removeprefix(place): c.value.text for c in write.changes}
        for write in device.sets
        if any(c.path.startswith(place) for c in write.changes)
    ]


# --- asking


def test_arguments_and_request_go_out_in_one_write():
    house, device = asked(ping(timeout=500, size=64))
    assert requests(device, PING) == [
        {
            "Host": "9.9.9.9",
            "NumberOfRepetitions": "4",
            "Timeout": "500",
            "DataBlockSize": "64",
            "DiagnosticsState": "Requested",
        }
    ]
    assert device.sets[-1].changes[-1].path == f"{PING}DiagnosticsState"
    assert state(house).state is JobState.SENT


@pytest.mark.parametrize(
    ("what", "place", "written"),
    [
        (job("trace", host="h", max_hops=12), TRACE, {"Host": "h", "MaxHopCount": "12"}),
        (
            job("speed-download", url="http://h/f", connections=3, per_connection=True),
            DOWNLOAD,
            {
                "DownloadURL": "http://h/f",
                "NumberOfConnections": "3",
                "EnablePerConnectionResults": "1",
            },
        ),
        (
            job("speed-upload", url="http://h/p", bytes=1000),
            UPLOAD,
            {"UploadURL": "http://h/p", "TestFileLength": "1000"},
        ),
        (
            job("lookup", name="example.net", server="192.0.2.53"),
            LOOKUP,
            {"HostName": "example.net", "DNSServer": "192.0.2.53"},
        ),
        (job("neighbours"), SCAN, {}),
    ],
)
def test_each_is_asked_for_where_its_family_has_it(
    what: Job, place: str, written: dict[str, str]
) -> None:
    house, device = asked(what)
    assert requests(device, place) == [{**written, "DiagnosticsState": "Requested"}]
    assert state(house).state is JobState.SENT


def test_old_rows_of_a_scan_are_not_read_to_start_one():
    _, device = asked(job("neighbours"))
    assert Get((f"{SCAN}DiagnosticsState",)) in device.operations
    assert Get((SCAN,)) not in device.operations


def test_an_argument_the_device_lacks_is_left_out_and_named():
    house, device = asked(job("trace", host="h", tries=3, max_hops=5))
    assert requests(device, TRACE) == [
        {"Host": "h", "MaxHopCount": "5", "DiagnosticsState": "Requested"}
    ]
    assert state(house).result["left_out"] == ["tries"]


@pytest.mark.parametrize(
    "options",
    [{"read_only": [f"{PING}Timeout"]}, {"refuse": {f"{PING}Timeout": 9005}}],
)
def test_an_argument_that_is_refused_is_left_out(options: dict[str, object]) -> None:
    house, device = asked(ping(timeout=500), **options)
    first, second = requests(device, PING)
    assert set(first) - set(second) == {"Timeout"}
    assert state(house).state is JobState.SENT
    assert state(house).result["left_out"] == ["timeout"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"refuse": {f"{PING}Host": 9007}}, f"{PING}Host: 9007"),
        ({"refuse": {f"{PING}Timeout": 9007}}, f"{PING}Timeout: 9007"),
        ({"read_only": [f"{PING}DiagnosticsState"]}, "9008"),
        ({"read_only": [f"{PING}Host"]}, "9008"),
    ],
)
def test_what_cannot_be_left_out_fails_the_job(options: dict[str, object], words: str) -> None:
    house, device = asked(ping(timeout=500), **options)
    assert state(house).state is JobState.FAILED
    assert words in str(state(house).result["error"])
    assert len(requests(device, PING)) == 1


def test_a_device_without_the_diagnostic_says_so():
    house = served(jobs=[ping()])
    house.visited(xx230v())
    assert state(house).state is JobState.FAILED
    assert f"does not have {PING}DiagnosticsState" in str(state(house).result["error"])


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (job("dance"), "diagnostic 'dance' is none of"),
        (job("ping"), "ping needs host"),
        (ping(interface="wan"), "not known by which interface"),
    ],
)
def test_what_makes_no_sense_is_not_sent(what: Job, words: str) -> None:
    house, device = asked(what)
    assert state(house).state is JobState.FAILED
    assert words in str(state(house).result["error"])
    assert not requests(device, PING)


@pytest.mark.parametrize(("now", "written"), [("", ".5"), ("Device.IP.Interface.1.", ".5.")])
def test_the_wan_is_that_by_which_the_device_reaches_us(now: str, written: str) -> None:
    house, device = served(jobs=[ping(interface="wan")]), unit()
    device.values[f"{PING}Interface"] = Value(now)
    contact = Contact(
        DeviceId("1C61B4", "Device2", "22275A7000001"),
        "TP-Link",
        "cwmp",
        "Device.",
        (Event(EventKind.PERIODIC),),
        {"Device.IP.Interface.5.IPv4Address.1.IPAddress": Value("192.0.2.7")},
        1300.0,
        credential="own",
    )
    device.run(Visit(contact, house).run(device.model))
    (request,) = requests(device, PING)
    assert request["Interface"] == f"Device.IP.Interface{written}"


# --- the end


def test_the_end_is_read_when_the_device_tells_it():
    house, device = asked(ping())
    ends(device, PING, SuccessCount=3, FailureCount=1, AverageResponseTime=12)
    house.visited(device, DONE)
    done = state(house)
    assert done.state is JobState.DONE
    assert done.result["result"] == {
        "sent": 4, "received": 3, "loss": 25.0, "least": None, "average": 12.0, "most": None,
        "address": "",
    }  # fmt: skip
    assert done.result["text"] == "ping 9.9.9.9: 3 of 4 came back, 12 ms"
    assert "job: diagnostic (job 7) done: ping 9.9.9.9: 3 of 4 came back, 12 ms" in house.timeline


def test_any_contact_after_the_end_will_do():
    house, device = asked(ping())
    ends(device, PING, "Completed", SuccessCount=4, FailureCount=0)
    house.visited(device)
    assert state(house).state is JobState.DONE


def test_rows_become_hops():
    house, device = asked(job("trace", host="198.51.100.9"))
    ends(device, TRACE, RouteHops__1__HostAddress="198.51.100.9", RouteHops__1__RTTimes="5,6")
    house.visited(device, DONE)
    result = state(house).result["result"]
    assert isinstance(result, dict) and result["reached"] is True
    assert result["hops"][0]["times"] == (5.0, 6.0)


def test_a_failure_is_told_in_plain_words_without_the_figures_of_the_test_before():
    house, device = asked(ping())
    ends(device, PING, "Error_CannotResolveHostName", SuccessCount=4, FailureCount=0)
    house.visited(device, DONE)
    failed = state(house)
    assert failed.state is JobState.FAILED
    assert failed.result["error"] == (
        "the name could not be resolved to an address (Error_CannotResolveHostName)"
    )
    assert failed.result["state"] == "Error_CannotResolveHostName"
    assert "result" not in failed.result and "text" not in failed.result


def test_a_word_without_end_is_kept_short():
    house, device = asked(ping())
    ends(device, PING, "Error_" + "x" * 100_000)
    house.visited(device, EventKind.PERIODIC)
    assert state(house).state is JobState.FAILED
    assert len(str(state(house).result)) < 1000


def test_a_test_that_runs_is_waited_for_and_not_asked_again():
    house, device = asked(ping())
    device.next_session()
    house.visited(device, at=house.time + 60)
    assert state(house).state is JobState.SENT
    assert not requests(device, PING)


def test_a_test_that_never_ends_fails_after_its_time():
    house, device = asked(ping())
    device.next_session()
    house.visited(device, at=house.time + 600)
    assert state(house).state is JobState.FAILED
    assert state(house).result["error"] == "the device did not report the end within 2 min"


def test_a_test_the_device_forgot_is_asked_for_once_more():
    house, device = asked(ping())
    for expected in (JobState.SENT, JobState.FAILED):
        device.next_session()
        device.values[f"{PING}DiagnosticsState"] = Value("None")
        house.visited(device, EventKind.BOOT)
        assert state(house).state is expected
    assert not requests(device, PING), "the second time it is given up"
    assert "its state is None" in str(state(house).result["error"])


def test_a_test_asked_for_once_more_can_still_end_well():
    house, device = asked(ping())
    device.next_session()
    device.values[f"{PING}DiagnosticsState"] = Value("None")
    house.visited(device)
    assert len(requests(device, PING)) == 1
    ends(device, PING, SuccessCount=4, FailureCount=0)
    house.visited(device, DONE)
    assert state(house).state is JobState.DONE


# --- lost sessions


def lose(house: MemoryHouse, device: MemoryDevice, place: str = PING) -> None:
    """Lose the session while the request is under way."""
    probe = served(jobs=house.jobs)
    probe.visited(device)
    kinds = [type(op).__name__ for op in device.operations]
    at = max(
        n
        for n, op in enumerate(device.operations)
        if kinds[n] == "Set" and any(c.path.startswith(place) for c in op.changes)  # type: ignore[union-attr]
    )
    device.factory_reset()
    device.values |= MemoryDevice(TREE).values
    device.lost_after = at
    with pytest.raises(SessionLost):
        house.visited(device)
    device.lost_after = None


def test_a_session_lost_while_asking_is_looked_at_first():
    house, device = served(jobs=[ping()]), unit()
    lose(house, device)
    assert state(house).state is JobState.SENT
    device.next_session()
    ends(device, PING, SuccessCount=4, FailureCount=0)
    house.visited(device, DONE)
    assert state(house).state is JobState.DONE
    assert not requests(device, PING), "it had arrived: not asked again"


def test_results_of_an_earlier_test_are_not_taken_for_those_of_a_lost_request():
    house, device = served(jobs=[ping()]), unit()
    lose(house, device)
    (now,) = house.jobs
    house.jobs = [replace(now, result={**now.result, "before": "Complete"})]
    ends(device, PING, SuccessCount=1, FailureCount=99)
    house.visited(device)
    assert state(house).state is JobState.SENT
    assert len(requests(device, PING)) == 1, "asked again"


# --- one at a time


def test_a_second_test_waits_for_the_end_of_the_first():
    house, device = asked(ping(7), job("trace", 8, host="h"))
    assert (state(house, 7).state, state(house, 8).state) == (JobState.SENT, JobState.QUEUED)
    assert not requests(device, TRACE)
    ends(device, PING, SuccessCount=4, FailureCount=0)
    house.visited(device, DONE)
    assert (state(house, 7).state, state(house, 8).state) == (JobState.DONE, JobState.SENT)
    assert len(requests(device, TRACE)) == 1


def test_a_test_before_it_in_the_queue_still_begins_in_the_session_of_the_end():
    house, device = asked(ping(8))
    house.jobs = [job("trace", 7, host="h"), *house.jobs]
    ends(device, PING, SuccessCount=4, FailureCount=0)
    house.visited(device, DONE)
    assert (state(house, 8).state, state(house, 7).state) == (JobState.DONE, JobState.SENT)


def test_a_test_that_could_not_begin_holds_up_no_other():
    house, _ = asked(job("dance", 7), ping(8))
    assert (state(house, 7).state, state(house, 8).state) == (JobState.FAILED, JobState.SENT)
