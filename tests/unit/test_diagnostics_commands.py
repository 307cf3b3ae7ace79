"""Diagnostics over USP: one command with all it needs, the same results as over CWMP."""

from __future__ import annotations

from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import call, ended, the_job

from acs.devices.record import Job, JobKind, JobState
from acs.model import Fault, Operate, Operated, Set, Value
from acs.profiles import Library
from acs.profiles.diagnostics.commands import command_of, inputs_of, told_of
from acs.profiles.diagnostics.names import Diagnostic
from acs.profiles.diagnostics.reading import result_of
from acs.profiles.diagnostics.request import request_of
from acs.profiles.diagnostics.results import document

PING = "Device.IP.Diagnostics.IPPing()"
TR181 = Library.load().get("tr181")
assert TR181 is not None
PLACES = TR181.diagnostics


@pytest.mark.parametrize(
    ("diagnostic", "arguments", "command", "inputs"),
    [
        (
            "ping",
            {"host": "h"},
            PING,
            {
                "Host": "h",
                "ProtocolVersion": "Any",
                "NumberOfRepetitions": "4",
                "Timeout": "2000",
                "DataBlockSize": "56",
            },
        ),
        (
            "ping",
            {"host": "h", "count": 9, "timeout": 5, "size": 64, "interface": "wan"},
            PING,
            {
                "Host": "h",
                "ProtocolVersion": "Any",
                "NumberOfRepetitions": "9",
                "Timeout": "5",
                "DataBlockSize": "64",
                "Interface": "Device.IP.Interface.2",
            },
        ),
        (
            "trace",
            {"host": "h", "max_hops": 12, "interface": "Device.IP.Interface.3."},
            "Device.IP.Diagnostics.TraceRoute()",
            {
                "Host": "h",
                "ProtocolVersion": "Any",
                "MaxHopCount": "12",
                "Interface": "Device.IP.Interface.3",
            },
        ),
        (
            "speed-download",
            {"url": "http://h/f", "connections": 2, "per_connection": True},
            "Device.IP.Diagnostics.DownloadDiagnostics()",
            {
                "DownloadURL": "http://h/f",
                "NumberOfConnections": "2",
                "EnablePerConnectionResults": "true",
            },
        ),
        (
            "speed-upload",
            {"url": "http://h/p", "bytes": 1000},
            "Device.IP.Diagnostics.UploadDiagnostics()",
            {"UploadURL": "http://h/p", "TestFileLength": "1000"},
        ),
        (
            "lookup",
            {"name": "example.net", "server": "192.0.2.53"},
            "Device.DNS.Diagnostics.NSLookupDiagnostics()",
            {"HostName": "example.net", "DNSServer": "192.0.2.53"},
        ),
        ("neighbours", {}, "Device.WiFi.NeighboringWiFiDiagnostic()", {}),
    ],
)
def test_each_is_one_command_with_what_it_must_have(
    diagnostic: str, arguments: dict[str, object], command: str, inputs: dict[str, str]
) -> None:
    request = request_of({"diagnostic": diagnostic, "arguments": arguments})
    places = PLACES[request.diagnostic]
    assert command_of(places) == command
    assert inputs_of(request, places, "Device.IP.Interface.2.") == inputs


@pytest.mark.parametrize(
    ("diagnostic", "outputs", "arguments"),
    [
        (
            Diagnostic.PING,
            {"SuccessCount": "3", "FailureCount": "1", "AverageResponseTime": "12"},
            {"host": "h"},
        ),
        (
            Diagnostic.TRACE,
            {"RouteHops.1.Host": "a", "RouteHops.2.Host": "h", "RouteHops.2.RTTimes": "3,4"},
            {"host": "h"},
        ),
        (
            Diagnostic.SPEED_DOWNLOAD,
            {
                "BOMTime": "2026-05-01T10:00:00.000000Z",
                "EOMTime": "2026-05-01T10:00:10.000000Z",
                "TestBytesReceived": "125000000",
            },
            {"url": "http://h/f"},
        ),
        (
            Diagnostic.LOOKUP,
            {"SuccessCount": "1", "Result.1.Status": "Success", "Result.1.IPAddresses": "1.2.3.4"},
            {"name": "example.net"},
        ),
        (
            Diagnostic.NEIGHBOURS,
            {"Result.1.SSID": "far", "Result.1.SignalStrength": "-80", "Result.1.Channel": "6"},
            {},
        ),
    ],
)
def test_outputs_are_read_as_the_parameters_of_cwmp(
    diagnostic: Diagnostic, outputs: dict[str, str], arguments: dict[str, object]
) -> None:
    places = PLACES[diagnostic]
    over_cwmp = {places.object + name: text for name, text in outputs.items()}
    over_cwmp[places.state] = "Complete"
    told = told_of(places, {"Command": command_of(places), "Status": "Complete", **outputs})
    found = document(result_of(diagnostic, places, told, arguments))
    assert found == document(result_of(diagnostic, places, over_cwmp, arguments))
    assert any(found.values())


