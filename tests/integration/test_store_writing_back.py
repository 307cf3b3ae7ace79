"""What goes into the outbox from news and from going through the fleet; on both databases."""

from __future__ import annotations

from dataclasses import replace

from acs.devices.effects import (
    ClearFault,
    Effect,
    PublishNews,
    RaiseFault,
    SaveDevice,
    SaveProof,
    SaveTags,
)
from acs.devices.identity import Equipment
from acs.devices.news import News, NewsKind
from acs.devices.outgoing import OutgoingSettled, OutgoingState
from acs.devices.record import FaultRecord, Job, JobKind, Proof, ProofLine, Standing, Verdict
from acs.devices.safety import Mode, Safety
from acs.devices.source import MirrorRow
from acs.model import Contact, DeviceId
from acs.profiles import Intent, Library
from acs.server import light
from acs.server.writing_back import CONSUMER, derive_thd, known_thd, settle_thd, step_thd
from acs.store import Database, devices, equipment, jobs, outbox, wakes
from acs.store.apply import apply_thd
from acs.store.news import consume_thd
from acs.store.opening import open_thd
from erp_bridge import mapping as mappings
from erp_bridge.outbox.planner import Rhythm
from erp_bridge.outbox.worker import Known, Restamp

MAPPING = mappings.load()
NOW = 1_795_500_000.0
RHYTHM = Rhythm(6 * 3600.0, issue_after=3600.0)
STAMP = "2026-11-22 04:52:56.552654"


def live(database: Database, number: int) -> int:
    """A device that is live at an equipment of its number; its id."""
    name = f"EQP-{number}"
    box = Equipment(name, customer="Jean", service_location=f"LOC-{number}", modified=STAMP)
    database.run("o", equipment.store_thd, [MirrorRow(box, Intent(), "d", 1.0)])
    unit = DeviceId("1C61B6", "Device2", f"S{number}")
    contact = Contact(unit, "TP-Link", "cwmp", "Device.", (), {}, at=NOW)
    [opened] = database.run("o", open_thd, [contact])
    line = ProofLine("Device.X", "1", "1", Verdict.PROVEN)
    known = {"equipment": name, "standing": Standing.LIVE, "software": "1.2.3"}
    effects: list[Effect] = [
        SaveDevice(opened.device.id, known),
        SaveProof(Proof(opened.device.id, NOW, "s", "p", "f", (line,))),
    ]
    database.run("o", apply_thd, effects)
    return opened.device.id


def tell(database: Database, kind: NewsKind, device_id: int, name: str) -> None:
    news = News(kind, NOW, device_id, "key", name)
    database.run("o", apply_thd, [PublishNews(news)])


def consume(database: Database, at: float = NOW) -> None:
    def derive(conn: object, some: object) -> None:
        derive_thd(conn, some, mapping=MAPPING, rhythm=RHYTHM, now=at)  # type: ignore[arg-type]

    database.run("o", consume_thd, CONSUMER, 100, derive)


def rows(database: Database) -> dict[str, float]:
    return {row.key: row.next_at for row in database.run("o", outbox.list_thd)}


def done(database: Database) -> None:
    """All that waits was written."""
    waiting = database.run("o", outbox.list_thd, [OutgoingState.WAITING])
    ended = [OutgoingSettled(row.key, row.changed_at, OutgoingState.DONE) for row in waiting]
    database.run("o", outbox.settle_thd, ended, NOW)


def test_news_of_one_moment_is_one_row_and_the_same_again_is_none(database: Database) -> None:
    device = live(database, 1)
    tell(database, NewsKind.ONLINE, device, "EQP-1")
    tell(database, NewsKind.PROVISIONED, device, "EQP-1")
    tell(database, NewsKind.ONLINE, 99, "")
    consume(database)
    soon = NOW + 5.0
    assert rows(database) == {"equipment/EQP-1/facts": soon, "equipment/EQP-1/installation": soon}
    done(database)
    tell(database, NewsKind.PROVISIONED, device, "EQP-1")
    consume(database, NOW + 60.0)
    assert database.run("o", outbox.counts_thd) == {OutgoingState.DONE: 2}
    # Another firmware is news.
    database.run("o", apply_thd, [SaveDevice(device, {"software": "1.2.4"})])
    tell(database, NewsKind.ONLINE, device, "EQP-1")
    consume(database, NOW + 60.0)
    [due] = database.run("o", outbox.due_thd, NOW + 65.0, 10)
    assert b"1.2.4" in due.body


