"""A device that was as wanted is asked one question at its boot, and all of them when in doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device_in_memory import MemoryDevice
from device_trees import xx230v
from house_in_memory import EQUIPMENT, HOME, KEY, SSID, MemoryHouse, live, served
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.devices.house import Policy
from acs.devices.record import Job, JobKind, Standing
from acs.model import EventKind, Get, List, Secret, Value

BOOT = EventKind.BOOT
SOFTWARE = "Device.DeviceInfo.SoftwareVersion"


def settled() -> tuple[MemoryDevice, MemoryHouse]:
    """A live device whose last whole look was in order."""
    device, house = xx230v(), served()
    live(device, house)
    return device, house


def glanced(device: MemoryDevice) -> bool:
    """Tell whether nothing was listed: a whole look begins with the tables."""
    return not any(isinstance(operation, List) for operation in device.operations)


def standing(house: MemoryHouse) -> Standing:
    assert house.device is not None
    return house.device.standing


def grounds(house: MemoryHouse) -> tuple[str, ...]:
    seen = house.kept.seen
    assert seen is not None and seen.grounds is not None
    return seen.grounds


def question(device: MemoryDevice) -> tuple[str, ...]:
    """The last thing it was asked, after what it says of its identity."""
    return [operation for operation in device.operations if isinstance(operation, Get)][-1].paths


def test_a_boot_with_nothing_changed_is_one_question() -> None:
    device, house = settled()
    house.visited(device, BOOT)
    assert glanced(device)
    assert house.device is not None and house.device.standing is Standing.LIVE
    assert house.device.checked_at == house.time
    assert device.sets == []


def test_the_question_names_what_was_proven_and_no_secret() -> None:
    device, house = settled()
    house.visited(device, BOOT)
    assert SSID in question(device)
    assert KEY not in question(device)
    assert set(grounds(house)) <= set(question(device))
    assert not any("KeyPassphrase" in path or "AuthPassword" in path for path in question(device))


def test_a_value_that_was_lost_is_seen_and_healed() -> None:
    device, house = settled()
    device.values[SSID] = Value("TP-Link_11C8")
    house.visited(device, BOOT)
    assert device.pending.get(SSID, device.values[SSID]).text == "Maison"
    assert standing(house) is Standing.VERIFYING
    device.next_session()
    house.visited(device, EventKind.PERIODIC, at=house.time + 61)
    assert standing(house) is Standing.LIVE
    assert glanced(device), "neither the boot nor its proof needs a whole look"


def test_what_was_written_and_is_not_seen_is_looked_into() -> None:
    device, house = settled()
    device.values[SSID] = Value("TP-Link_11C8")
    house.visited(device, BOOT)
    device.pending.clear()
    house.visited(device, EventKind.PERIODIC, at=house.time + 61)
    assert standing(house) is Standing.FAULTED
    device.operations.clear()
    house.visited(device, BOOT, at=house.time + 100_000)
    assert not glanced(device)


def test_rows_that_have_another_role_are_looked_into() -> None:
    device, house = settled()
    role = next(path for path in grounds(house) if path.endswith("X_TP_APType"))
    device.values[role] = Value("Guest")
    device.values[SSID] = Value("TP-Link_11C8")
    house.visited(device, BOOT)
    assert not glanced(device)
    assert SSID not in {change.path for each in device.sets for change in each.changes}


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_glance_plans_what_a_whole_look_would(data: st.DataObject) -> None:
    """Whatever the values became meanwhile, the same is written."""
    device, house = settled()
    seen = house.kept.seen
    assert seen is not None and seen.grounds is not None
    for path in data.draw(st.lists(st.sampled_from((*seen.paths, *seen.grounds)), max_size=4)):
        device.values[path] = data.draw(st.sampled_from([Value(""), Value("0"), Value("Guest")]))
    other, elsewhere = settled()
    other.values = dict(device.values)
    assert elsewhere.kept.seen is not None
    elsewhere.kept = replace(elsewhere.kept, seen=None)
    for each, its_house in ((device, house), (other, elsewhere)):
        its_house.visited(each, BOOT)
    assert device.sets == other.sets
    assert standing(house) is standing(elsewhere)


def test_a_parameter_that_is_gone_is_looked_into() -> None:
    device, house = settled()
    del device.values[SSID]
    house.visited(device, BOOT)
    assert any(isinstance(operation, List) for operation in device.operations)


@pytest.mark.parametrize("event", [EventKind.BOOT, EventKind.VALUE_CHANGE])
def test_it_may_follow_another_glance(event: EventKind) -> None:
    device, house = settled()
    for _ in range(3):
        device.operations.clear()
        house.visited(device, event)
        assert glanced(device)


def test_a_new_firmware_is_looked_at_as_a_whole() -> None:
    device, house = settled()
    device.values[SOFTWARE] = Value("0.7.0 3.0.0 v6066.0 Build 250101 Rel.1n")
    house.visited(device, BOOT)
    assert not glanced(device)


def test_a_reset_is_looked_at_as_a_whole() -> None:
    device, house = settled()
    device.factory_reset()
    house.visited(device, EventKind.BOOTSTRAP)
    assert not glanced(device)
    assert KEY in device.written


def test_a_new_wish_is_looked_at_as_a_whole() -> None:
    device, house = settled()
    networks = tuple(replace(n, passphrase=Secret("autre-secret")) for n in HOME.wifi)
    house.source.put(EQUIPMENT, replace(HOME, wifi=networks), "d2")
    house.visited(device, BOOT)
    assert KEY in device.written


def test_who_asks_for_a_comparison_gets_a_whole_one() -> None:
    device, house = settled()
    house.jobs = [Job(7, 1, JobKind.PROVISION)]
    house.visited(device, BOOT)
    assert not glanced(device)


def test_once_a_day_it_is_looked_at_as_a_whole() -> None:
    device, house = xx230v(), served(Policy(check_interval=3600))
    live(device, house)
    house.visited(device, BOOT, at=house.time + 1800)
    assert glanced(device)
    device.operations.clear()
    house.visited(device, BOOT, at=house.time + 1801)
    assert not glanced(device)


def test_a_wish_that_cannot_be_met_is_tried_at_each_boot() -> None:
    device, house = xx230v(), served()
    for path in [p for p in device.values if ".MultiIsp." in p]:
        del device.values[path]
    live(device, house)
    house.visited(device, BOOT)
    assert not glanced(device)
