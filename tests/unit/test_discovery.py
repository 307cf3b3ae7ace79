"""Names per model: who is asked, how, what is kept, and what follows from a name's absence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from device_in_memory import MemoryDevice
from device_trees import xx230v
from house_in_memory import LIBRARY, MemoryHouse, live, served

from acs.devices import discovery
from acs.devices.effects import SaveModelNames
from acs.devices.record import Job, JobKind, Standing
from acs.devices.vocabulary import (
    CLAIM_SECONDS,
    MOST_MODELS,
    Discovery,
    KnownNames,
    Vocabulary,
    general,
    is_at,
    optional_names,
)
from acs.model import Fault, List, ListedName, Names, Operation, SessionLost

KEY = "TP-Link|XX230v|XX230v v1.0 00000000|1.0"


class Reserved(MemoryDevice):
    """A device that does not list everything at once."""

    whole: Fault | None = Fault(9004, "Resources exceeded")
    breaks = False
    no_empty_root = False

    def perform(self, operation: Operation) -> Any:
        if isinstance(operation, List) and not operation.next_level:
            if self.breaks:
                raise SessionLost("gone")
            if self.no_empty_root and not operation.path:
                return Fault(9005, "Invalid parameter name")
            if self.whole:
                return self.whole
        return super().perform(operation)


def at_home(device: MemoryDevice | None = None) -> tuple[MemoryHouse, MemoryDevice]:
    house, device = served(), device or xx230v()
    live(device, house)
    assert house.device is not None
    house.device.model = house.device.model or "XX230v"
    house.device.software = house.device.software or "1.0"
    house.discoveries.default_factory = lambda: Discovery.WHOLE
    return house, device


def reserved(**ways: object) -> Reserved:
    device = Reserved({})
    device.__dict__.update(xx230v().__dict__)
    for name, value in ways.items():
        setattr(device, name, value)
    return device


def learned(house: MemoryHouse) -> SaveModelNames:
    [effect] = [each for each in house.effects if isinstance(each, SaveModelNames)]
    return effect


def lists(device: MemoryDevice) -> list[List]:
    return [each for each in device.operations if isinstance(each, List)]


def test_a_live_device_with_nothing_to_do_is_asked_once_for_all_names() -> None:
    house, device = at_home()
    house.visited(device)
    assert lists(device) == [List("", next_level=False)]
    names = learned(house).names
    leaves = {general(path) for path in device.values}
    assert leaves == {name for name in names if not name.endswith(".")}
    assert "Device.WiFi.SSID.{i}.SSID" in names
    assert not any(".1." in name for name in names)
    house.visited(device)
    assert len(lists(device)) == 1


def test_names_say_whether_they_can_be_written() -> None:
    house, device = at_home()
    device.read_only = ["*.LowerLayers"]
    house.visited(device)
    assert learned(house).names["Device.WiFi.SSID.{i}.LowerLayers"] is False
    assert learned(house).names["Device.WiFi.SSID.{i}.SSID"] is True


def test_a_device_that_waits_for_something_is_not_asked() -> None:
    house, device = at_home()
    assert house.device is not None
    house.device.standing = Standing.VERIFYING
    house.device.plan = "p"
    house.jobs = [Job(1, 1, JobKind.READ, {"paths": ["Device.WiFi.SSID.1.SSID"]})]
    house.visited(device)
    assert not [each for each in house.effects if isinstance(each, SaveModelNames)]


def test_it_can_be_switched_off() -> None:
    house, device = at_home()
    house.policy = replace(house.policy, discover=False)
    house.visited(device)
    assert lists(device) == []


def test_the_root_object_is_tried_where_the_empty_path_is_not_known() -> None:
    house, device = at_home(reserved(whole=None, no_empty_root=True))
    house.visited(device)
    assert [each.path for each in lists(device)] == ["", "Device."]
    assert "Device.WiFi.SSID.{i}.SSID" in learned(house).names


def test_a_refusal_leads_to_object_by_object() -> None:
    house, device = at_home(reserved())
    house.visited(device)
    names = learned(house).names
    assert {general(path) for path in device.values} <= set(names)
    assert learned(house).unlisted == ()
    asked = [general(each.path) for each in lists(device) if each.next_level]
    assert max(asked.count(name) for name in asked) <= 2, "two rows of a table are enough"


def test_requests_are_bounded_and_what_was_not_reached_is_said() -> None:
    house, device = at_home(reserved())
    house.policy = replace(house.policy, discovery_rpcs=5)
    house.visited(device)
    assert len(lists(device)) == 5
    assert learned(house).unlisted


def test_a_session_lost_over_the_listing_is_remembered() -> None:
    device = reserved()
    house, device = at_home(device)
    device.breaks = True
    with pytest.raises(SessionLost):
        house.visited(device)
    assert learned(house).unlisted == ("",)
    known = KnownNames((), {})
    known.learn(learned(house))
    assert known.claim(learned(house).model_key, 0.0) is Discovery.BY_LEVEL


@pytest.mark.parametrize("ways", [{"whole": None}, {}])
def test_nothing_follows_from_absence_where_names_were_cut(
    ways: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "MAX_NAMES", 20)
    house, device = at_home(reserved(**ways))
    house.visited(device)
    found = learned(house)
    assert len(found.names) == 20
    vocabulary = Vocabulary.of(found.names, found.unlisted)
    assert not any(vocabulary.lacks(general(path)) for path in device.values)


def test_only_what_stands_below_an_object_is_listed_after_it() -> None:
    class Elsewhere(Reserved):
        def perform(self, operation: Operation) -> Any:
            answer = super().perform(operation)
            if isinstance(operation, List) and operation.next_level:
                odd = (operation.path, "Other.", operation.path + "a." * 200)
                return Names((*answer.entries, *(ListedName(path, False) for path in odd)))
            return answer

    device = Elsewhere({})
    device.__dict__.update(xx230v().__dict__)
    house, device = at_home(device)
    house.visited(device)
    asked = [each.path for each in lists(device) if each.next_level]
    assert len(asked) == len(set(asked))
    assert all(path.startswith("Device.") and len(path) < 256 for path in asked)


def test_a_device_that_calls_itself_anew_each_time_is_not_asked_without_end() -> None:
    known = KnownNames((), {})
    for number in range(MOST_MODELS):
        assert known.claim(f"m{number}", 0.0) is Discovery.WHOLE
    assert known.claim("one more", 1.0) is Discovery.NONE
    assert known.claim("later", CLAIM_SECONDS) is Discovery.WHOLE
    for number in range(MOST_MODELS):
        known.learn(SaveModelNames(f"m{number}", 0.0, {"Device.X": True}))
    assert known.claim("one more", 3 * CLAIM_SECONDS) is Discovery.NONE


def test_a_place_holds_itself_and_what_is_below() -> None:
    assert (
        is_at("Device.A.B", "")
        and is_at("Device.A.B", "Device.A")
        and is_at("Device.A", "Device.A")
    )
    assert not is_at("Device.AB", "Device.A") and not is_at("Device.A.BC", "Device.A.B")


def test_one_device_of_a_model_is_asked_at_a_time() -> None:
    known = KnownNames((), {})
    assert known.claim("a", 0.0) is Discovery.WHOLE
    assert known.claim("a", 10.0) is Discovery.NONE
    assert known.claim("b", 10.0) is Discovery.WHOLE
    assert known.claim("a", CLAIM_SECONDS) is Discovery.WHOLE
    known.learn(SaveModelNames("a", 0.0, {"Device.X": True}))
    assert known.claim("a", 3 * CLAIM_SECONDS) is Discovery.NONE


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("Device.A.{i}.Known", False),
        ("Device.A.{i}.Other", True),
        ("Device.Empty.{i}.Other", False),  # a table without rows lists nothing below it
        ("Device.Hidden.Leaf", False),
        ("Device.Unlisted.Other", False),
        ("Device.Unlisted.Deep.Other", False),
    ],
)
def test_absence_follows_only_where_the_rest_of_the_object_was_seen(name: str, lacks: bool) -> None:
    names = (
        "Device.A.",
        "Device.A.{i}.",
        "Device.A.{i}.Known",
        "Device.Empty.",
        "Device.Unlisted.Leaf",
        "Device.Unlisted.Deep.Leaf",
    )
    assert Vocabulary.of(names, ["Device.Unlisted."]).lacks(name) is lacks


def test_what_a_model_surely_lacks_is_known_from_its_names() -> None:
    optional = {"Device.A.{i}.Maybe", "Device.A.{i}.Known"}
    known = KnownNames(optional, {"m": Vocabulary.of(["Device.A.{i}.Known"])})
    assert known.lacking("m") == {"Device.A.{i}.Maybe"}
    assert known.lacking("another") == frozenset()


def test_only_what_no_blueprint_requires_is_optional() -> None:
    blueprints = [found for name in LIBRARY.names() if (found := LIBRARY.get(name))]
    optional = optional_names(blueprints)
    assert optional
    required = {
        (blueprint.tables[place.table] if place.table else "") + place.leaf
        for blueprint in blueprints
        if blueprint.wifi
        for setting in blueprint.wifi.settings.values()
        for place in setting.write
    }
    assert required
    assert optional.isdisjoint(required)


def test_aliases_and_numbers_are_the_same_place() -> None:
    assert general("Device.A.12.B.[cpe-1].C") == "Device.A.{i}.B.{i}.C"
    assert general("Device.X_1.Y2.") == "Device.X_1.Y2."
