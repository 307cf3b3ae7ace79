"""What was written is done when it is seen: at once, or when the device has applied it."""

from __future__ import annotations

from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import call, the_job

from acs.devices.house import Policy
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    Add,
    Added,
    Delete,
    Get,
    List,
    Operation,
    SessionLost,
    Set,
    Value,
    ValueType,
    Written,
)

NAME = "Device.WiFi.SSID.1.SSID"
KEY = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
CHANNEL = "Device.WiFi.Radio.1.Channel"
TABLE = "Device.WiFi.SSID."
SETTLE = Policy().settle


def set_up(kind: JobKind, *, later: tuple[str, ...] = (), **payload: object) -> Any:
    tree = {NAME: "home", KEY: "", CHANNEL: 6}
    house, device = MemoryHouse(), MemoryDevice(tree, later=later, write_only=[KEY])
    call(house, device)
    house.jobs = [Job(7, 1, kind, payload)]
    return house, device


def setting(path: str, value: str, **more: object) -> dict[str, object]:
    return {"changes": [{"path": path, "value": value, **more}]}


def proof(house: MemoryHouse) -> list[tuple[object, ...]]:
    lines = the_job(house).result["proof"]
    assert isinstance(lines, list)
    return [(line["path"], line["wanted"], line["read"], line["verdict"]) for line in lines]


# --- set --------------------------------------------------------------------------------------


def test_a_set_is_read_back_in_its_session() -> None:
    house, device = set_up(JobKind.SET, **setting(NAME, "new"))
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert proof(house) == [(NAME, "new", "new", "proven")]


def test_a_value_is_compared_by_its_type() -> None:
    house, device = set_up(JobKind.SET, **setting("Device.WiFi.Enable", "true"))
    device.values["Device.WiFi.Enable"] = Value("0", ValueType.BOOLEAN)
    plain = device.perform

    def shows_numbers(operation: Operation) -> Any:
        answer = plain(operation)
        if isinstance(operation, Set):
            device.values["Device.WiFi.Enable"] = Value("1", ValueType.BOOLEAN)
        return answer

    device.perform = shows_numbers
    call(house, device)
    assert proof(house) == [("Device.WiFi.Enable", "true", "1", "proven")]


def test_a_set_that_shows_no_effect_has_failed_and_names_both_values() -> None:
    house, device = set_up(JobKind.SET, **setting(CHANNEL, "11"))
    plain = device.perform
    device.perform = lambda asked: Written() if isinstance(asked, Set) else plain(asked)
    call(house, device)
    assert the_job(house).state is JobState.FAILED
    assert the_job(house).result["error"] == f"{CHANNEL} is '6', not '11' as was written"


@pytest.mark.parametrize("more", [{}, {"secret": True}])
def test_a_password_is_accepted_and_cannot_be_read_and_is_shown_nowhere(
    more: dict[str, object],
) -> None:
    house, device = set_up(JobKind.SET, **setting(KEY, "hunter2!", **more))
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert proof(house) == [(KEY, "***", None, "written")]
    assert "hunter2!" not in repr(house.effects)


def test_what_is_applied_later_is_done_when_it_is_seen() -> None:
    house, device = set_up(JobKind.SET, later=(NAME,), **setting(NAME, "new"))
    call(house, device)
    assert the_job(house).state is JobState.SENT
    assert not [op for op in device.operations if op == Get((NAME,))][1:], "not read at once"
    call(house, device, after=SETTLE / 3)
    assert the_job(house).state is JobState.SENT, "it may take its time"
    device.next_session()
    call(house, device, after=SETTLE / 3)
    assert the_job(house).state is JobState.DONE
    assert proof(house) == [(NAME, "new", "new", "proven")]
    assert device.sets == [], "written once"


def test_what_is_never_applied_has_failed() -> None:
    house, device = set_up(JobKind.SET, later=(NAME,), **setting(NAME, "new"))
    call(house, device)
    call(house, device, after=SETTLE + 1)
    assert the_job(house).state is JobState.FAILED
    assert the_job(house).result["error"] == f"{NAME} is 'home', not 'new' as was written"


def test_a_session_lost_while_it_is_looked_for_leaves_it_to_the_next() -> None:
    house, device = set_up(JobKind.SET, later=(NAME,), **setting(NAME, "new"))
    call(house, device)
    device.next_session()
    device.lost_after = 2
    with pytest.raises(SessionLost):
        call(house, device)
    assert the_job(house).state is JobState.SENT
    device.lost_after = None
    call(house, device)
    assert the_job(house).state is JobState.DONE


def test_a_set_lost_before_it_is_read_back_is_done_again() -> None:
    house, device = set_up(JobKind.SET, **setting(NAME, "new", type="string"))
    device.lost_after = 3
    with pytest.raises(SessionLost):
        call(house, device)
    assert the_job(house).state is JobState.QUEUED
    device.lost_after = None
    call(house, device)
    assert the_job(house).state is JobState.DONE


# --- add --------------------------------------------------------------------------------------


