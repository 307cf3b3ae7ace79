"""Commands of the data model as jobs: ended by an answer or a report, in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import BOOT, call, ended, the_job

from acs.devices.house import Policy
from acs.devices.jobs.requests import REQUESTS
from acs.devices.record import Job, JobKind, JobState
from acs.devices.visit import Visit
from acs.model import Fault, Get, Operate, Operated, SessionLost, Value
from acs.profiles.secrets import Masks

COMMAND = "Device.WiFi.NeighboringWiFiDiagnostic()"
REQUEST = "Device.LocalAgent.Request.3."
RUNS = Operated(request=REQUEST)
TIMEOUT = Policy().transfer_timeout
FAILED = Fault(7022, "Command failure")


def set_up(answer: object = RUNS, *, usp: bool = True, **payload: object) -> Any:
    house = MemoryHouse()
    device = MemoryDevice({"Device.DeviceInfo.UpTime": 5}, usp=usp)
    call(house, device)
    if answer is not None:
        device.answers[Operate] = answer
    house.jobs = [Job(7, 1, JobKind.OPERATE, {"command": COMMAND, **payload})]
    return house, device


def running(device: MemoryDevice, key: str = "job-7") -> None:
    device.values[f"{REQUEST}CommandKey"] = Value(key)


def test_what_a_command_carries() -> None:
    house, device = set_up(arguments={"Host": "h", "Count": 3, "Fast": True})
    call(house, device)
    asked = Operate(COMMAND, "job-7", {"Host": "h", "Count": "3", "Fast": "true"})
    assert device.asked == [asked]
    assert the_job(house).state is JobState.SENT
    assert the_job(house).result["request"] == REQUEST


def test_a_synchronous_command_is_done_with_its_answer() -> None:
    house, device = set_up(Operated({"Status": "ok"}))
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert the_job(house).result["outputs"] == {"Status": "ok"}
    assert the_job(house).result["text"] == "NeighboringWiFiDiagnostic() ended well: 1 output"


# --- the table of outcomes --------------------------------------------------------------------

OUTPUTS = {"Result.1.SSID": "next door"}


def report(fault: Fault | None = None, key: str = "job-7", **outputs: str) -> Any:
    return ended(key, COMMAND, fault, **outputs)


@pytest.mark.parametrize(
    ("answer", "notice", "state", "named"),
    [
        (RUNS, report(**OUTPUTS), JobState.DONE, "ended well"),
        (RUNS, report(), JobState.DONE, "ended well"),
        (RUNS, report(FAILED), JobState.FAILED, "fault 7022 (Command failure)"),
        (RUNS, report(Fault(7023)), JobState.CANCELLED, "gave it up"),
        (RUNS, report(key="job-8"), JobState.SENT, ""),
        (RUNS, report(key=""), JobState.DONE, "ended well"),
        (Fault(7026, "invalid path"), None, JobState.FAILED, f"{COMMAND}: fault 7026 (invalid"),
        (Fault(7027, "x"), None, JobState.FAILED, "fault 7027 (x)"),
        (Fault(7006, "denied"), None, JobState.FAILED, "fault 7006 (denied)"),
    ],
)
def test_how_a_command_ends(answer: object, notice: Any, state: JobState, named: str) -> None:
    house, device = set_up(answer)
    call(house, device)
    if notice is not None:
        call(house, device, notices=[notice])
    job = the_job(house)
    assert job.state is state
    assert named in str(job.result.get("error") or job.result.get("text") or "")
    assert ("request" in job.result) is (answer is RUNS)


def test_outputs_are_the_result() -> None:
    house, device = set_up()
    call(house, device)
    call(house, device, notices=[report(**OUTPUTS)])
    assert the_job(house).result["outputs"] == OUTPUTS


# --- in whatever order ------------------------------------------------------------------------


def overtaking(house: MemoryHouse, device: MemoryDevice, notice: Any) -> Callable[..., Operated]:
    """The device reports the end of a command before it answers that it has begun."""
    visits: list[Visit] = []
    run = Visit.run

    def answer(_order: Operate) -> Operated:
        device.run(visits[-1].notice(notice))
        return RUNS

    async def noted(visit: Visit, line: Any) -> None:
        visits.append(visit)
        await run(visit, line)

    answer.noted = noted  # type: ignore[attr-defined]
    return answer


@pytest.mark.parametrize(
    ("fault", "state"), [(None, JobState.DONE), (FAILED, JobState.FAILED)], ids=["well", "badly"]
)
def test_a_report_that_comes_before_the_answer_counts(
    fault: Fault | None, state: JobState, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, device = set_up()
    device.answers[Operate] = answer = overtaking(house, device, report(fault, **OUTPUTS))
    monkeypatch.setattr(Visit, "run", answer.noted)  # type: ignore[attr-defined]
    call(house, device)
    assert the_job(house).state is state
    assert sum("operate (job 7) " + state in line for line in house.timeline) == 1
    call(house, device)
    assert device.asked == []


def test_a_report_that_comes_twice_counts_once() -> None:
    house, device = set_up()
    call(house, device)
    call(house, device, notices=[report(**OUTPUTS), report(FAILED)])
    call(house, device, notices=[report(FAILED)])
    assert the_job(house).state is JobState.DONE
    assert the_job(house).result["outputs"] == OUTPUTS


@pytest.mark.parametrize("lost_after", range(8))
def test_a_session_lost_anywhere_runs_nothing_twice(lost_after: int) -> None:
    house, device = set_up()
    device.silent_at = lost_after
    with suppress(SessionLost):
        call(house, device)
    orders = device.asked
    device.silent_at = None
    call(house, device, BOOT)
    orders += device.asked
    call(house, device, notices=[report(**OUTPUTS)])
    assert len(orders) == 1
    assert the_job(house).state is JobState.DONE


def test_a_report_after_a_restart_of_the_controller_finds_its_job() -> None:
    house, device = set_up()
    call(house, device)
    reborn = MemoryHouse()
    reborn.device, reborn.jobs, reborn.time = house.device, house.jobs, house.time
    call(reborn, device, notices=[report(**OUTPUTS)])
    assert the_job(reborn).state is JobState.DONE


# --- when no report comes ---------------------------------------------------------------------


def test_a_command_is_not_asked_after_before_its_time() -> None:
    house, device = set_up(timeout=600)
    call(house, device)
    call(house, device, after=599)
    assert Get((REQUESTS,)) not in device.operations
    assert the_job(house).state is JobState.SENT
    call(house, device, after=2)
    assert Get((REQUESTS,)) in device.operations


def test_a_command_that_is_listed_is_waited_for_but_not_forever() -> None:
    house, device = set_up()
    call(house, device)
    running(device)
    call(house, device, after=TIMEOUT + 1)
    assert the_job(house).state is JobState.SENT
    call(house, device, after=86_400)
    assert the_job(house).state is JobState.FAILED
    assert "still not over after 25 hours" in str(the_job(house).result["error"])


def test_a_command_that_is_not_listed_has_failed() -> None:
    house, device = set_up()
    call(house, device)
    running(device, "of somebody else")
    call(house, device, after=TIMEOUT + 1)
    assert "the device runs it no more" in str(the_job(house).result["error"])


def test_one_whose_answer_was_lost_is_not_known_to_have_run() -> None:
    house, device = set_up(None)
    call(house, device, after=0)
    house.jobs = [
        Job(7, 1, JobKind.OPERATE, {"command": COMMAND}, state=JobState.SENT,
            result={"sent_at": house.time})
    ]  # fmt: skip
    call(house, device, after=TIMEOUT + 1)
    assert "whether it took effect is not known" in str(the_job(house).result["error"])


# --- what makes no sense ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"command": ""}, "command is missing"),
        ({"command": "Device.IP."}, "is no command"),
        ({"command": "InternetGatewayDevice.X()"}, "is no command"),
        ({"command": "Device.Reboot()"}, "'reboot'"),
        ({"command": "Device.FactoryReset()"}, "'factory reset'"),
        ({"arguments": ["Host=h"]}, "arguments"),
        ({"timeout": -1}, "timeout"),
    ],
)
def test_a_command_that_makes_no_sense_is_not_sent(payload: dict[str, object], named: str) -> None:
    house, device = set_up(**payload)
    call(house, device)
    assert named in str(the_job(house).result["error"])
    assert device.asked == []


def test_a_device_that_speaks_cwmp_has_no_commands() -> None:
    house, device = set_up(None, usp=False)
    call(house, device)
    assert "only a device that speaks USP" in str(the_job(house).result["error"])


# --- secrets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "more"), [("Password", {}), ("Code", {"secret": ["Code"]})], ids=["by name", "told"]
)
def test_a_secret_argument_is_quoted_nowhere(name: str, more: dict[str, object]) -> None:
    payload = {"arguments": {name: "hush-hush", "Host": "h"}, **more}
    house, device = set_up(Fault(7027, "hush-hush is too short"), **payload)
    call(house, device)
    assert "hush-hush" not in str(the_job(house).result)
    assert "hush-hush" not in str(house.timeline)
    shown = Masks().payload(the_job(house).payload)
    assert shown["arguments"] == {name: "***", "Host": "h"}


def test_a_secret_output_is_masked() -> None:
    shown = Masks().result({"outputs": {"Credential.1.Password": "p", "Status": "ok"}})
    assert shown["outputs"] == {"Credential.1.Password": "***", "Status": "ok"}
