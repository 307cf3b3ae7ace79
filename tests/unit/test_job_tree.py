"""Reading all a device holds: in pieces, over sessions, around what it refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from device_in_memory import MemoryDevice, Plain
from house_in_memory import MemoryHouse

from acs.devices.effects import SaveModelNames, SaveTree
from acs.devices.jobs import tree
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    Fault,
    Get,
    List,
    ListedName,
    Names,
    Operation,
    SessionLost,
    Value,
    Values,
)

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
    for _ in range(tree.LOSSES):
        if house.jobs[0].state is JobState.QUEUED:
            with contextlib.suppress(SessionLost):
                house.visited(device)
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


class Liar(MemoryDevice):
    """Lists and tells what it likes."""

    whole: Callable[[str], Iterable[str]] | None = None
    level: Callable[[str], Iterable[str]] = staticmethod(lambda _path: ())
    told: Callable[[str], dict[str, Value]] | None = None

    def perform(self, operation: Operation) -> Any:
        match operation:
            case List(path, next_level) if next_level or self.whole is not None:
                names = (self.level if next_level else self.whole)(path)  # type: ignore[misc]
                return Names(tuple(ListedName(name, False) for name in names))
            case List() | Get() if self.told is None or isinstance(operation, List):
                return Fault(9004, "Resources exceeded")
            case Get(paths):
                assert self.told is not None
                return Values({k: v for path in paths for k, v in self.told(path).items()}, ())
            case _:
                return super().perform(operation)


def ended(device: MemoryDevice, house: MemoryHouse, sessions: int = 100) -> Job:
    for _ in range(sessions):
        if house.jobs[0].state is JobState.QUEUED:
            house.visited(device)
    job: Job = house.jobs[0]
    return job


@pytest.mark.parametrize(
    "name", ["X.Y.z{}", "Device." + "a." * 5000 + "z{}", "Device...{}", "Device."]
)
def test_listed_names_that_cannot_be_are_left_out(name: str) -> None:
    device = Liar({})
    device.whole = lambda _path: [name.format(each) for each in range(tree.LEAVES + 1)]
    job = ended(device, house_with(), 1)
    assert (job.state, job.result["error"]) == (JobState.FAILED, "the device told no value")


def test_an_object_that_lists_itself_is_not_listed_over_and_over() -> None:
    device = Liar({})
    device.level = lambda path: [path]
    assert ended(device, house_with(), 1).state is JobState.FAILED
    assert len([each for each in device.operations if isinstance(each, List)]) == 2


def test_objects_without_end_end_the_job() -> None:
    device = Liar({})
    device.level = lambda path: [f"{path}{number}." for number in range(1, 50)]
    job = ended(device, house_with())
    assert job.state is JobState.FAILED
    assert "acs device tree DEVICE PATH --refresh" in str(job.result["error"])
    assert "values" not in job.result


def test_a_tree_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_OCTETS", 100_000)
    device = Liar({})
    device.whole = lambda path: [f"{path}T.{number}.Leaf" for number in range(1000)]
    device.told = lambda path: {f"{path}{n}": Value("x" * 1000) for n in range(50)}
    house = house_with()
    assert ended(device, house).state is JobState.FAILED
    assert not trees(house)


def test_a_tree_of_which_nothing_is_told_is_not_done() -> None:
    device = Liar({})
    device.whole = lambda path: [f"{path}Leaf"]
    house = house_with()
    job = ended(device, house)
    assert job.state is JobState.FAILED
    assert job.result["skipped"] == ["Device."]
    assert not trees(house)


def test_what_was_not_told_is_counted_in_the_result() -> None:
    device = Touchy({"Device.A.One": "1", "Device.A.Two": "2"})
    device.refused = ["Device.", "Device.A.", "Device.A.Two"]
    house = house_with()
    house.visited(device)
    assert house.jobs[0].result["text"] == "1 values, 1 place not told"


def test_a_device_that_drops_the_line_in_each_session_is_left_alone_at_last() -> None:
    class Fragile(MemoryDevice):
        def perform(self, operation: Operation) -> Any:
            if isinstance(operation, Get) and len(self.operations) > 3:
                raise SessionLost("gone")
            return super().perform(operation)

    house, device = house_with(), Fragile(TABLE)
    for _ in range(tree.LOSSES):
        assert house.jobs[0].state is JobState.QUEUED
        device.operations.clear()
        with pytest.raises(SessionLost):
            house.visited(device)
    assert house.jobs[0].state is JobState.FAILED


def test_a_line_lost_over_the_names_alone_keeps_the_tree() -> None:
    class Mute(MemoryDevice):
        def perform(self, operation: Operation) -> Any:
            if operation == List("", next_level=False):
                raise SessionLost("gone")
            return super().perform(operation)

    house, device = house_with(names=True), Mute(TABLE)
    with pytest.raises(SessionLost):
        house.visited(device)
    house.visited(device)
    assert house.jobs[0].state is JobState.DONE
    [kept] = trees(house)
    assert dict(kept.values) == device.values
    names = [each for each in house.effects if isinstance(each, SaveModelNames)]
    assert "Device.T1.Row.{i}.Leaf1" in names[-1].names
