"""The outbox, what is gathered for it, and the mirror's stamp after a write; on both databases."""

from __future__ import annotations

from sqlalchemy import select

from acs.devices.effects import Effect, RaiseFault, SaveDevice, SaveProof
from acs.devices.identity import Equipment
from acs.devices.outgoing import Outgoing, OutgoingSettled, OutgoingState
from acs.devices.record import FaultRecord, Proof, ProofLine, Standing, Verdict
from acs.devices.source import MirrorRow
from acs.model import Contact, DeviceId
from acs.profiles import Intent
from acs.store import Database, equipment, field_reports, outbox
from acs.store.apply import apply_thd
from acs.store.opening import open_thd
from acs.store.tables import outbox as table

KEY = "equipment/EQ-1/facts"


def facts(body: bytes = b"one", *, key: str = KEY, next_at: float = 105.0) -> Outgoing:
    return Outgoing(key, "facts", "Service Equipment", key.split("/")[1], body, next_at=next_at)


def put(database: Database, row: Outgoing, now: float) -> Outgoing:
    database.run("o", outbox.put_thd, [row], now)
    return database.run("o", outbox.of_thd, [row.key])[row.key]


def settled(row: Outgoing, state: OutgoingState, **more: float) -> OutgoingSettled:
    return OutgoingSettled(row.key, row.changed_at, state, **more)  # type: ignore[arg-type]


def test_a_newer_body_takes_the_place_of_one_that_waits_and_puts_nothing_off(
    database: Database,
) -> None:
    put(database, facts(), 100.0)
    put(database, facts(b"two", next_at=109.0), 104.0)
    assert database.run("o", outbox.due_thd, 104.9, 10) == []
    [due] = database.run("o", outbox.due_thd, 105.0, 10)
    assert due.body == b"two"
    with database.read() as conn:
        assert b"two" not in conn.scalar(select(table.c.body)), "it is sealed"


def test_a_body_that_was_put_meanwhile_still_waits(database: Database) -> None:
    sent = put(database, facts(), 100.0)
    # Put at the same instant of the clock.
    newer = put(database, facts(b"two"), 100.0)
    database.run("o", outbox.settle_thd, [settled(sent, OutgoingState.DONE)], 106.0)
    [due] = database.run("o", outbox.due_thd, 106.0, 10)
    assert (due.body, due.state) == (b"two", OutgoingState.WAITING)
    database.run("o", outbox.settle_thd, [settled(newer, OutgoingState.DONE)], 107.0)
    assert database.run("o", outbox.due_thd, 1e9, 10) == []
    kept = database.run("o", outbox.of_thd, [KEY])[KEY]
    assert (kept.body, kept.ended_at, kept.attempts) == (b"two", 107.0, 1)


def test_a_body_over_one_that_is_doubted_is_doubted_too(database: Database) -> None:
    sent = put(database, facts(), 100.0)
    doubt = settled(sent, OutgoingState.DOUBTED, next_at=160.0)
    database.run("o", outbox.settle_thd, [doubt], 106.0)
    assert put(database, facts(b"two"), 110.0).state is OutgoingState.DOUBTED
    # And the other way round: the doubt comes up when the newer one is there already.
    other = facts(key="equipment/EQ-2/facts")
    sent = put(database, other, 100.0)
    put(database, facts(b"two", key=other.key), 101.0)
    doubt = settled(sent, OutgoingState.DOUBTED, next_at=160.0)
    database.run("o", outbox.settle_thd, [doubt], 106.0)
    found = database.run("o", outbox.of_thd, [other.key])[other.key]
    assert (found.body, found.state, found.next_at) == (b"two", OutgoingState.DOUBTED, 160.0)


def test_what_is_dead_is_tried_again_only_when_asked_for(database: Database) -> None:
    row = put(database, facts(), 100.0)
    refused = OutgoingSettled(row.key, row.changed_at, OutgoingState.DEAD, "Value missing")
    database.run("o", outbox.settle_thd, [refused], 106.0)
    assert database.run("o", outbox.due_thd, 1e9, 10) == []
    assert database.run("o", outbox.counts_thd) == {OutgoingState.DEAD: 1}
    [dead] = database.run("o", outbox.list_thd, [OutgoingState.DEAD])
    assert dead.error == "Value missing"
    assert database.run("o", outbox.retry_thd, None, 200.0) == 1
    assert database.run("o", outbox.retry_thd, KEY, 201.0) == 1
    assert database.run("o", outbox.retry_thd, "equipment/EQ-9/facts", 201.0) == 0
    assert database.run("o", outbox.oldest_thd, 300.0) == 201.0
    assert [row.key for row in database.run("o", outbox.due_thd, 201.0, 10)] == [KEY]
    assert database.run("o", outbox.drop_thd, KEY)
    assert not database.run("o", outbox.drop_thd, KEY)


