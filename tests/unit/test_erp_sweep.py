"""Sweeps fill the mirror ahead: pages, overlap, what changed, what is gone, what is doubted."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from erp_in_memory import DOCTYPE, Erp, keyed
from twisted.internet.defer import Deferred, maybeDeferred, succeed

from acs.devices.source import Mirrored, MirrorRow
from acs.model import Secret
from erp_bridge.asking import Asker
from erp_bridge.breaker import Breaker
from erp_bridge.errors import ErpError, ErpMisconfigured, ErpUnavailable
from erp_bridge.following import Around
from erp_bridge.forgetting import HANDFUL, WINDOW, Forgetting
from erp_bridge.lookup import Lookup
from erp_bridge.mapping import parse
from erp_bridge.progress import Cut, Place, Progress, Rhythm, before, begun, is_due
from erp_bridge.source import mirror_row
from erp_bridge.sweep import Sweeper
from simulators.erpnext.errors import thrown
from simulators.erpnext.methods import Method
from simulators.erpnext.scripts import SCRIPTS
from simulators.erpnext.seeding import bulk_documents

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")
START = 1_800_000_000.0
DAY = 86_400.0
SECRETS = f"acs_equipment_secrets {DOCTYPE}"
LIST = f"list {DOCTYPE}"


class ShelfInMemory:
    def __init__(self) -> None:
        self.rows: dict[str, MirrorRow] = {}
        self.kept = Progress()
        self.stored: list[list[str]] = []

    def progress(self) -> Deferred[Progress]:
        return succeed(self.kept)

    def known(self, names: Collection[str]) -> Deferred[Mapping[str, Mirrored]]:
        found = {name: self.rows[name] for name in names if name in self.rows}
        return succeed({n: Mirrored(row.equipment, row.fetched_at) for n, row in found.items()})

    def names_at(self, around: Around) -> Deferred[Sequence[str]]:
        boxes = [row.equipment for row in self.rows.values()]
        return succeed(
            sorted(
                box.name
                for box in boxes
                if box.service_location in around.locations
                or box.service_subscription in around.subscriptions
                or box.customer in around.customers
            )
        )

    def keep(
        self,
        rows: Sequence[MirrorRow],
        stamps: Mapping[str, float],
        gone: Collection[str],
        progress: Progress,
    ) -> Deferred[None]:
        self.stored.append([row.equipment.name for row in rows])
        self.rows |= {row.equipment.name: row for row in rows}
        for name, at in stamps.items():
            self.rows[name] = replace(self.rows[name], fetched_at=at)
        for name in gone:
            del self.rows[name]
        self.kept = progress
        return succeed(None)

    def unseen(self, before: float, after: str, limit: int) -> Deferred[Sequence[str]]:
        old = [name for name, row in self.rows.items() if row.fetched_at < before and name > after]
        return succeed(sorted(old)[:limit])

    def size(self) -> Deferred[int]:
        return succeed(len(self.rows))


class World:
    """A site, a mirror, and sweeps of one over the other."""

    def __init__(
        self,
        customers: int = 0,
        *,
        equipment: Sequence[Mapping[str, Any]] = (),
        page: int = 4,
        always_full: bool = False,
        scripts: Mapping[str, Method] = SCRIPTS,
    ) -> None:
        self.erp = Erp(equipment, customers=customers, scripts=scripts)
        self.shelf = ShelfInMemory()
        self.now = START
        self.zone = "America/Toronto"
        self.ahead = 0.0
        self.mapping = "mapping"
        self.own = ""
        self.page = page
        self.rhythm = Rhythm(600, DAY, always_full=always_full)
        self.forgetting = Forgetting(0.1, self.clock)
        self.rests = 0

    def clock(self) -> float:
        self.now += 0.001
        return self.now

    def sweeper(self) -> Sweeper:
        return Sweeper(
            Lookup(self.erp.client(retries=0), parse(self.own, "site.toml", DEFAULT), digest=keyed),
            self.shelf,
            Asker(Breaker(self.clock), maybeDeferred),
            self.forgetting,
            self.rhythm,
            mapping=self.mapping,
            time_zone=lambda: self.zone,
            clock_ahead=lambda: self.ahead,
            row=lambda read, at: mirror_row(read, lambda t: hashlib.sha256(t).hexdigest(), at),
            clock=self.clock,
            rest=self._rest,
            page=self.page,
        )

    def _rest(self) -> Deferred[None]:
        self.rests += 1
        return succeed(None)

    def sweep(self, sweeper: Sweeper | None = None) -> Progress:
        """Sweep; return what is known after it. Raises what the sweep raised."""
        heard: list[Any] = []
        Deferred.fromCoroutine((sweeper or self.sweeper()).sweep()).addBoth(heard.append)
        if not isinstance(heard[0], Progress):
            heard[0].raiseException()
        return self.shelf.kept

    def asked(self) -> dict[str, int]:
        """How often the site was asked for lists and passwords since the last time."""
        routes = self.erp.routes
        self.erp.simulator.statistics.__init__()  # type: ignore[misc]
        got = routes.get(f"frappe.client.get_list {DOCTYPE}", 0)
        return {"lists": routes.get(LIST, 0) + got, "secrets": routes.get(SECRETS, 0)}

    def stamp(self, modified: str, *names: str) -> None:
        """Give documents a ``modified`` as a database script would."""
        for name in names:
            self.write(name, modified=modified)

    def write(self, name: str, doctype: str = DOCTYPE, **values: Any) -> None:
        """Change a document behind Frappe's back."""
        table = self.erp.simulator.site.documents.db.table(doctype)
        row = table.get(name)
        assert row is not None
        table.put(replace(row, values={**row.values, **values}))

    def delete(self, *names: str) -> None:
        setup = self.erp.client("acs.setup")
        for name in names:
            setup.call("frappe.client.delete", doctype=DOCTYPE, name=name)


