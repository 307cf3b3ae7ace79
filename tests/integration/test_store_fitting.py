"""Which devices a change of the mirror calls, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from acs.devices.effects import SaveDevice
from acs.devices.identity import Equipment
from acs.devices.record import Standing
from acs.devices.source import MirrorRow
from acs.devices.waking import WakeState
from acs.model import Contact, DeviceId, Event, EventKind
from acs.profiles.intent import Intent
from acs.server.reacting import CHANGED, FITS, let_go_thd, take_in_thd
from acs.store import Database, equipment, wakes
from acs.store.apply import apply_thd
from acs.store.fitting import fitting_thd
from acs.store.opening import open_thd

NOW = 1_800_000_000.0
MAC = "1C61B4FA11C8"


def device(database: Database, serial: str = "2227ABC", **changes: object) -> int:
    who = DeviceId("1C61B4", "Device2", serial)
    contact = Contact(
        device=who,
        manufacturer="TP-Link",
        protocol="cwmp",
        root="Device.",
        events=(Event(EventKind.BOOT),),
        values={},
        at=1000.0,
    )
    found = database.run("open", open_thd, [contact])[0].device.id
    database.run("apply", apply_thd, [SaveDevice(found, {"standing": Standing.WAITING, **changes})])
    return found


def row(box: Equipment, digest: str = "d1", at: float = NOW) -> MirrorRow:
    return MirrorRow(box, Intent(), digest, at)


def take_in(
    database: Database, *rows: MirrorRow, now: float = NOW, on_line: Collection[str] = ()
) -> None:
    database.run("take in", take_in_thd, rows, now, on_line=on_line)


def called(database: Database) -> dict[int, str]:
    """Reasons by device; those who were called are not called again."""
    due = database.run("due", wakes.due_thd, NOW, 1000)
    database.run("over", wakes.prune_thd, NOW)
    found = {call.wake.device_id: call.wake.reason for call in due}
    for call in due:
        done = replace(call.wake, state=WakeState.WOKEN, ended_at=NOW)
        database.run("save", wakes.save_thd, [done])
    return found


GPON = "54504C47B4FA11C8"
FITTING = {
    "serial": ("2227AA1", "", Equipment("E", serial_number="2227AA1")),
    "lower case": ("2227aa2", "", Equipment("E", serial_number="2227AA2")),
    "cwmp_serial": ("2227AA3", "", Equipment("E", cwmp_serial="2227AA3")),
    "whole key": ("2227AA4", "", Equipment("E", cwmp_serial="1C61B4-DEVICE2-2227AA4")),
    "barcode": ("2227AA5", "", Equipment("E", barcode="2227AA5")),
    "GPON as text": ("TPLGB4FA11C8", "", Equipment("E", gpon_serial=GPON)),
    "GPON in hex": (GPON.lower(), "", Equipment("E", gpon_serial=GPON)),
    "MAC": ("2227AA6", MAC, Equipment("E", mac=MAC)),
    "MAC as serial": ("1c:61:b4:fa:12:c8", "", Equipment("E", mac="1C61B4FA12C8")),
}


def test_a_device_that_nothing_fitted_is_found_by_whatever_the_row_tells(
    database: Database,
) -> None:
    device(database, "OTHER", mac="1C61B4FA11C9", standing=Standing.QUARANTINED)
    wanted: dict[str, set[int]] = {}
    for how, (serial, mac, _box) in FITTING.items():
        wanted[how] = {device(database, serial, mac=mac, standing=Standing.QUARANTINED)}
    both = wanted["GPON as text"] | wanted["GPON in hex"]
    wanted |= {"GPON as text": both, "GPON in hex": both}
    found = {
        how: database.run("fitting", fitting_thd, [box]) for how, (_, _, box) in FITTING.items()
    }
    assert found == wanted


def test_one_that_is_matched_is_not_looked_for_by_serial(database: Database) -> None:
    device(database, equipment="E-OTHER", standing=Standing.LIVE)
    device(database, "2227DEF", standing=Standing.QUARANTINED)
    assert database.run("fitting", fitting_thd, [Equipment("E", serial_number="2227ABC")]) == set()


def test_a_first_fill_calls_only_those_it_means_something_to(database: Database) -> None:
    waiting = device(database, "S1", standing=Standing.QUARANTINED)
    behind = device(database, "S2", equipment="E2", standing=Standing.LIVE, wish="old:b:p")
    device(database, "S3", equipment="E3", standing=Standing.LIVE, wish="d1:b:p")
    rows = [row(Equipment(f"E{n}", serial_number=f"S{n}")) for n in range(1, 300)]
    take_in(database, *rows)
    assert called(database) == {waiting: FITS, behind: CHANGED}
    assert database.run("size", equipment.size_thd) == 299


def test_a_change_calls_once_and_what_is_the_same_calls_nobody(database: Database) -> None:
    box = Equipment("E", serial_number="2227ABC")
    matched = device(database, equipment="E", standing=Standing.LIVE, wish="d1:b:p")
    take_in(database, row(box))
    assert called(database) == {}
    take_in(database, row(box, "d2", NOW + 1))
    assert called(database) == {matched: CHANGED}
    take_in(database, row(replace(box, modified="later"), "d2", NOW + 2))
    assert called(database) == {}


def test_a_device_on_the_line_is_given_the_answer_anyway(database: Database) -> None:
    device(database, standing=Standing.QUARANTINED)
    take_in(database, row(Equipment("E", serial_number="2227ABC")), on_line=["E"])
    assert called(database) == {}


def test_who_was_in_the_way_of_a_device_frees_it_when_it_is_corrected_or_gone(
    database: Database,
) -> None:
    both = [Equipment(name, serial_number="2227ABC") for name in ("E1", "E2")]
    take_in(database, *map(row, both))
    ambiguous = device(database, standing=Standing.QUARANTINED)
    take_in(database, row(replace(both[1], serial_number="OTHER"), "d2", NOW + 1))
    assert called(database) == {ambiguous: FITS}
    database.run("let go", let_go_thd, ["E1"], NOW)
    assert called(database) == {ambiguous: FITS}
    assert database.run("size", equipment.size_thd) == 1


@pytest.mark.parametrize("earlier", [2, 600], ids=["a moment", "it waited for its turn"])
def test_a_row_that_was_read_earlier_does_not_overwrite_a_later_one(
    database: Database, earlier: float
) -> None:
    box = Equipment("E", serial_number="2227ABC")
    take_in(database, row(replace(box, barcode="LATER"), "d2", NOW))
    take_in(database, row(box, "d1", NOW - earlier))
    assert database.run("wish", equipment.wish_thd, ["E"])["E"].digest == "d2"
    # A clock that was wrong for a day must not hold the mirror for a day.
    yesterday = NOW - 86_400
    take_in(database, row(box, "d3", yesterday), now=yesterday)
    assert database.run("wish", equipment.wish_thd, ["E"])["E"].digest == "d3"
