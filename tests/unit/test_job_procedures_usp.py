"""The rarer jobs over USP: values, rows, change reports, timers, software modules."""

from __future__ import annotations

from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import call, ended, the_job

from acs.devices.house import Policy
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    Added,
    Attribute,
    AttributeChange,
    Attributes,
    ChangeSoftware,
    Event,
    EventKind,
    Fault,
    Install,
    ListOptions,
    Notice,
    ReadAttributes,
    ScheduleInform,
    SetAttributes,
    SetVouchers,
    Started,
    Uninstall,
    Update,
    Value,
    Values,
    Written,
)

NAME = "Device.WiFi.SSID.1.SSID"
OTHER = "Device.WiFi.SSID.2.SSID"
TABLE = "Device.NAT.PortMapping."
UUID = "3f1e2d4c-0000-4000-8000-000000000001"


def set_up(kind: JobKind, **payload: object) -> Any:
    house = MemoryHouse()
    device = MemoryDevice({NAME: "home", OTHER: "guest", f"{TABLE}1.Protocol": "TCP"}, usp=True)
    call(house, device)
    house.jobs = [Job(7, 1, kind, payload)]
    return house, device


def proof(house: MemoryHouse) -> list[tuple[object, ...]]:
    lines = the_job(house).result["proof"]
    assert isinstance(lines, list)
    return [(line["path"], line["read"], line["verdict"]) for line in lines]


# --- values -----------------------------------------------------------------------------------


def test_what_reads_back_empty_over_usp_is_secured_and_not_lost() -> None:
    house, device = set_up(JobKind.SET, changes=[{"path": NAME, "value": "new"}])
    device.write_only = [NAME]
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert proof(house) == [(NAME, None, "written")]


def test_what_reads_back_otherwise_has_failed_over_usp_too() -> None:
    house, device = set_up(JobKind.SET, changes=[{"path": NAME, "value": "new"}])
    plain = device.perform
    device.perform = lambda o: Written() if type(o).__name__ == "Set" else plain(o)
    call(house, device)
    assert "is 'home', not 'new'" in str(the_job(house).result["error"])


@pytest.mark.parametrize(
    "path", ["Device.WiFi.SSID.*.SSID", "Device.WiFi.SSID.[Enable==true].SSID"]
)
@pytest.mark.parametrize(
    ("second", "state"), [("new", JobState.DONE), ("old", JobState.FAILED)], ids=["all", "not all"]
)
def test_each_parameter_that_a_search_path_led_to_is_proven(
    path: str, second: str, state: JobState
) -> None:
    house, device = set_up(JobKind.SET, changes=[{"path": path, "value": "new"}])
    found = Values({NAME: Value("new"), OTHER: Value(second)}, (path,))
    answers = {"Get": found, "Set": Written()}
    plain = device.perform
    device.perform = lambda o: answers.get(type(o).__name__) or plain(o)
    call(house, device)
    assert the_job(house).state is state
    assert [line[:2] for line in proof(house)] == [(NAME, "new"), (OTHER, second)]


def test_a_refused_value_keeps_the_code_of_usp() -> None:
    house, device = set_up(JobKind.SET, changes=[{"path": NAME, "value": "new"}])
    device.read_only = [NAME]
    call(house, device)
    assert the_job(house).result["code"] == 7004
    assert "7013" in str(the_job(house).result["parameters"])


# --- rows -------------------------------------------------------------------------------------


def test_a_row_that_is_not_there_any_more_is_gone() -> None:
    house, device = set_up(JobKind.DELETE, row=f"{TABLE}1.")
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert the_job(house).result["text"] == f"{TABLE}1. is gone"


@pytest.mark.parametrize(("code", "state"), [(7016, JobState.DONE), (7006, JobState.FAILED)])
def test_only_a_word_that_says_so_means_that_a_row_is_gone(code: int, state: JobState) -> None:
    house, device = set_up(JobKind.DELETE, row=f"{TABLE}1.")
    plain = device.perform
    device.perform = lambda o: Fault(code) if type(o).__name__ == "List" else plain(o)
    call(house, device)
    assert the_job(house).state is state


def test_a_row_that_comes_later_gets_its_values_when_it_is_there() -> None:
    house, device = set_up(JobKind.ADD, table=TABLE, values={"Protocol": "UDP"})
    plain = device.perform
    later = Added(f"{TABLE}2.", pending=True)
    device.perform = lambda o: later if type(o).__name__ == "Add" else plain(o)
    call(house, device)
    assert the_job(house).state is JobState.SENT
    device.perform = plain
    device.values[f"{TABLE}2.Protocol"] = Value("TCP")
    call(house, device, after=Policy().settle + 1)
    assert the_job(house).state is JobState.DONE
    assert device[f"{TABLE}2.Protocol"] == "UDP"


# --- what is not there over USP ---------------------------------------------------------------


@pytest.mark.parametrize("kind", [JobKind.OPTIONS, JobKind.VOUCHERS])
def test_what_usp_has_not_is_named(kind: JobKind) -> None:
    house, device = set_up(kind, vouchers=["YQ=="])
    device.answers[ListOptions] = device.answers[SetVouchers] = Fault(7001, "USP has no options")
    call(house, device)
    assert the_job(house).result["error"] == "fault 7001 (USP has no options)"