def names(count: int, first: int = 1) -> list[str]:
    return [f"EQP-{100_000 + n}" for n in range(first, first + count)]


# --- pages ---------------------------------------------------------------------------------


def test_the_first_sweep_mirrors_everything_with_its_wishes() -> None:
    world = World(10)
    progress = world.sweep()
    assert sorted(world.shelf.rows) == names(10)
    row = world.shelf.rows["EQP-100003"]
    assert row.intent.wifi[0].passphrase
    assert row.intent.voice[0].password
    assert world.asked() == {"lists": 3, "secrets": 3}
    assert progress.last is not None
    assert (progress.last.full, progress.last.listed, progress.last.changed) == (True, 10, 10)
    assert progress.mark == max(row.equipment.modified[:26] for row in world.shelf.rows.values())
    assert progress.sure_at < progress.full_at
    assert progress.cut is None
    assert world.rests == 3


def test_a_page_of_500_is_one_list_and_one_call_for_passwords() -> None:
    world = World(1000, page=500)
    world.sweep()
    assert world.asked() == {"lists": 3, "secrets": 2}
    assert len(world.shelf.rows) == 1000


def test_a_script_of_before_is_asked_for_200_at_a_time() -> None:
    def before_500(call: Any) -> Any:
        if len(call.arguments["names"]) > 200:
            raise thrown("ValidationError", "At most 200 names at a time")
        return SCRIPTS["acs_equipment_secrets"].run(call)

    world = World(900, page=450, scripts={"acs_equipment_secrets": Method(before_500)})
    world.sweep()
    assert len(world.shelf.rows) == 900
    assert all(row.intent.wifi[0].passphrase for row in world.shelf.rows.values())
    # One was refused, and then the lesson was learnt.
    assert world.asked()["secrets"] == 1 + 3 + 3


@pytest.mark.parametrize("page", [1, 2, 3, 4, 9])
def test_equal_timestamps_at_the_border_of_a_page_lose_and_repeat_nothing(page: int) -> None:
    world = World(9, page=page)
    world.stamp("2026-11-01 08:00:00.000000", *names(7, first=2))
    world.sweep()
    assert sorted(name for stored in world.shelf.stored for name in stored) == names(9)


