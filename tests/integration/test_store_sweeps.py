"""What sweeps need of the store: rows without their wishes, stamps, notes; on both databases."""

from __future__ import annotations

from acs.devices.identity import Equipment
from acs.devices.source import Mirrored, MirrorRow
from acs.model import Secret
from acs.profiles import Intent
from acs.server.sweeping import NOTE, keep_thd, progress_thd
from acs.store import Database, equipment
from acs.store.notes import leave_note_thd, read_note_thd
from erp_bridge.progress import Cut, Place, Progress


def row(name: str, fetched_at: float) -> MirrorRow:
    box = Equipment(name, serial_number=f"S{name}", modified="2026-11-22 07:00:00.015000")
    return MirrorRow(box, Intent(admin_password=Secret(f"secret of {name}")), name, fetched_at)


def test_a_page_is_kept_with_its_progress(database: Database) -> None:
    database.run("s", equipment.store_thd, [row("a", 1.0), row("b", 1.0), row("c", 1.0)])
    cut = Cut(full=True, began_at=5.0, after=Place("2026-11-22 07:00:00.015000", "d"), listed=4)
    progress = Progress(mapping="m", mark="2026-11-22 07", cut=cut)
    database.run("s", keep_thd, [row("d", 6.0)], {"a": 6.0, "b": 0.0}, ["c"], progress)
    known = database.run("s", equipment.known_thd, ["a", "b", "c", "d", "e"])
    assert known == {
        "a": Mirrored(row("a", 0).equipment, 6.0),
        "b": Mirrored(row("b", 0).equipment, 0.0),
        "d": Mirrored(row("d", 0).equipment, 6.0),
    }
    assert database.run("s", equipment.size_thd) == 3
    assert database.run("s", progress_thd) == progress
    # A stamp leaves the wish as it was.
    assert database.run("s", equipment.wish_thd, ["a"])["a"].intent == row("a", 0).intent


def test_rows_that_were_not_seen_are_named_page_by_page(database: Database) -> None:
    database.run("s", equipment.store_thd, [row(name, 1.0) for name in "abcde"])
    database.run("s", equipment.stamp_thd, ["b"], 6.0)
    database.run("s", equipment.forget_thd, ["d"])
    assert database.run("s", equipment.unseen_thd, 5.0, "", 2) == ("a", "c")
    assert database.run("s", equipment.unseen_thd, 5.0, "c", 2) == ("e",)
    assert database.run("s", equipment.unseen_thd, 5.0, "e", 2) == ()


def test_a_note_replaces_the_one_before(database: Database) -> None:
    assert database.run("n", read_note_thd, NOTE) is None
    database.run("n", leave_note_thd, NOTE, b"first")
    database.run("n", leave_note_thd, NOTE, b"second")
    database.run("n", leave_note_thd, "another", b"third")
    assert database.run("n", read_note_thd, NOTE) == b"second"
