"""The source of the core: mirror first, ERPNext in the background, nobody waits long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from erp_in_memory import Erp, keyed
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from acs.devices.identity import Equipment, Hints, Terms, terms
from acs.devices.source import Found, MirrorRow, Pending, Wish
from acs.model import DeviceId, Secret
from acs.profiles.intent import Intent
from erp_bridge.asking import Asker
from erp_bridge.breaker import Breaker, State
from erp_bridge.errors import ErpUnavailable
from erp_bridge.forgetting import Forgetting
from erp_bridge.lookup import Lookup
from erp_bridge.mapping import load
from erp_bridge.source import ErpSource, Hooks, Limits, Reread
from erp_bridge.spelling import fits
from simulators.erpnext.methods import Method
from simulators.erpnext.scripts import SCRIPTS

START = 1_800_000_000.0
ONE: dict[str, Any] = {
    "name": "EQP-1",
    "serial_number": "2227ABC",
    "mac_address": "1C:61:B4:FA:11:C8",
    "status": "active",
    "wifi_ssid": "Maison",
    "wifi_password": "s<b>cr3t",
}
ASKED = Terms(serials=("2227ABC",))


class MirrorInMemory:
    def __init__(self) -> None:
        self.rows: dict[str, MirrorRow] = {}
        self.stored: list[list[str]] = []
        self.on_line: list[list[str]] = []
        self.broken = False

    def find(self, asked: Sequence[Terms]) -> Awaitable[tuple[MirrorRow, ...]]:
        hits = [r for r in self.rows.values() if any(fits(t, r.equipment) for t in asked)]
        return succeed(tuple(hits))

    def wish(self, equipment: str) -> Awaitable[MirrorRow | None]:
        return succeed(self.rows.get(equipment))

    def known(self, wanted: Sequence[str]) -> Awaitable[Mapping[str, MirrorRow]]:
        return succeed({name: self.rows[name] for name in wanted if name in self.rows})

    def store(self, rows: Sequence[MirrorRow], *, on_line: Collection[str] = ()) -> Awaitable[None]:
        if self.broken:
            raise OSError("disk full")
        self.stored.append([row.equipment.name for row in rows])
        self.on_line.append(sorted(on_line))
        self.rows |= {row.equipment.name: row for row in rows}
        return succeed(None)

    def forget(self, equipment: Sequence[str]) -> Awaitable[None]:
        for name in equipment:
            self.rows.pop(name, None)
        return succeed(None)

    def size(self) -> Awaitable[int]:
        return succeed(len(self.rows))


class World:
    """A source on a clock, its mirror, and an ERPNext whose answers can be held back."""

    def __init__(
        self,
        *equipment: dict[str, Any],
        customers: int = 0,
        scripts: Mapping[str, Method] = SCRIPTS,
        **limits: Any,
    ) -> None:
        self.erp = Erp(equipment, customers=customers, scripts=scripts)
        self.clock = Clock()
        self.clock.advance(START)
        self.mirror = MirrorInMemory()
        self.breaker = Breaker(self.clock.seconds)
        self.slow = False
        self.waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        self.told: list[tuple[State, str, bool]] = []
        self.failures: list[Exception] = []
        self.kept: list[int] = []
        self.limits = Limits(**limits)
        self.client_options: dict[str, Any] = {"retries": 0}
        self.source = self.new_source("acs.bridge")

    def new_source(self, user: str) -> ErpSource:
        return ErpSource(
            self.clock,
            Lookup(self.erp.client(user, **self.client_options), load(), digest=keyed),
            self.mirror,
            Asker(
                self.breaker,
                self._in_thread,
                failed=self.failures.append,
                changed=lambda state, reason, alarm: self.told.append((state, reason, alarm)),
            ),
            Forgetting(0.1, self.clock.seconds),
            digest=keyed,
            clock=self.clock.seconds,
            limits=self.limits,
            hooks=Hooks(failed=self.failures.append, kept=self.kept.append),
        )

    def _in_thread(self, work: Callable[[], Any]) -> Deferred[Any]:
        if not self.slow:
            return maybeDeferred(work)
        answer: Deferred[Any] = Deferred()
        self.waiting.append((work, answer))
        return answer

    def release(self) -> None:
        """Let the held queries be answered."""
        held, self.waiting = self.waiting, []
        for work, answer in held:
            maybeDeferred(work).chainDeferred(answer)

    def ask(self, asked: Terms = ASKED) -> list[Any]:
        return self._heard(self.source.find(asked))

    def wish(self, name: str) -> list[Any]:
        return self._heard(self.source.wish(name))

    def find(self, asked: Terms = ASKED) -> Any:
        heard = self.ask(asked)
        self.clock.advance(1)
        return heard[0]

    @staticmethod
    def _heard(coroutine: Any) -> list[Any]:
        heard: list[Any] = []
        Deferred.fromCoroutine(coroutine).addCallback(heard.append)
        return heard


def names(found: Any) -> list[str]:
    assert isinstance(found, Found)
    return [equipment.name for equipment in found.equipment]


def test_a_miss_is_looked_up_mirrored_and_answered() -> None:
    world = World(ONE)
    assert names(world.find()) == ["EQP-1"]
    row = world.mirror.rows["EQP-1"]
    assert row.fetched_at == pytest.approx(START, abs=1)
    assert row.intent.wifi[0].passphrase == Secret("s<b>cr3t")
    queries = world.erp.queries
    assert names(world.find()) == ["EQP-1"]
    assert world.erp.queries == queries


def test_the_wish_comes_from_the_mirror_with_a_digest() -> None:
    world = World(ONE)
    world.find()
    queries = world.erp.queries
    [wish] = world.wish("EQP-1")
    assert isinstance(wish, Wish)
    assert wish.intent.wifi[0].ssid == "Maison"
    assert len(wish.digest) == 64
    assert "s<b>cr3t" not in repr(wish)
    assert world.erp.queries == queries


def test_many_sessions_share_one_query() -> None:
    world = World(customers=200)
    heard = [world.ask(Terms(serials=(f"2227{n:09d}",))) for n in range(1, 201)]
    world.clock.advance(1)
    assert [names(found) for [found] in heard] == [[f"EQP-{100_000 + n}"] for n in range(1, 201)]
    # Equipment, passwords, whether there are subscriptions, and which.
    assert world.erp.queries <= 4


def test_the_same_device_twice_asks_once() -> None:
    world = World(ONE)
    first, second = world.ask(), world.ask()
    world.clock.advance(1)
    assert names(first[0]) == names(second[0]) == ["EQP-1"]
    assert world.erp.routes["list Service Equipment"] == 1


def test_two_rows_on_one_serial_are_both_stored_and_returned() -> None:
    world = World(ONE, ONE | {"name": "EQP-2", "mac_address": None})
    assert names(world.find()) == ["EQP-1", "EQP-2"]
    assert set(world.mirror.rows) == {"EQP-1", "EQP-2"}


def test_a_slow_site_holds_nobody_and_still_fills_the_mirror() -> None:
    world = World(ONE, hold_seconds=2.0)
    world.slow = True
    heard = world.ask()
    world.clock.advance(1.9)
    assert heard == []
    world.clock.advance(0.2)
    assert isinstance(heard[0], Pending)
    assert "within 2 s" in heard[0].reason
    world.slow = False
    world.release()
    queries = world.erp.queries
    assert names(world.ask()[0]) == ["EQP-1"]
    assert world.erp.queries == queries


def test_unknown_is_remembered_for_a_while() -> None:
    world = World(negative_ttl=60)
    assert names(world.find()) == []
    queries = world.erp.queries
    assert names(world.ask()[0]) == []
    assert world.erp.queries == queries
    world.clock.advance(60)
    world.find()
    assert world.erp.queries == queries + 1


def test_what_a_webhook_brings_is_found_at_once() -> None:
    world = World(negative_ttl=60)
    world.find()
    world.mirror.rows["EQP-9"] = row_of(Equipment("EQP-9", serial_number="2227ABC"), START)
    assert names(world.ask()[0]) == ["EQP-9"]


def test_forgotten_misses_are_asked_again() -> None:
    world = World(negative_ttl=3600)
    world.find()
    queries = world.erp.queries
    world.source.forget_misses()
    world.find()
    assert world.erp.queries == queries + 1


def test_a_neighbours_row_in_the_mirror_does_not_hide_the_device() -> None:
    world = World(ONE)
    neighbour = Equipment("EQP-7", mac="1C61B4FA11C9")
    world.mirror.rows["EQP-7"] = row_of(neighbour, START)
    asked = terms(Hints(DeviceId("1C61B4", "X", "OTHER"), mac="1C61B4FA11C8"))
    assert set(names(world.find(asked))) == {"EQP-1", "EQP-7"}


# --- when ERPNext fails ---------------------------------------------------------------------


def test_a_site_that_is_down_leaves_the_mirror_serving() -> None:
    world = World(ONE)
    world.find()
    world.erp.order("drop")
    other = Terms(serials=("NEW",))
    for _ in range(3):
        assert isinstance(world.find(other), Pending)
    assert world.breaker.state is State.OPEN
    asked = world.erp.queries
    [pending] = world.ask(other)
    assert "not asked for now" in pending.reason
    assert "cannot be reached" in pending.reason
    assert names(world.ask()[0]) == ["EQP-1"]
    assert isinstance(world.wish("EQP-1")[0], Wish)
    assert world.erp.queries == asked
    assert world.told[-1][0] is State.OPEN


def test_it_is_found_again_after_an_outage() -> None:
    world = World(ONE)
    world.erp.order("drop", count=3)
    for _ in range(3):
        world.find()
    world.clock.advance(5)
    assert names(world.find()) == ["EQP-1"]
    assert [state for state, _, _ in world.told] == [State.OPEN, State.CLOSED]


def test_a_refused_key_opens_the_breaker_with_an_alarm() -> None:
    world = World(ONE)
    world.erp.order("401")
    assert isinstance(world.find(), Pending)
    [(state, reason, alarm)] = world.told
    assert (state, alarm) == (State.OPEN, True)
    assert "API key" in reason


def test_a_missing_right_opens_the_breaker_with_an_alarm() -> None:
    world = World(ONE)
    world.source = world.new_source("acs.nobody")
    assert isinstance(world.find(), Pending)
    assert world.told[-1][2]


def test_a_rate_limit_is_kept_to() -> None:
    world = World(ONE)
    world.erp.order("429", count=1)
    assert isinstance(world.find(), Pending)
    requests = world.erp.queries
    world.clock.advance(37)
    assert isinstance(world.find(), Pending)
    assert world.erp.queries == requests
    world.clock.advance(2)
    assert names(world.find()) == ["EQP-1"]


def test_a_mirror_that_cannot_store_is_told_and_waited_for() -> None:
    world = World(ONE)
    world.mirror.broken = True
    assert isinstance(world.find(), Pending)
    assert isinstance(world.failures[-1], OSError)
    assert world.breaker.state is State.CLOSED
    world.mirror.broken = False
    assert names(world.find()) == ["EQP-1"]


def test_too_many_questions_are_pending_at_once() -> None:
    world = World(connections=1, batch=1, waiting=2)
    world.slow = True
    for n in range(3):
        world.ask(Terms(serials=(f"S{n}",)))
    [pending] = world.ask(Terms(serials=("S9",)))
    assert "too many" in pending.reason


def test_no_failure_shows_a_secret() -> None:
    world = World(ONE)
    world.erp.order("500html", match="acs_equipment_secrets")
    world.find()
    world.erp.simulator.faults.clear()
    assert world.failures
    shown = " ".join(map(repr, [*world.failures, *world.told, *map(str, world.failures)]))
    assert "s<b>cr3t" not in shown
    assert "demo-secret" not in shown


# --- keeping the mirror fresh ----------------------------------------------------------------


def row_of(equipment: Equipment, fetched_at: float) -> MirrorRow:
    return MirrorRow(equipment, Intent(), "digest", fetched_at)


def test_an_old_row_is_answered_at_once_and_read_again_behind() -> None:
    world = World(ONE, refresh_seconds=3600)
    world.find()
    digest = world.mirror.rows["EQP-1"].digest
    world.erp.change("EQP-1", wifi_password="s<b>cr3u")  # same length: asterisks are equal
    world.clock.advance(3600)
    world.slow = True
    [wish] = world.wish("EQP-1")
    assert wish.digest == digest
    world.clock.advance(1)
    world.slow = False
    world.release()
    row = world.mirror.rows["EQP-1"]
    assert row.intent.wifi[0].passphrase == Secret("s<b>cr3u")
    assert row.digest != digest
    assert row.fetched_at >= START + 3600


def test_an_unchanged_row_is_only_stamped() -> None:
    world = World(ONE, refresh_seconds=3600)
    world.find()
    before = world.mirror.rows["EQP-1"]
    secrets = world.erp.routes["acs_equipment_secrets Service Equipment"]
    world.clock.advance(3600)
    world.find()
    after = world.mirror.rows["EQP-1"]
    assert after == replace(before, fetched_at=after.fetched_at)
    assert after.fetched_at > before.fetched_at
    assert world.erp.routes["acs_equipment_secrets Service Equipment"] == secrets


def test_a_row_of_an_earlier_run_is_read_whole() -> None:
    world = World(ONE, refresh_seconds=3600)
    world.find()
    world.clock.advance(3600)
    world.source = world.new_source("acs.bridge")
    world.mirror.rows["EQP-1"] = replace(world.mirror.rows["EQP-1"], digest="other mapping")
    world.find()
    assert world.mirror.rows["EQP-1"].digest != "other mapping"


def unreadable(call: Any) -> Any:
    rows = SCRIPTS["acs_equipment_secrets"].run(call)
    return [row | {"wifi_password": "********"} for row in rows]


def test_a_password_that_cannot_be_read_waits_with_its_reason() -> None:
    world = World(ONE, scripts={"acs_equipment_secrets": Method(unreadable)})
    pending = world.find()
    assert isinstance(pending, Pending)
    assert "EQP-1" in pending.reason
    assert "asterisks" in pending.reason
    assert world.mirror.rows == {}
    assert world.breaker.state is State.CLOSED


def test_a_neighbours_unreadable_password_holds_nobody_else() -> None:
    world = World(ONE, scripts={"acs_equipment_secrets": Method(unreadable)})
    asked = terms(Hints(DeviceId("1C61B4", "X", "OTHER"), mac="1C61B4FA11C7"))
    assert names(world.find(asked)) == ["EQP-1"]


def test_a_refresh_that_cannot_read_the_password_keeps_the_row() -> None:
    world = World(ONE, scripts={"acs_equipment_secrets": Method(unreadable)})
    old = row_of(Equipment("EQP-1", serial_number="2227ABC"), 0)
    world.mirror.rows["EQP-1"] = old
    assert names(world.find()) == ["EQP-1"]
    queries = world.erp.queries
    assert names(world.find()) == ["EQP-1"]
    assert world.mirror.rows["EQP-1"] == old
    assert world.erp.queries == queries


def test_refreshes_share_one_query() -> None:
    world = World(customers=50, refresh_seconds=3600)
    asked = [Terms(serials=(f"2227{n:09d}",)) for n in range(1, 51)]
    for one in asked:
        world.ask(one)
    world.clock.advance(1)
    world.clock.advance(3600)
    queries = world.erp.queries
    for one in asked:
        world.ask(one)
        world.ask(one)
    world.clock.advance(1)
    assert world.erp.queries <= queries + 2
    assert all(row.fetched_at > START + 3600 - 1 for row in world.mirror.rows.values())


def test_equipment_gone_from_erpnext_is_forgotten() -> None:
    world = World(ONE)
    gone = Equipment("EQP-8", serial_number="GONE", modified="x")
    world.mirror.rows["EQP-8"] = row_of(gone, 0)
    assert names(world.find(Terms(serials=("GONE",)))) == ["EQP-8"]
    assert "EQP-8" not in world.mirror.rows
    heard = world.wish("EQP-8")
    world.clock.advance(1)
    assert heard == [None]


def test_a_wish_missing_from_the_mirror_is_fetched_by_name() -> None:
    world = World(ONE)
    heard = world.wish("EQP-1")
    world.clock.advance(1)
    assert isinstance(heard[0], Wish)
    assert "EQP-1" in world.mirror.rows


def test_a_failed_refresh_keeps_the_row() -> None:
    world = World(ONE)
    world.find()
    world.clock.advance(3600)
    world.erp.order("500html", count=1)
    world.find()
    assert "EQP-1" in world.mirror.rows
    assert world.mirror.rows["EQP-1"].fetched_at < START + 3600


def test_nothing_is_asked_after_the_stop() -> None:
    world = World(ONE)
    heard = world.ask()
    world.source.stop()
    world.clock.advance(10)
    assert isinstance(heard[0], Pending)
    assert world.erp.queries == 0


# --- read again because something is known to have changed ---------------------------------


def reread(world: World, *wanted: str) -> Reread:
    [found] = World._heard(world.source.reread(wanted))
    assert isinstance(found, Reread)
    return found


def test_a_reread_tells_new_changed_same_and_gone_in_one_query() -> None:
    ones = ({"name": f"EQP-{n}", "serial_number": f"S{n}", "mac_address": None} for n in (1, 2, 3))
    world = World(*(ONE | one for one in ones))
    assert reread(world, "EQP-1", "EQP-2") == Reread(new=("EQP-1", "EQP-2"))
    world.erp.change("EQP-2", wifi_password="s<b>cr3u")  # same length: asterisks are equal
    world.erp.change("EQP-1", model="XX530v")
    world.mirror.rows["EQP-8"] = row_of(Equipment("EQP-8"), START)
    lists = world.erp.routes["list Service Equipment"]
    found = reread(world, "EQP-1", "EQP-2", "EQP-3", "EQP-8", "EQP-9")
    assert found == Reread(
        new=("EQP-3",), changed=("EQP-2",), same=("EQP-1",), gone=("EQP-8", "EQP-9")
    )
    assert world.erp.routes["list Service Equipment"] == lists + 1
    assert world.mirror.rows["EQP-2"].intent.wifi[0].passphrase == Secret("s<b>cr3u")
    assert "EQP-8" not in world.mirror.rows


def test_a_reread_of_many_names_goes_in_batches() -> None:
    world = World(customers=30, batch=20)
    found = reread(world, *(f"EQP-{100_000 + n}" for n in range(1, 31)))
    assert len(found.new) == 30
    assert [len(page) for page in world.mirror.stored] == [20, 10]


def test_a_reread_brings_back_what_was_unknown_or_rested() -> None:
    world = World(negative_ttl=3600, scripts={"acs_equipment_secrets": Method(unreadable)})
    assert names(world.find(Terms(serials=("LATER",)))) == []
    setup = world.erp.client("acs.setup")
    new = {"doctype": "Service Equipment", "name": "EQP-5", "serial_number": "LATER"}
    setup.call("frappe.client.insert", doc=new | {"equipment_type": "ONT"})
    assert names(world.find(Terms(serials=("LATER",)))) == [], "it is believed for an hour"
    assert reread(world, "EQP-5").new == ("EQP-5",)
    assert names(world.find(Terms(serials=("LATER",)))) == ["EQP-5"]


def test_a_reread_that_cannot_read_a_password_keeps_the_row_and_says_why() -> None:
    world = World(ONE, scripts={"acs_equipment_secrets": Method(unreadable)})
    old = row_of(Equipment("EQP-1", serial_number="2227ABC"), START)
    world.mirror.rows["EQP-1"] = old
    found = reread(world, "EQP-1")
    assert "asterisks" in found.unreadable["EQP-1"]
    assert world.mirror.rows["EQP-1"] == replace(old, fetched_at=0.0), "read again at a contact"


def test_a_reread_of_a_site_that_shows_nothing_empties_no_mirror() -> None:
    world = World(ONE)
    reread(world, "EQP-1")
    world.erp.order("empty")
    found = reread(world, "EQP-1")
    assert "too little" in found.unreadable["EQP-1"]
    assert found.gone == ()
    assert "EQP-1" in world.mirror.rows


def test_a_reread_fails_as_the_site_does() -> None:
    world = World(ONE)
    world.erp.order("drop")
    heard: list[Any] = []
    Deferred.fromCoroutine(world.source.reread(["EQP-1"])).addErrback(
        lambda failure: heard.append(failure.value)
    )
    assert isinstance(heard[0], ErpUnavailable)


def test_a_row_is_as_old_as_the_question() -> None:
    world = World(ONE)
    world.slow = True
    found = World._heard(world.source.reread(["EQP-1"]))
    world.clock.advance(30)
    world.slow = False
    world.release()
    assert found == [Reread(new=("EQP-1",))]
    assert world.mirror.rows["EQP-1"].fetched_at == START


def test_who_waits_on_the_line_is_told_from_who_was_sent_away() -> None:
    world = World(ONE, hold_seconds=2.0)
    world.find()
    assert world.mirror.on_line == [["EQP-1"]]
    world.mirror.rows.clear()
    world.slow = True
    world.ask()
    world.clock.advance(3)
    world.slow = False
    world.release()
    assert world.mirror.on_line == [["EQP-1"], []]


# --- how fresh a sweep makes it, and what is not believed ---------------------------------


def test_what_was_swept_lately_is_not_read_again_at_a_contact() -> None:
    world = World(ONE, refresh_seconds=3600)
    world.find()
    world.clock.advance(7200)
    world.source.swept(START + 7000, START)
    queries = world.erp.queries
    world.find()
    assert world.erp.queries == queries
    world.clock.advance(3600)
    world.find()
    assert world.erp.queries == queries + 1


def test_a_row_of_another_mapping_is_read_again_although_it_was_swept() -> None:
    world = World(ONE, refresh_seconds=3600)
    world.find()
    world.clock.advance(7200)
    world.source.swept(START + 7000, START + 7000)
    world.find()
    assert world.mirror.rows["EQP-1"].fetched_at > START + 7000


def test_a_site_that_shows_nothing_empties_no_mirror() -> None:
    world = World(ONE, refresh_seconds=3600)
    world.find()
    world.clock.advance(3600)
    world.erp.order("empty")
    world.find()
    assert list(world.mirror.rows) == ["EQP-1"]
    assert world.kept == [1]
    queries = world.erp.queries
    world.find()
    assert world.erp.queries == queries


def test_too_many_that_are_gone_are_kept() -> None:
    world = World(customers=60, refresh_seconds=3600)
    asked = [Terms(serials=(f"2227{n:09d}",)) for n in range(1, 61)]
    for one in asked:
        world.ask(one)
    world.clock.advance(1)
    setup = world.erp.client("acs.setup")
    for n in range(1, 8):
        name = f"EQP-{100_000 + n}"
        setup.call("frappe.client.delete", doctype="Service Equipment", name=name)
    world.clock.advance(3600)
    for one in asked:
        world.ask(one)
    world.clock.advance(1)
    assert len(world.mirror.rows) == 60
    assert world.kept == [7]


def test_a_storm_of_unknown_devices_becomes_few_large_batches() -> None:
    world = World(ONE, batch=500, batch_wait_ms=20, hold_seconds=2.0)
    for n in range(1000):
        world.ask(Terms(serials=(f"NEW-{n}",)))
        world.clock.advance(0.001)
    world.clock.advance(1)
    assert world.erp.queries <= 1000 / 200