def test_a_list_that_stands_still_is_an_error_and_no_endless_loop() -> None:
    world = World(8, page=4)
    sweeper = world.sweeper()
    lookup = sweeper._lookup
    first = lookup.page(None, 4)
    lookup.page = lambda after, limit: first  # type: ignore[method-assign]
    with pytest.raises(ErpMisconfigured, match="does not go on"):
        world.sweep(sweeper)
    assert len(world.shelf.rows) == 4


def test_types_that_are_not_ours_are_left_out() -> None:
    world = World(
        2, equipment=[{"name": "EQP-TV", "serial_number": "TV", "equipment_type": "TV Box"}]
    )
    progress = world.sweep()
    assert sorted(world.shelf.rows) == names(2)
    assert progress.last is not None
    assert progress.last.listed == 3


# --- what changed ---------------------------------------------------------------------------


def test_a_later_sweep_reads_passwords_of_what_changed_alone() -> None:
    world = World(10, page=100)
    world.sweep()
    world.asked()
    world.shelf.stored.clear()
    world.erp.change("EQP-100004", wifi_password="Bateau-de-1987")
    world.now += 600
    world.asked()
    progress = world.sweep()
    assert world.shelf.stored[0] == ["EQP-100004"]
    assert world.shelf.rows["EQP-100004"].intent.wifi[0].passphrase == Secret("Bateau-de-1987")
    assert world.asked() == {"lists": 1, "secrets": 1}
    assert progress.last is not None
    assert progress.last.full is False


def test_an_unchanged_site_costs_one_list() -> None:
    world = World(10, page=100)
    mark = world.sweep().mark
    world.asked()
    world.now += 600
    assert world.sweep().mark == mark
    assert world.asked() == {"lists": 1, "secrets": 0}


def test_a_row_that_appears_behind_its_stamp_is_seen_by_the_overlap() -> None:
    """It is stamped when it is saved, and is there when that is committed."""
    world = World(3, page=100)
    world.sweep()
    late = next(d for d in bulk_documents(4, 1) if d["name"] == "EQP-100004")
    world.erp.simulator.site.seed(
        [{**late, "customer": None, "service_location": None, "service_subscription": None}]
    )
    world.stamp("2026-11-22 06:30:00.000000", "EQP-100004")
    assert world.shelf.kept.mark > "2026-11-22 07"
    world.sweep()
    assert "EQP-100004" in world.shelf.rows


def test_the_hour_that_the_clock_is_put_back_is_overlapped() -> None:
    """01:59:50 was summer time; 01:05 is ten minutes later."""
    assert before("2026-11-01 01:59:50.123456") == Place("2026-11-01 00:54:50.123456")
    world = World(3, page=100)
    world.stamp("2026-11-01 01:59:50.000000", *names(3))
    world.sweep()
    world.erp.change("EQP-100002", wifi_ssid="Nouvelle")
    world.stamp("2026-11-01 01:05:00.000000", "EQP-100002")
    world.sweep()
    assert world.shelf.rows["EQP-100002"].intent.wifi[0].ssid == "Nouvelle"


def test_another_time_zone_or_mapping_makes_a_sweep_full() -> None:
    world = World(3)
    world.sweep()
    world.asked()
    world.zone = "America/Vancouver"
    progress = world.sweep()
    assert progress.last is not None
    assert progress.last.full
    assert world.asked()["secrets"] == 0
    world.mapping = "another"
    progress = world.sweep()
    assert progress.last is not None
    assert progress.last.full
    assert world.asked()["secrets"] == 1  # wishes are made anew of all rows


def test_a_full_sweep_sees_what_was_changed_without_a_stamp() -> None:
    world = World(5, page=100)
    world.stamp("2026-11-01 08:00:00.000000", "EQP-100002")
    world.sweep()
    world.write("EQP-100002", serial_number="BYSQL")
    world.sweep()
    assert world.shelf.rows["EQP-100002"].equipment.serial_number != "BYSQL"
    world.now += DAY
    world.sweep()
    assert world.shelf.rows["EQP-100002"].equipment.serial_number == "BYSQL"