def test_a_row_is_seen_and_its_values_are_read_back() -> None:
    house, device = set_up(JobKind.ADD, table=TABLE, values={"SSID": "extra"})
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert the_job(house).result["row"] == f"{TABLE}2."
    assert proof(house) == [(f"{TABLE}2.SSID", "extra", "extra", "proven")]
    assert List(f"{TABLE}2.") in device.operations


def test_a_row_that_is_not_there_has_failed() -> None:
    house, device = set_up(JobKind.ADD, table=TABLE)
    plain = device.perform
    device.perform = lambda asked: Added(f"{TABLE}9.") if isinstance(asked, Add) else plain(asked)
    call(house, device)
    assert the_job(house).state is JobState.FAILED
    assert the_job(house).result["error"] == f"{TABLE}9. was created, but is not there"


class LateRows:
    """A device whose new rows are there from its next session on (Status 1)."""

    def __init__(self, device: MemoryDevice) -> None:
        self.device, self.plain, self.due = device, device.perform, False
        device.perform = self.perform  # type: ignore[method-assign]

    def perform(self, operation: Operation) -> Any:
        if isinstance(operation, Add):
            return Added(f"{TABLE}2.", pending=True)
        return self.plain(operation)

    def apply(self) -> None:
        self.plain(Add(TABLE))


def test_a_row_that_comes_later_gets_its_values_then() -> None:
    house, device = set_up(JobKind.ADD, table=TABLE, values={"SSID": "extra"})
    rows = LateRows(device)
    call(house, device)
    assert the_job(house).state is JobState.SENT
    rows.apply()
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert proof(house) == [(f"{TABLE}2.SSID", "extra", "extra", "proven")]
    assert not [op for op in device.operations if isinstance(op, Add)], "created once"


def test_a_row_that_never_comes_has_failed() -> None:
    house, device = set_up(JobKind.ADD, table=TABLE)
    LateRows(device)
    call(house, device)
    assert the_job(house).state is JobState.SENT
    call(house, device, after=SETTLE + 1)
    assert the_job(house).state is JobState.FAILED
    assert "is not there" in str(the_job(house).result["error"])


def test_a_row_whose_values_are_refused_is_named_and_stays() -> None:
    house, device = set_up(JobKind.ADD, table=TABLE, values={"SSID": "x"})
    device.refuse[f"{TABLE}2.SSID"] = 9007
    call(house, device)
    assert the_job(house).state is JobState.FAILED
    assert the_job(house).result["row"] == f"{TABLE}2."
    said = str(the_job(house).result["error"])
    assert said.startswith(f"{TABLE}2. was created and stays, but its values were refused")


@pytest.mark.parametrize("lost_after", [3, 4, 5, 6])
def test_an_add_lost_after_its_row_is_known_goes_on_with_that_row(lost_after: int) -> None:
    house, device = set_up(JobKind.ADD, table=TABLE, values={"SSID": "extra"})
    device.lost_after = lost_after
    with pytest.raises(SessionLost):
        call(house, device)
    assert the_job(house).result["row"] == f"{TABLE}2."
    device.lost_after = None
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert f"{TABLE}3.SSID" not in device.values


# --- delete -----------------------------------------------------------------------------------


def test_a_row_is_deleted_when_it_is_gone() -> None:
    house, device = set_up(JobKind.DELETE, row=f"{TABLE}1.")
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert device.operations[-2:] == [Delete(f"{TABLE}1."), List(f"{TABLE}1.")]


@pytest.mark.parametrize("pending", [True, False])
def test_a_row_that_stays_has_failed(pending: bool) -> None:
    house, device = set_up(JobKind.DELETE, row=f"{TABLE}1.")
    plain = device.perform
    device.perform = lambda asked: Written(pending) if isinstance(asked, Delete) else plain(asked)
    call(house, device)
    assert the_job(house).state is (JobState.SENT if pending else JobState.FAILED)
    call(house, device, after=SETTLE + 1)
    assert the_job(house).state is JobState.FAILED
    assert the_job(house).result["error"] == f"{TABLE}1. is still there"


def test_a_delete_whose_session_was_lost_is_done_if_the_row_is_gone() -> None:
    house, device = set_up(JobKind.DELETE, row=f"{TABLE}1.")
    plain = device.perform

    def deletes_and_goes(operation: Operation) -> Any:
        answer = plain(operation)
        if isinstance(operation, Delete):
            raise SessionLost("gone")
        return answer

    device.perform = deletes_and_goes
    with pytest.raises(SessionLost):
        call(house, device)
    device.perform = plain
    assert the_job(house).state is JobState.SENT
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert not [op for op in device.operations if isinstance(op, Delete)]


def test_a_refused_delete_has_failed() -> None:
    house, device = set_up(JobKind.DELETE, row="Device.Nope.1.")
    call(house, device)
    assert the_job(house).result["code"] == 9005
    assert the_job(house).result["error"] == "Device.Nope.1.: fault 9005 (Invalid parameter name)"