def test_a_fault_waits_to_become_an_issue_and_is_forgotten_when_it_was_short(
    database: Database,
) -> None:
    device = live(database, 1)
    fault = FaultRecord(device, "provision", NOW, 9007, "no")
    database.run("o", apply_thd, [RaiseFault(fault)])
    tell(database, NewsKind.FAULTED, device, "EQP-1")
    consume(database)
    assert rows(database)["equipment/EQP-1/issue"] == NOW + 3600.0
    database.run("o", apply_thd, [ClearFault(device, "provision")])
    tell(database, NewsKind.RECOVERED, device, "EQP-1")
    consume(database)
    assert "equipment/EQP-1/issue" not in rows(database)


def test_the_fleet_is_gone_through_in_steps_and_begins_anew(database: Database) -> None:
    for number in (1, 2, 3):
        live(database, number)

    def step(at: float) -> set[str]:
        before = set(rows(database))
        holding = database.run("o", step_thd, 2, lambda *_: -18.2, MAPPING, RHYTHM, at)
        assert holding == 3
        return set(rows(database)) - before

    assert step(NOW) == {"equipment/EQP-1/facts", "equipment/EQP-2/facts"}
    assert step(NOW) == {"equipment/EQP-3/facts"}
    [row] = database.run("o", outbox.of_thd, ["equipment/EQP-3/facts"]).values()
    assert b"-18.2" in row.body
    done(database)
    # Nothing differs: the first two are looked at again, and nothing is to be written.
    assert step(NOW + 6 * 3600.0) == set()
    assert database.run("o", outbox.counts_thd) == {OutgoingState.DONE: 3}


def test_safety_is_asked_for_each_equipment(database: Database) -> None:
    device = live(database, 1)
    live(database, 2)
    database.run("o", apply_thd, [SaveTags(device, frozenset({"pilot"}), frozenset())])
    names = ["EQP-1", "EQP-2"]
    allowed = Safety(Mode.ALLOW_LIST, tags=("pilot",))
    known = database.run("o", known_thd, names, allowed)
    assert known["EQP-1"] == Known(STAMP, "")
    assert "allow-list" in known["EQP-2"].withheld
    # Linked documents' stamps stand behind the equipment's own.
    linked = Equipment("EQP-1", modified=f"{STAMP} 2026-11-01 00:00:00.000000")
    database.run("o", equipment.store_thd, [MirrorRow(linked, Intent(), "d", 1.0)])
    assert database.run("o", known_thd, names, Safety())["EQP-1"] == Known(STAMP, "")
    after = "2026-11-22 05:00:00.000001"
    database.run("o", settle_thd, [], [Restamp("EQP-1", STAMP, after)], NOW)
    assert database.run("o", known_thd, names, Safety())["EQP-1"] == Known(after, "")


def test_light_is_asked_for_once_and_nobody_is_called_for_it(database: Database) -> None:
    device_id = live(database, 1)
    library = Library.load()

    def ask() -> list[Job]:
        device = database.run("o", devices.get_thd, device_id)
        latest = database.run("o", jobs.list_thd, device_id)
        assert device is not None
        family = replace(device, blueprint="tplink-a")
        database.run("o", light.ask_thd, library, family, latest, NOW, NOW + 3600)
        return database.run("o", jobs.list_thd, device_id)

    (job,) = ask()
    assert job.kind is JobKind.READ and job.expires_at == NOW + 3600
    assert any("Optical" in path for path in job.payload["paths"])  # type: ignore[attr-defined]
    assert ask() == [job]
    assert database.run("o", wakes.with_jobs_thd, 0)[0] == {}