def test_wishes_in_linked_documents_make_each_sweep_full() -> None:
    world = World(3, always_full=True)
    world.sweep()
    progress = world.sweep()
    assert progress.last is not None
    assert progress.last.full


def test_what_cannot_be_read_is_left_to_a_contact() -> None:
    masked = {"acs_equipment_secrets": SCRIPTS["acs_equipment_secrets"]}
    world = World(3, scripts=masked)
    world.sweep()

    def mask(call: Any) -> Any:
        rows = SCRIPTS["acs_equipment_secrets"].run(call)
        return [row | {"wifi_password": "********"} for row in rows]

    masked["acs_equipment_secrets"] = Method(mask)
    world.erp.change("EQP-100002", wifi_ssid="Nouvelle")
    progress = world.sweep()
    row = world.shelf.rows["EQP-100002"]
    assert row.fetched_at == 0
    assert row.intent.wifi[0].ssid != "Nouvelle"
    assert progress.last is not None
    assert progress.last.unread == 1


# --- cut, and on again --------------------------------------------------------------------


def test_a_cut_sweep_goes_on_where_it_was() -> None:
    world = World(10, page=2)
    sweeper = world.sweeper()
    page, calls = sweeper._lookup.page, []

    def cut_at_the_third(after: Place | None, limit: int) -> Any:
        calls.append(after)
        if len(calls) == 3:
            raise ErpUnavailable("gone", "wait")
        return page(after, limit)

    sweeper._lookup.page = cut_at_the_third  # type: ignore[method-assign]
    with pytest.raises(ErpUnavailable):
        world.sweep(sweeper)
    assert sorted(world.shelf.rows) == names(4)
    assert world.shelf.kept.cut is not None
    assert world.shelf.kept.cut.listed == 4
    assert is_due(world.shelf.kept, world.now, world.rhythm)
    world.asked()
    progress = world.sweep()
    assert sorted(name for stored in world.shelf.stored for name in stored) == names(10)
    assert progress.last is not None
    assert (progress.last.full, progress.last.listed) == (True, 10)
    assert world.asked()["lists"] == 4  # three full pages, and one that is empty


def test_a_slow_site_is_asked_for_fewer_rows_the_next_time() -> None:
    world = World(200, page=160)
    sweeper = world.sweeper()
    world.erp.order("drop", count=2, match=DOCTYPE)
    for _ in range(2):
        with pytest.raises(ErpUnavailable):
            world.sweep(sweeper)
    world.asked()
    world.sweep(sweeper)
    assert world.asked()["lists"] == 5  # 40 became 50, the least


def test_a_cut_of_long_ago_or_of_another_mapping_begins_anew() -> None:
    rhythm = Rhythm(600, DAY)
    cut = Cut(full=True, began_at=START, after=Place("2026-11-22 07:00:00", "EQP-1"))
    kept = Progress(mapping="m", zone="z", cut=cut)
    assert begun(kept, START + 60, rhythm, mapping="m", zone="z").cut == cut
    for now, mapping in ((START + DAY, "m"), (START - 60, "m"), (START + 60, "other")):
        anew = begun(kept, now, rhythm, mapping=mapping, zone="z").cut
        assert anew == Cut(full=True, began_at=now)


def test_when_a_sweep_is_due() -> None:
    rhythm = Rhythm(600, DAY)
    assert is_due(Progress(), START, rhythm)
    kept = Progress(tried_at=START)
    assert not is_due(kept, START + 599, rhythm)
    assert is_due(kept, START + 600, rhythm)
    assert is_due(kept, START - 1, rhythm)  # our clock was put back


def test_a_mark_that_says_nothing_makes_the_sweep_full() -> None:
    for mark in ("", "yesterday", "0001-01-01 00:00:00"):
        assert before(mark) is None


# --- what is gone ---------------------------------------------------------------------------


