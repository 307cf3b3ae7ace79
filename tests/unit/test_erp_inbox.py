"""Webhooks are worked off: one reading for many hints, nothing lost while the site is away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from acs.store.inbox import InboxRow, InboxState, Settled
from erp_bridge.errors import ErpRejected, ErpUnavailable
from erp_bridge.inbox import BATCH, PAUSES, InboxWorker, Kind, Worked
from erp_bridge.source import Reread

NOW = 1_800_000_000.0
KINDS = {
    "Service Equipment": Kind.EQUIPMENT,
    "Service Subscription": Kind.PLACE,
    "Dispatch Job": Kind.JOB,
}
STAMP = "2026-11-22 10:00:00.000001"


class World:
    """An inbox, a mirror and a site in memory; they are the desk and the reader of a worker."""

    def __init__(self) -> None:
        self.rows: dict[int, InboxRow] = {}
        self.stamps: dict[str, str] = {}
        self.around: dict[tuple[str, str], set[str]] = {}
        self.unreadable: dict[str, str] = {}
        self.rejected: set[str] = set()
        self.refused: set[str] = set()
        self.is_away = False
        self.read: list[list[str]] = []
        self.now = NOW
        self.worker = InboxWorker(self, self, kinds=KINDS, clock=lambda: self.now)

    def hint(self, name: str, doctype: str = "Service Equipment", modified: str = STAMP) -> int:
        row_id = len(self.rows) + 1
        self.rows[row_id] = InboxRow(
            row_id, "erpnext", str(row_id), doctype, name, modified,
            InboxState.WAITING, 0, self.now, self.now, 0.0, "",
        )  # fmt: skip
        return row_id

    def waiting(self, limit: int, /) -> Deferred[list[InboxRow]]:
        rows = self.rows.values()
        due = [r for r in rows if r.state is InboxState.WAITING and r.next_at <= self.now]
        return succeed(due[:limit])

    def settle(self, settled: Sequence[Settled], /) -> Deferred[None]:
        for each in settled:
            row = self.rows[each.id]
            self.rows[each.id] = replace(
                row,
                state=each.state,
                error=each.error,
                next_at=each.next_at,
                attempts=row.attempts + 1,
            )
        return succeed(None)

    def mirrored(self, names: Collection[str], /) -> Deferred[Mapping[str, str]]:
        return succeed({name: self.stamps[name] for name in names if name in self.stamps})

    def concerned(self, doctype: str, names: Sequence[str], /) -> Deferred[Collection[str]]:
        if doctype in self.refused:
            raise ErpRejected("no such field", "mend the mapping")
        found: set[str] = set()
        return succeed(found.union(*(self.around.get((doctype, name), set()) for name in names)))

    async def reread(self, names: Collection[str], /) -> Reread:
        self.read.append(sorted(names))
        if self.is_away:
            raise ErpUnavailable("the site is away", "wait")
        if self.rejected.intersection(names):
            raise ErpRejected("DataError", "mend it")
        bad = {name: self.unreadable[name] for name in names if name in self.unreadable}
        return Reread(same=tuple(name for name in names if name not in bad), unreadable=bad)

    def work(self) -> Worked:
        heard: list[Any] = []
        Deferred.fromCoroutine(self.worker.work()).addBoth(heard.append)
        if not isinstance(heard[0], Worked):
            heard[0].raiseException()
        worked: Worked = heard[0]
        return worked

    def state(self, row_id: int) -> InboxState:
        return self.rows[row_id].state


def test_an_empty_inbox_asks_nothing() -> None:
    world = World()
    assert not world.work()
    assert world.read == []


def test_many_hints_are_one_reading() -> None:
    world = World()
    for name in ("EQP-2", "EQP-1", "EQP-2"):
        world.hint(name)
    assert world.work() == Worked(read=3)
    assert world.read == [["EQP-1", "EQP-2"]]
    assert {row.state for row in world.rows.values()} == {InboxState.DONE}
    assert not world.work()


def test_who_has_the_profile_of_a_box_is_read_with_it() -> None:
    world = World()
    world.around["Service Equipment", "EQP-1"] = {"EQP-1", "EQP-NEW"}
    world.hint("EQP-1")
    world.work()
    assert world.read == [["EQP-1", "EQP-NEW"]]


def test_a_subscription_is_the_equipment_at_its_place() -> None:
    world = World()
    world.around["Service Subscription", "SUB-1"] = {"EQP-7", "EQP-8"}
    row = world.hint("SUB-1", "Service Subscription")
    nobody = world.hint("SUB-2", "Service Subscription")
    assert world.work() == Worked(read=2)
    assert world.read == [["EQP-7", "EQP-8"]]
    assert world.state(row) is world.state(nobody) is InboxState.DONE


@pytest.mark.parametrize(
    ("modified", "mirrored", "is_read"),
    [
        pytest.param(STAMP, "2026-11-22 12:00:00.000002", False, id="long overtaken"),
        pytest.param(STAMP, "2026-11-22 12:00:00.000002 tag", False, id="with what is around"),
        pytest.param(STAMP, "2026-11-22 11:00:00.000001", True, id="the clock may have gone back"),
        pytest.param(STAMP, STAMP, True, id="it may be deleted"),
        pytest.param(STAMP, "2026-11-22 09:00:00", True, id="newer"),
        pytest.param(STAMP, "", True, id="not mirrored"),
        pytest.param("", STAMP, True, id="without a stamp"),
        pytest.param("yesterday", STAMP, True, id="no time"),
        pytest.param(STAMP, "2062-01-01 00:00:00", True, id="mirrored with a stamp of no clock"),
    ],
)
def test_a_late_hint_is_read_only_where_the_clock_leaves_a_doubt(
    modified: str, mirrored: str, *, is_read: bool
) -> None:
    world = World()
    world.stamps["EQP-1"] = mirrored
    row = world.hint("EQP-1", modified=modified)
    assert world.work() == (Worked(read=1) if is_read else Worked(known=1))
    assert world.read == ([["EQP-1"]] if is_read else [])
    assert world.state(row) is InboxState.DONE


def test_what_comes_while_the_site_is_away_waits_untouched() -> None:
    world = World()
    world.is_away = True
    row = world.hint("EQP-1")
    before = world.rows[row]
    for _ in range(10):
        with pytest.raises(ErpUnavailable):
            world.work()
    assert world.rows[row] == before
    world.is_away = False
    assert world.work() == Worked(read=1)


def test_a_document_that_cannot_be_read_is_tried_a_few_times_and_then_failed_with_its_reason() -> (
    None
):
    world = World()
    world.unreadable["EQP-1"] = "EQP-1: its password is asterisks"
    bad, good = world.hint("EQP-1"), world.hint("EQP-2")
    assert world.work() == Worked(read=1, put_off=1)
    assert world.state(good) is InboxState.DONE
    for pause in PAUSES[:-1]:
        assert not world.work(), "not before its time"
        world.now += pause
        assert world.work() == Worked(put_off=1)
    world.now += PAUSES[-1]
    assert world.work() == Worked(failed=1)
    assert world.state(bad) is InboxState.FAILED
    assert "asterisks" in world.rows[bad].error


def test_one_that_the_site_refuses_spoils_no_others() -> None:
    world = World()
    world.rejected.add("EQP-3")
    rows = {n: world.hint(f"EQP-{n}") for n in range(1, 9)}
    assert world.work() == Worked(read=7, put_off=1)
    assert world.state(rows[3]) is InboxState.WAITING
    assert "DataError" in world.rows[rows[3]].error
    assert len(world.read) < 8, "in halves, not one by one"


def test_a_doctype_that_the_site_refuses_holds_up_no_other() -> None:
    world = World()
    world.refused.add("Service Subscription")
    refused = [world.hint(f"SUB-{n}", "Service Subscription") for n in range(BATCH)]
    equipment = world.hint("EQP-1")
    assert world.work() == Worked(put_off=BATCH)
    assert world.work() == Worked(read=1), "the oldest rows are put off, not taken again"
    assert world.state(equipment) is InboxState.DONE
    for pause in PAUSES:
        world.now += pause
        world.work()
    assert world.state(refused[0]) is InboxState.FAILED
    assert "no such field" in world.rows[refused[0]].error


def test_equipment_is_read_where_the_site_refuses_to_say_what_stands_beside_it() -> None:
    world = World()
    world.refused.add("Service Equipment")
    world.hint("EQP-1")
    assert world.work() == Worked(read=1)


def test_jobs_are_handed_on_and_settled_when_that_is_done() -> None:
    world = World()
    row = world.hint("DJ-1", "Dispatch Job")
    handed: list[list[str]] = []
    done: Deferred[None] = Deferred()

    async def take(names: Sequence[str]) -> None:
        handed.append(list(names))
        await done

    world.worker.jobs_changed = take
    Deferred.fromCoroutine(world.worker.work())
    assert handed == [["DJ-1"]]
    assert world.state(row) is InboxState.WAITING
    done.callback(None)
    assert world.state(row) is InboxState.DONE
    assert world.read == []


def test_what_nobody_wants_to_know_is_settled() -> None:
    world = World()
    job, other = world.hint("DJ-1", "Dispatch Job"), world.hint("X", "ToDo")
    world.work()
    assert world.state(job) is world.state(other) is InboxState.DONE
    assert "nothing here depends on ToDo" in world.rows[other].error
