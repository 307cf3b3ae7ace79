"""Records that were not taken, as an operator sees them."""

from __future__ import annotations

from acs.usp.drops import MOST, Drops, read
from acs.usp.mtp import Mtp, Origin

ORIGIN = Origin(Mtp.MQTT, None, vouched="os::A-1", peer="usp/v1/controller/os::A-1")


def test_drops_are_counted_by_reason_and_the_latest_is_named() -> None:
    drops = Drops()
    drops.add("in the name of another agent", "os::B-2", ORIGIN, 1.0)
    drops.add("in the name of another agent", "os::B-3", ORIGIN, 2.0)
    drops.add("its signature: it is not of this record", "os::B-4", ORIGIN, 3.0)
    assert drops.changed
    first, second = read(drops.text())
    assert (first.count, first.at, first.endpoint, first.vouched) == (2, 2.0, "os::B-3", "os::A-1")
    assert second.reason == "its signature"
    assert not drops.changed


def test_a_restart_goes_on_from_what_was_kept() -> None:
    before = Drops()
    before.add("no record", "", ORIGIN, 1.0)
    after = Drops(before.text())
    after.add("no record", "", ORIGIN, 2.0)
    assert [each.count for each in read(after.text())] == [2]


def test_what_is_kept_is_bounded_and_a_broken_text_is_none() -> None:
    drops = Drops(b"{")
    for number in range(MOST * 2):
        drops.add(f"reason {number}", "x" * 10_000, ORIGIN, 1.0)
    kept = read(drops.text())
    assert len(kept) == MOST
    assert max(len(each.endpoint) for each in kept) < 200