def test_a_full_sweep_forgets_what_is_gone() -> None:
    world = World(60, page=25)
    world.sweep()
    world.delete(*names(6))
    world.sweep()
    assert len(world.shelf.rows) == 60
    world.now += DAY
    progress = world.sweep()
    assert sorted(world.shelf.rows) == names(54, first=7)
    assert progress.last is not None
    assert progress.last.gone == 6


def test_what_was_missed_but_is_there_is_not_forgotten() -> None:
    world = World(8, page=100)
    world.sweep()
    world.now += DAY
    sweeper = world.sweeper()
    page = sweeper._lookup.page
    sweeper._lookup.page = lambda after, limit: page(after, limit)[:5]  # type: ignore[method-assign]
    progress = world.sweep(sweeper)
    assert len(world.shelf.rows) == 8
    assert not progress.alarm


def test_an_empty_list_forgets_nothing_and_raises_the_alarm() -> None:
    world = World(4)
    before_it = world.sweep()
    world.delete(*names(4))
    world.now += DAY
    progress = world.sweep()
    assert sorted(world.shelf.rows) == names(4)
    assert "no equipment at all" in progress.alarm
    assert "rights" in progress.alarm
    assert progress.sure_at == before_it.sure_at
    assert not is_due(progress, world.now + 1, world.rhythm)


def test_more_than_its_share_is_not_forgotten_and_the_alarm_ends_with_its_reason() -> None:
    world = World(100, page=30)
    world.sweep()
    world.delete(*names(11))
    world.now += DAY
    progress = world.sweep()
    assert len(world.shelf.rows) == 100
    assert "11 equipments or more" in progress.alarm
    world.forgetting = Forgetting(0.2, world.clock)
    progress = world.sweep()
    assert len(world.shelf.rows) == 89
    assert progress.alarm == ""


def test_a_row_that_becomes_another_type_is_forgotten_at_once() -> None:
    world = World(4)
    world.sweep()
    world.erp.change("EQP-100002", equipment_type="TV Box")
    world.sweep()
    assert sorted(world.shelf.rows) == [names(4)[at] for at in (0, 2, 3)]


def test_the_share_is_that_of_a_day() -> None:
    now = [START]
    forgetting = Forgetting(0.1, lambda: now[0])
    assert forgetting.allows(10, 100)
    assert not forgetting.allows(11, 100)
    forgetting.forgot(8)
    assert not forgetting.allows(3, 92)
    now[0] += WINDOW
    assert forgetting.allows(9, 92)
    assert forgetting.allows(HANDFUL, 3)
    assert not forgetting.allows(HANDFUL + 1, 3)


def test_a_refused_list_ends_the_sweep_and_keeps_the_mirror() -> None:
    world = World(4)
    world.sweep()
    world.erp.order("401")
    with pytest.raises(ErpError):
        world.sweep()
    assert len(world.shelf.rows) == 4


# --- documents around -------------------------------------------------------------------------

SUBSCRIPTION = "Service Subscription"


def age(world: World) -> None:
    """Have all documents changed long ago, and the last one so late that no overlap has others."""
    for n in range(1, 7):
        day = "02" if n == 6 else "01"
        modified = f"2026-10-{day} 08:00:00.000000"
        world.write(f"EQP-{100_000 + n}", modified=modified)
        world.write(f"SUB-0000{100_000 + n}", SUBSCRIPTION, modified=modified)


def set_value(world: World, doctype: str, name: str, **values: Any) -> None:
    world.erp.client("acs.setup").call(
        "frappe.client.set_value", doctype=doctype, name=name, fieldname=values
    )


