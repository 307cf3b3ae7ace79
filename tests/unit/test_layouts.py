"""Units of a model that are in factory state need not list their tables one after the other."""

from __future__ import annotations

from dataclasses import replace

from device_in_memory import MemoryDevice
from device_trees import xx230v
from house_in_memory import KEY, SSID, MemoryHouse, served

from acs.devices.layouts import MOST_MODELS, Layouts
from acs.devices.record import Standing
from acs.model import EventKind, Fault, Get, List

TABLE = "Device.WiFi.SSID.{i}."
ROWS = [f"Device.WiFi.SSID.{n}." for n in (1, 2, 10)]


def test_a_table_is_believed_once_two_units_in_a_row_agree() -> None:
    layouts = Layouts()
    assert layouts.learn("m", {TABLE: reversed(ROWS)}) == {}
    assert layouts.rows("m") == {}
    assert layouts.learn("m", {TABLE: ROWS}) == {TABLE: tuple(ROWS)}
    assert layouts.rows("m") == {TABLE: tuple(ROWS)}, "in the order of their numbers"
    assert layouts.learn("m", {TABLE: ROWS}) == {}, "that is known"
    assert Layouts({"m": layouts.rows("m")}).rows("m") == {TABLE: tuple(ROWS)}
    assert layouts.learn("m", {TABLE: ROWS[:1]}) == {TABLE: ()}
    assert layouts.rows("m") == {}
    for _ in range(2):
        assert layouts.learn("m", {TABLE: ()}) == {}, "that would have to be listed anyway"
    assert layouts.rows("another") == {}


def test_what_is_remembered_is_bounded() -> None:
    layouts = Layouts()
    for number in range(MOST_MODELS + 10):
        for _ in range(2):
            layouts.learn(f"m{number}", {TABLE: ROWS})
    assert layouts.rows("m0") == {}
    assert layouts.rows(f"m{MOST_MODELS + 9}")


def lists(device: MemoryDevice) -> list[str]:
    return [each.path for each in device.operations if isinstance(each, List)]


def first_session(layouts: Layouts, device: MemoryDevice) -> MemoryHouse:
    """Let a new unit of the model come for the first time."""
    house = served()
    house.layouts = layouts
    house.visited(device, EventKind.BOOTSTRAP)
    return house


def test_the_third_unit_of_a_model_lists_nothing_and_is_given_the_same() -> None:
    layouts, units = Layouts(), [xx230v() for _ in range(3)]
    houses = [first_session(layouts, unit) for unit in units]
    assert lists(units[0]) and lists(units[1])
    assert not lists(units[2])
    assert units[2].written == units[0].written
    assert KEY in units[2].written
    assert houses[2].device is not None
    assert houses[2].device.standing is Standing.VERIFYING


def test_a_unit_without_these_rows_lists_its_tables_after_all() -> None:
    layouts = Layouts()
    for _ in range(2):
        first_session(layouts, xx230v())
    short = xx230v()
    gone = [path for path in short.values if path.startswith(("Device.WiFi.SSID.14.",))]
    assert gone, "the model has fourteen"
    for path in gone:
        del short.values[path]
    first_session(layouts, short)
    assert lists(short)
    assert KEY in short.written


def test_a_refused_question_leads_to_the_lists() -> None:
    layouts = Layouts()
    units = [xx230v() for _ in range(3)]
    for unit in units:
        first_session(layouts, unit)
    _identity, question, *_ = (
        number for number, each in enumerate(units[2].operations, 1) if isinstance(each, Get)
    )
    device = xx230v()
    device.fault_at = {question: Fault(9004, "too much at once")}
    first_session(layouts, device)
    assert lists(device)
    assert KEY in device.written


def test_a_unit_that_is_no_longer_in_factory_state_is_always_asked() -> None:
    layouts = Layouts()
    for _ in range(2):
        first_session(layouts, xx230v())
    device = xx230v()
    house = first_session(layouts, device)
    device.next_session()
    house.kept = replace(house.kept, seen=None)
    house.visited(device)
    assert lists(device)
    assert device.values[SSID].text == "Maison"
