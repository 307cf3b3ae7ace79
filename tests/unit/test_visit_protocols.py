"""A device that moves from one protocol to the other: a line on its timeline says so."""

from __future__ import annotations

from dataclasses import replace

from device_trees import xx230v
from house_in_memory import live, served


def test_a_move_is_told_once() -> None:
    house, device = served(), xx230v()
    live(device, house)
    assert house.device is not None
    house.device = replace(house.device, protocol="usp")
    house.visited(device)
    assert "protocol: usp → cwmp" in house.timeline
    assert house.device.protocol == "cwmp"
    house.visited(device)
    assert house.timeline.count("protocol: usp → cwmp") == 1


def test_a_first_contact_is_no_move() -> None:
    house = served()
    house.visited(xx230v())
    assert [line for line in house.timeline if line.startswith("protocol")] == []