def test_a_change_of_a_subscription_alone_is_swept_in() -> None:
    world = World(6)
    age(world)
    assert world.sweep().marks == {SUBSCRIPTION: "2026-10-02 08:00:00.000000"}
    before = world.shelf.rows["EQP-100004"]
    world.now += 600
    set_value(world, SUBSCRIPTION, "SUB-0000100004", status="Suspendu")
    world.shelf.stored.clear()
    world.asked()
    progress = world.sweep()
    assert [some for some in world.shelf.stored if some] == [["EQP-100004"]]
    row = world.shelf.rows["EQP-100004"]
    assert not row.intent.wifi[0].enabled
    assert row.digest != before.digest
    assert progress.last is not None
    assert (progress.last.full, progress.last.changed) == (False, 1)
    assert world.asked() == {"lists": 2, "secrets": 1}, "of one equipment, not of all"
    assert progress.marks[SUBSCRIPTION] > "2026-11-22"

    world.now += 600
    world.sweep()
    assert world.asked() == {"lists": 2, "secrets": 0}, "the overlap reads no password again"
    assert world.shelf.rows["EQP-100004"].digest == row.digest


def test_a_follow_up_that_is_cut_goes_on_where_it_was() -> None:
    world = World(6, page=2)
    age(world)
    world.sweep()
    world.now += 600
    for n in range(1, 7):
        set_value(world, SUBSCRIPTION, f"SUB-0000{100_000 + n}", status="Suspendu")
    sweeper = world.sweeper()
    following = sweeper._lookup.following
    whole, pages = following.page, iter(range(2))

    def page(*asked: Any) -> Any:
        if next(pages, None) is None:
            raise ErpUnavailable("away", "wait")
        return whole(*asked)

    following.page = page  # type: ignore[assignment, method-assign]
    with pytest.raises(ErpUnavailable):
        world.sweep(sweeper)
    assert world.shelf.kept.cut is not None
    on = [name for name, row in world.shelf.rows.items() if row.intent.wifi[0].enabled]
    assert on == ["EQP-100005"]
    world.sweep()
    assert not any(row.intent.wifi[0].enabled for row in world.shelf.rows.values())


def test_what_changes_during_a_full_sweep_is_followed_by_the_next() -> None:
    world = World(6, page=2)
    age(world)
    sweeper = world.sweeper()
    whole, pages = sweeper._lookup.page, iter((False, False, True))

    def page(*asked: Any) -> Any:
        listed = whole(*asked)
        if next(pages, False):
            # All of them are listed by now.
            set_value(world, SUBSCRIPTION, "SUB-0000100001", status="Suspendu")
        return listed

    sweeper._lookup.page = page  # type: ignore[assignment, method-assign]
    world.sweep(sweeper)
    assert world.shelf.rows["EQP-100001"].intent.wifi[0].enabled
    world.now += 600
    progress = world.sweep()
    assert progress.last is not None
    assert not progress.last.full
    assert not world.shelf.rows["EQP-100001"].intent.wifi[0].enabled


def test_a_linked_document_with_wishes_is_followed_too() -> None:
    world = World(2)
    world.own = '[wishes]\n"wan.vlan" = "service_subscription.vlan"\n"wan.mode" = "wan_mode"\n'
    for name in names(2):
        world.write(name, wan_mode="DHCP")
    world.stamp("2026-10-01 08:00:00.000000", "EQP-100002")
    world.sweep()
    world.now += 600
    set_value(world, SUBSCRIPTION, "SUB-0000100002", vlan=41)
    progress = world.sweep()
    wan = world.shelf.rows["EQP-100002"].intent.wan
    assert wan is not None
    assert wan.vlan == 41
    assert progress.last is not None
    assert not progress.last.full


def test_the_new_box_follows_when_the_old_one_leaves() -> None:
    new = {"name": "EQP-NEW", "serial_number": "NEW1", "status": "active"}
    world = World(1, equipment=[new])
    world.erp.change("EQP-NEW", service_location="LOC-100001")
    world.stamp("2026-10-01 08:00:00.000000", "EQP-NEW")
    world.sweep()
    assert world.shelf.rows["EQP-NEW"].intent.empty
    world.now += 600
    world.erp.change("EQP-100001", status="defective")
    world.sweep()
    old, heir = (world.shelf.rows[name].intent for name in ("EQP-100001", "EQP-NEW"))
    assert (heir.wifi[0].ssid or "").startswith("Maison")
    assert heir.voice[0].password
    assert old.wifi[0].ssid == "neutre"