def test_what_was_told_is_remembered_as_long_as_the_equipment_is_mirrored(
    database: Database,
) -> None:
    mirrored = MirrorRow(Equipment("EQ-1"), Intent(), "d", 1.0)
    database.run("o", equipment.store_thd, [mirrored])
    issue = Outgoing("equipment/EQ-1/issue", "issue", "Service Equipment", "EQ-1", b"x")
    rows = [
        put(database, new, 100.0) for new in (facts(), facts(key="equipment/EQ-2/facts"), issue)
    ]
    done = [settled(row, OutgoingState.DONE) for row in rows]
    database.run("o", outbox.settle_thd, done, 106.0)
    put(database, facts(key="equipment/EQ-3/facts"), 100.0)
    assert database.run("o", outbox.prune_thd, ("facts",), 106.0, 10) == 0
    assert database.run("o", outbox.prune_thd, ("facts",), 107.0, 10) == 2
    left = [row.key for row in database.run("o", outbox.list_thd)]
    assert left == [KEY, "equipment/EQ-3/facts"]


def test_the_stamp_of_our_own_write_is_taken_over_and_no_other(database: Database) -> None:
    before, after = "2026-11-22 04:52:56.552654", "2026-11-22 04:53:40.123456"
    linked = f"{before} 2026-11-01 00:00:00.000000"
    rows = [
        MirrorRow(Equipment(name, modified=modified), Intent(), "d", 1.0)
        for name, modified in (("EQ-1", before), ("EQ-2", linked), ("EQ-3", "2026-11-22 05"))
    ]
    database.run("o", equipment.store_thd, rows)
    told = [
        database.run("o", equipment.restamp_thd, name, before, after)
        for name in ("EQ-1", "EQ-2", "EQ-3", "EQ-4")
    ]
    assert told == [True, True, False, False]
    known = database.run("o", equipment.known_thd, ["EQ-1", "EQ-2", "EQ-3"])
    assert {name: one.equipment.modified for name, one in known.items()} == {
        "EQ-1": after,
        "EQ-2": f"{after} 2026-11-01 00:00:00.000000",
        "EQ-3": "2026-11-22 05",
    }


def test_what_the_field_shows_of_equipments_is_gathered(database: Database) -> None:
    box = Equipment("EQ-1", service_location="LOC-1")
    database.run("o", equipment.store_thd, [MirrorRow(box, Intent(), "d", 1.0)])
    ids = []
    for serial, seen in (("S1", 50.0), ("S2", 60.0)):
        unit = DeviceId("1C61B6", "Device2", serial)
        contact = Contact(unit, "TP-Link", "cwmp", "Device.", (), {}, at=seen)
        [opened] = database.run("o", open_thd, [contact])
        ids.append(opened.device.id)
    line = ProofLine("Device.X", "1", "1", Verdict.PROVEN)
    effects: list[Effect] = [
        SaveDevice(ids[0], {"equipment": "EQ-1", "last_seen": 50.0}),
        SaveDevice(ids[1], {"equipment": "EQ-1", "last_seen": 60.0, "standing": Standing.LIVE}),
        *(
            SaveProof(Proof(ids[1], at, "s", "p", "f", lines))
            for at, lines in (
                (55.0, (line,)),
                (57.0, (line, line)),
                (58.0, (ProofLine("Device.X", "1", "2", Verdict.MISMATCH),)),
            )
        ),
        RaiseFault(FaultRecord(ids[1], "provision", 59.0, 9007, "no")),
        RaiseFault(FaultRecord(ids[1], "download job", 59.0, 9010, "no")),
    ]
    database.run("o", apply_thd, effects)
    reports = database.run("o", field_reports.gather_thd, ["EQ-1", "EQ-2", ""])
    assert set(reports) == {"EQ-1", "EQ-2"}
    report = reports["EQ-1"]
    assert report.device is not None and report.device.serial_number == "S2"
    assert report.box == box
    assert report.proof is not None and (report.proof.at, len(report.proof.lines)) == (57.0, 2)
    assert report.fault is not None and report.fault.code == 9007
    assert (reports["EQ-2"].device, reports["EQ-2"].box) == (None, None)
    assert database.run("o", field_reports.holding_thd) == 2
    assert [d.id for d in database.run("o", field_reports.walk_thd, ids[0], 10)] == [ids[1]]