# --- change reports ---------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "made"), [(0, 0), (1, 2), (2, 2), (5, 2)])
def test_a_notification_is_a_subscription(asked: int, made: int) -> None:
    house, device = set_up(JobKind.NOTIFY, changes=[{"path": NAME, "notification": asked}])
    device.answers |= {
        SetAttributes: Written(),
        ReadAttributes: Attributes((Attribute(NAME, made),)),
    }
    call(house, device)
    assert device.asked[0] == SetAttributes((AttributeChange(NAME, made),))
    assert the_job(house).state is JobState.DONE


def test_an_access_list_is_refused_before_anything_is_sent() -> None:
    house, device = set_up(JobKind.NOTIFY, changes=[{"path": NAME, "access_list": []}])
    call(house, device)
    assert "it has roles" in str(the_job(house).result["error"])
    assert device.asked == []


# --- timers -----------------------------------------------------------------------------------

TIMER = "Device.ScheduleTimer()"


@pytest.mark.parametrize(
    ("fault", "state"), [(None, JobState.DONE), (Fault(7022, "no"), JobState.FAILED)]
)
def test_the_end_of_a_timer_is_the_call(fault: Fault | None, state: JobState) -> None:
    house, device = set_up(JobKind.SCHEDULE_INFORM, delay=60)
    device.answers[ScheduleInform] = Started()
    call(house, device)
    event = Event(EventKind.SCHEDULED, "job-7", TIMER)
    call(house, device, event, notices=[ended("job-7", TIMER, fault)])
    assert the_job(house).state is state
    assert not any("no open job waits" in line for line in house.timeline)


# --- restarts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "event", "state"),
    [
        (JobKind.REBOOT, EventKind.BOOT, JobState.DONE),
        (JobKind.REBOOT, EventKind.CONNECTED, JobState.SENT),
        (JobKind.FACTORY_RESET, EventKind.BOOTSTRAP, JobState.DONE),
        (JobKind.FACTORY_RESET, EventKind.ON_BOARD_REQUEST, JobState.DONE),
        (JobKind.FACTORY_RESET, EventKind.BOOT, JobState.SENT),
    ],
)
def test_a_restart_is_done_when_the_device_says_so(
    kind: JobKind, event: EventKind, state: JobState
) -> None:
    house, device = set_up(kind)
    call(house, device)
    assert the_job(house).state is JobState.SENT
    call(house, device, Event(event))
    assert the_job(house).state is state


# --- software modules -------------------------------------------------------------------------

STEPS = [
    {"do": "install", "url": "http://h/x", "username": "u", "password": "hush-hush"},
    {"do": "update", "uuid": UUID, "url": "http://h/y"},
    {"do": "uninstall", "uuid": UUID},
]


def step_done(number: int, fault: Fault | None = None) -> Notice:
    told = {"Command": "Device.SoftwareModules.InstallDU()"}
    return Notice(EventKind.DU_STATE_CHANGE_COMPLETE, f"job-7-{number}", fault, told)


def software() -> Any:
    house, device = set_up(JobKind.SOFTWARE, operations=STEPS)
    device.answers[ChangeSoftware] = Started()
    return house, device


def test_operations_go_out_one_after_another() -> None:
    house, device = software()
    call(house, device)
    asked = list(device.asked)
    for number in (1, 2, 3):
        assert the_job(house).state is JobState.SENT
        call(house, device, notices=[step_done(number)])
        asked += device.asked
    assert [type(each.operations[0]) for each in asked] == [Install, Update, Uninstall]
    assert [each.key for each in asked] == ["job-7-1", "job-7-2", "job-7-3"]
    job = the_job(house)
    assert job.state is JobState.DONE
    assert [row["state"] for row in job.result["results"]] == [
        "Installed",
        "Installed",
        "Uninstalled",
    ]


def test_the_operation_that_went_wrong_ends_it() -> None:
    house, device = software()
    call(house, device)
    call(house, device, notices=[step_done(1, Fault(7227, "hush-hush is wrong"))])
    job = the_job(house)
    assert job.state is JobState.FAILED
    assert "fault 7227" in str(job.result["error"])
    assert "hush-hush" not in str(job.result)
    call(house, device)
    assert device.asked == []


@pytest.mark.parametrize("number", [1, 3, 9])
def test_a_report_of_another_operation_says_nothing(number: int) -> None:
    house, device = software()
    call(house, device)
    call(house, device, notices=[step_done(1)])
    call(house, device, notices=[step_done(number)])
    assert the_job(house).state is JobState.SENT
    assert device.asked == []


def test_an_operation_that_is_never_reported_fails_in_the_end() -> None:
    house, device = software()
    call(house, device)
    call(house, device, notices=[step_done(1)])
    call(house, device, after=Policy().transfer_timeout + 1)
    assert the_job(house).state is JobState.FAILED
    assert len(the_job(house).result["results"]) == 1
