"""Reading all a device holds: in pieces, over sessions, around what it refuses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from device_in_memory import MemoryDevice, Plain
from house_in_memory import MemoryHouse

from acs.devices.effects import SaveModelNames, SaveTree
from acs.devices.jobs import tree
from acs.devices.record import Job, JobKind, JobState
from acs.model import Fault, Get, List, Operation, SessionLost, Values

TABLE: dict[str, Plain] = {
    f"Device.T{table}.Row.{row}.Leaf{leaf}": f"{table}.{row}.{leaf}"
    for table in range(4)
    for row in range(1, 41)
    for leaf in range(10)
}
"""1,600 values: more than one piece."""


class Touchy(MemoryDevice):
    """Drops the line over large answers, or refuses objects."""

    most = 10_000
    refused: Iterable[str] = ()
    lists_all = True
    lists = True

    def perform(self, operation: Operation) -> Any:
        if isinstance(operation, List) and not self.lists:
            raise SessionLost("gone")
        if isinstance(operation, List) and not operation.next_level and not self.lists_all:
            raise SessionLost("gone")
        if isinstance(operation, Get) and set(self.refused) & set(operation.paths):
            return Fault(9004, "Resources exceeded")
        outcome = super().perform(operation)
        if isinstance(outcome, Values) and len(outcome.values) > self.most:
            raise SessionLost("gone")
        return outcome


def house_with(**payload: object) -> MemoryHouse:
    house = MemoryHouse()
    house.jobs = [Job(1, 1, JobKind.TREE, payload)]
    return house


def trees(house: MemoryHouse) -> list[SaveTree]:
    return [each for each in house.effects if isinstance(each, SaveTree)]


def gets(device: MemoryDevice) -> list[Get]:
    return [each for each in device.operations if isinstance(each, Get)]


def test_everything_is_read_in_pieces_by_subtree() -> None:
    house, device = house_with(), MemoryDevice(TABLE)
    house.visited(device)
    [kept] = trees(house)
    assert kept.path == ""
    assert dict(kept.values) == device.values
    assert house.jobs[0].state is JobState.DONE
    assert house.jobs[0].result["count"] == len(TABLE)
    assert house.jobs[0].result["skipped"] == []
    reads = [get for get in gets(device) if get.paths[0].startswith("Device.T")]
    assert 5 < len(reads) < 20
    assert all(len(get.paths) <= tree.NAMES for get in reads)


def test_a_part_is_read_by_its_path() -> None:
    house, device = house_with(path="Device.T1.Row.3."), MemoryDevice(TABLE)
    house.visited(device)
    [kept] = trees(house)
    assert kept.path == "Device.T1.Row.3."
    assert len(kept.values) == 10


def test_the_next_session_goes_on_where_one_has_done_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tree, "READS", 3)
    house, device = house_with(), MemoryDevice(TABLE)
    house.visited(device)
    assert house.jobs[0].state is JobState.QUEUED
    assert house.jobs[0].attempts == 0
    assert not trees(house)
    asked: list[str] = []
    while house.jobs[0].state is JobState.QUEUED:
        house.visited(device)
    [kept] = trees(house)
    assert dict(kept.values) == device.values
    asked = [path for get in gets(device) for path in get.paths if path.startswith("Device.T")]
    assert len(asked) == len(set(asked)), "nothing is read twice"


def test_a_refused_object_is_read_in_parts_and_the_rest_is_skipped() -> None:
    device = Touchy({"Device.A.B.One": "1", "Device.A.B.Two": "2", "Device.A.C.Three": "3"})
    device.refused = ["Device.", "Device.A.", "Device.A.B.", "Device.A.B.Two"]
    house = house_with()
    house.visited(device)
    [kept] = trees(house)
    assert set(kept.values) == {"Device.A.B.One", "Device.A.C.Three"}
    assert house.jobs[0].result["skipped"] == ["Device.A.B.Two"]


def test_an_object_over_which_the_line_is_lost_is_read_in_parts() -> None:
    device = Touchy(TABLE)
    device.most = 150
    house = house_with()
    for _ in range(30):
        try:
            house.visited(device)
        except SessionLost:
            # An operator asks once more; what was read stays read.
            house.jobs = [Job(1, 1, JobKind.TREE, {}, result=house.jobs[0].result)]
        if trees(house):
            break
    [kept] = trees(house)
    assert dict(kept.values) == device.values


def test_a_device_that_breaks_off_over_the_listing_is_read_object_by_object() -> None:
    device = Touchy(TABLE)
    device.lists_all = False
    house = house_with()
    with pytest.raises(SessionLost):
        house.visited(device)
    assert house.jobs[0].state is JobState.QUEUED
    assert house.jobs[0].attempts == 1
    house.visited(device)
    [kept] = trees(house)
    assert dict(kept.values) == device.values


def test_a_device_that_is_always_lost_fails_the_job() -> None:
    device = Touchy({"Device.A.B": "1"})
    device.lists = False
    house = house_with()
    for _ in range(house.policy.job_attempts):
        assert house.jobs[0].state is JobState.QUEUED
        with pytest.raises(SessionLost):
            house.visited(device)
    assert house.jobs[0].state is JobState.FAILED
    assert "values" not in house.jobs[0].result


def test_a_path_the_device_does_not_have_fails_the_job() -> None:
    house, device = house_with(path="Device.Nothing."), MemoryDevice(TABLE)
    house.visited(device)
    assert house.jobs[0].state is JobState.FAILED
    assert house.jobs[0].result["code"] == 9005


def test_names_of_the_model_are_asked_again_on_request() -> None:
    house, device = house_with(names=True), MemoryDevice(TABLE)
    house.visited(device)
    [names] = [each for each in house.effects if isinstance(each, SaveModelNames)]
    assert "Device.T1.Row.{i}.Leaf1" in names.names