# --- as jobs ----------------------------------------------------------------------------------


def set_up(answer: object, *more: Job, **arguments: object) -> Any:
    house, device = MemoryHouse(), MemoryDevice({}, usp=True)
    call(house, device)
    device.answers[Operate] = answer
    payload = {"diagnostic": "ping", "arguments": {"host": "9.9.9.9", **arguments}}
    house.jobs = [Job(7, 1, JobKind.DIAGNOSTIC, payload), *more]
    return house, device


RUNS = Operated(request="Device.LocalAgent.Request.1.")
FOUND = {"SuccessCount": "3", "FailureCount": "1", "AverageResponseTime": "12"}


def test_a_test_is_one_command_and_nothing_is_written() -> None:
    house, device = set_up(RUNS)
    call(house, device)
    (asked,) = device.asked
    assert isinstance(asked, Operate)
    assert (asked.command, asked.key, asked.arguments["Host"]) == (PING, "job-7", "9.9.9.9")
    assert not any(isinstance(each, Set) for each in device.operations)
    assert the_job(house).state is JobState.SENT


@pytest.mark.parametrize("at_once", [True, False], ids=["sync", "async"])
def test_what_it_found_is_the_result(at_once: bool) -> None:
    outputs = {"Status": "Complete", **FOUND}
    house, device = set_up(Operated(outputs) if at_once else RUNS)
    call(house, device)
    if not at_once:
        call(house, device, notices=[ended("job-7", PING, **outputs)])
    job = the_job(house)
    assert job.state is JobState.DONE
    assert job.result["text"] == "ping 9.9.9.9: 3 of 4 came back, 12 ms"
    assert job.result["result"]["loss"] == 25.0
    assert job.result["state"] == "Complete"


@pytest.mark.parametrize(
    ("fault", "outputs", "state", "named"),
    [
        (None, {"Status": "Error_NoRouteToHost"}, JobState.FAILED, "no route to the address"),
        (None, {"Status": "Canceled"}, JobState.FAILED, "the device says Canceled"),
        (None, FOUND, JobState.DONE, "3 of 4 came back"),
        (Fault(7022, "busy"), {}, JobState.FAILED, "fault 7022 (busy)"),
        (Fault(7023), {}, JobState.CANCELLED, "gave it up"),
    ],
)
def test_how_a_test_ends(
    fault: Fault | None, outputs: dict[str, str], state: JobState, named: str
) -> None:
    house, device = set_up(RUNS)
    call(house, device)
    call(house, device, notices=[ended("job-7", PING, fault, **outputs)])
    job = the_job(house)
    assert job.state is state
    assert named in str(job.result.get("error") or job.result["text"])


def test_a_command_the_device_does_not_have_is_named() -> None:
    house, device = set_up(Fault(7026, "Invalid path"))
    call(house, device)
    assert the_job(house).result["error"] == f"{PING}: fault 7026 (Invalid path)"


def test_an_argument_that_the_family_has_no_name_for_is_left_out() -> None:
    house, device = set_up(RUNS)
    house.jobs = [
        Job(7, 1, JobKind.DIAGNOSTIC,
            {"diagnostic": "lookup", "arguments": {"name": "n", "count": 3, "timeout": 5}})
    ]  # fmt: skip
    call(house, device)
    (asked,) = device.asked
    known = PLACES[Diagnostic.LOOKUP].arguments
    assert the_job(house).result["left_out"] == [n for n in ("count", "timeout") if n not in known]
    assert set(asked.arguments) == {known[n] for n in ("name", "count", "timeout") if n in known}


def test_one_test_runs_at_a_time() -> None:
    house, device = set_up(RUNS)
    house.jobs.append(Job(8, 1, JobKind.DIAGNOSTIC, house.jobs[0].payload))
    call(house, device)
    assert [each.key for each in device.asked] == ["job-7"]
    call(house, device, notices=[ended("job-7", PING, **FOUND)])
    assert [each.key for each in device.asked] == ["job-8"]


@pytest.mark.parametrize("listed", [True, False])
def test_one_that_is_never_reported_has_failed_unless_it_still_runs(listed: bool) -> None:
    house, device = set_up(RUNS)
    call(house, device)
    if listed:
        device.values["Device.LocalAgent.Request.1.CommandKey"] = Value("job-7")
    call(house, device, after=600)
    assert the_job(house).state is (JobState.SENT if listed else JobState.FAILED)


def test_a_test_that_was_asked_for_over_cwmp_is_lost_with_the_change_to_usp() -> None:
    house, device = set_up(RUNS)
    house.jobs = [
        Job(7, 1, JobKind.DIAGNOSTIC, house.jobs[0].payload, state=JobState.SENT,
            result={"sent_at": house.time, "accepted": True, "tries": 1})
    ]  # fmt: skip
    call(house, device)
    assert "changed to USP" in str(the_job(house).result["error"])
    assert device.asked == []