# --- the site's clock ---------------------------------------------------------------------------


@pytest.mark.parametrize("doctype", [DOCTYPE, SUBSCRIPTION])
def test_the_hour_that_comes_twice_loses_no_change(doctype: str) -> None:
    """At 2 a.m. the site's clock is put back to 1 a.m.: what follows is stamped earlier."""
    world = World(6)
    age(world)
    last, first = ("EQP-100006", "EQP-100001")
    if doctype == SUBSCRIPTION:
        last, first = ("SUB-0000100006", "SUB-0000100001")
    world.write(last, doctype, modified="2026-11-01 01:59:59.900000")
    world.sweep()
    world.now += 600
    change = {"status": "returned" if doctype == DOCTYPE else "Suspendu"}
    world.write(first, doctype, modified="2026-11-01 01:00:00.100000", **change)
    progress = world.sweep()
    assert progress.last is not None
    assert not progress.last.full
    assert not world.shelf.rows["EQP-100001"].intent.wifi[0].enabled
    marks = {DOCTYPE: progress.mark, **progress.marks}
    assert marks[doctype] == "2026-11-01 01:59:59.900000", "it is not put back with the clock"


@pytest.mark.parametrize("doctype", [DOCTYPE, SUBSCRIPTION])
def test_a_stamp_of_the_far_future_blinds_no_sweep(doctype: str) -> None:
    world = World(6)
    age(world)
    last, first = ("EQP-100006", "EQP-100001")
    if doctype == SUBSCRIPTION:
        last, first = ("SUB-0000100006", "SUB-0000100001")
    world.write(last, doctype, modified="2062-01-01 00:00:00.000000")
    world.sweep()
    world.now += 600
    change = {"status": "returned" if doctype == DOCTYPE else "Suspendu"}
    today = datetime.fromtimestamp(world.now, ZoneInfo(world.zone)).replace(tzinfo=None)
    world.write(first, doctype, modified=today.isoformat(" ", "microseconds"), **change)
    progress = world.sweep()
    assert progress.last is not None
    assert not progress.last.full
    assert not world.shelf.rows["EQP-100001"].intent.wifi[0].enabled


def test_a_clock_of_the_site_that_is_put_back_makes_all_marks_void() -> None:
    """What is saved from then on is stamped before what was saved until then."""
    world = World(6)
    age(world)

    def stamp() -> str:
        there = datetime.fromtimestamp(world.now + world.ahead - 60, ZoneInfo(world.zone))
        return there.replace(tzinfo=None).isoformat(" ", "microseconds")

    world.write("EQP-100006", modified=stamp())
    world.sweep()
    world.ahead = -3 * 3600.0
    for number in (2, 3):
        world.now += 600
        world.write(f"EQP-10000{number}", status="returned", modified=stamp())
        progress = world.sweep()
        assert progress.last is not None
        assert progress.last.full is (number == 2), "once is enough"
        assert not world.shelf.rows[f"EQP-10000{number}"].intent.wifi[0].enabled


def test_another_time_zone_of_the_site_makes_all_marks_void() -> None:
    """Its texts of before and of now are not to be compared."""
    world = World(6)
    age(world)
    world.sweep()
    world.now += 600
    world.zone = "America/Vancouver"
    # Three hours earlier than what was saved before it, and saved after it.
    world.write(
        "SUB-0000100002", SUBSCRIPTION, status="Suspendu", modified="2026-10-02 05:00:00.000000"
    )
    progress = world.sweep()
    assert progress.last is not None
    assert progress.last.full
    assert not world.shelf.rows["EQP-100002"].intent.wifi[0].enabled
    assert progress.zone == "America/Vancouver"
    world.now += 600
    world.write(
        "SUB-0000100003", SUBSCRIPTION, status="Suspendu", modified="2026-10-02 08:00:01.000000"
    )
    assert not world.sweep().cut
    assert not world.shelf.rows["EQP-100003"].intent.wifi[0].enabled
