"""What is kept of USP agents, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import pytest
from sqlalchemy import func, select

from acs.devices.agents import Agent, Holder, KnownAgent, Presence, StoredNotify
from acs.devices.effects import (
    Effect,
    EnqueueJob,
    SaveAgent,
    SaveDevice,
    SaveJob,
    SaveNotify,
    SaveSupportedModel,
    SettleNotifies,
)
from acs.devices.record import Job, JobKind, JobState, Opened
from acs.model import Contact, DeviceId, Event, EventKind
from acs.store import (
    BadEffect,
    Database,
    devices,
    jobs,
    retention,
    usp_agents,
    usp_models,
    usp_notifies,
)
from acs.store.apply import apply_thd, commit
from acs.store.opening import open_thd
from acs.store.tables import usp_agents as agents_table
from acs.store.tables import usp_notifies as notifies_table
from acs.store.usp_agents import agents_with_work_thd

ONT = "os::00259E-S1"
OTHER = "os::00259E-S2"
DAY = 86400.0


def contact(
    *, oui: str = "00259E", kind: str = "XC220-G3", serial: str = "S1", protocol: str = "usp"
) -> Contact:
    return Contact(
        device=DeviceId(oui, kind, serial),
        manufacturer="TP-Link",
        protocol=protocol,
        root="Device.",
        events=(Event(EventKind.BOOT),),
        values={},
        at=1000.0,
    )


def call(database: Database, *contacts: Contact) -> list[Opened]:
    return database.run("open", open_thd, contacts)


def new_device(database: Database, serial: str = "S1") -> int:
    return call(database, contact(serial=serial))[0].device.id


def apply(database: Database, *effects: Effect) -> None:
    database.run("apply", apply_thd, effects)


def load(database: Database, endpoint: str = ONT) -> KnownAgent | None:
    return database.run("load", usp_agents.load_thd, [endpoint]).get(endpoint)


def notify(msg_id: str, endpoint: str = ONT, **told: Any) -> StoredNotify:
    values = {"at": 10.0, "kind": "Event", "path": "Device.Boot!", **told}
    return StoredNotify(endpoint, msg_id, **values)


# --- agents ---------------------------------------------------------------------------------


def test_the_columns_are_the_fields() -> None:
    assert tuple(agents_table.c.keys()) == tuple(field.name for field in fields(Agent))


def test_the_first_word_of_an_agent_makes_its_row(database: Database) -> None:
    changes = {"mtp": "mqtt", "presence": Presence.ONLINE, "presence_at": 5.0, "first_seen": 5.0}
    apply(database, SaveAgent(ONT, changes))
    expected = Agent(ONT, mtp="mqtt", presence=Presence.ONLINE, presence_at=5.0, first_seen=5.0)
    assert load(database) == KnownAgent(expected)
    assert load(database, OTHER) is None


def test_later_words_change_what_they_name_and_nothing_else(database: Database) -> None:
    apply(database, SaveAgent(ONT, {"oui": "00259E", "mtp": "mqtt", "first_seen": 5.0}))
    apply(
        database,
        SaveAgent(ONT, {"mtp": "websocket", "last_seen": 9.0}),
        SaveAgent(OTHER, {"last_seen": 8.0}),
        SaveAgent(ONT, {"presence": Presence.OFFLINE, "evidence": "closed"}),
    )
    known = load(database)
    assert known is not None
    assert known.agent == Agent(
        ONT,
        oui="00259E",
        mtp="websocket",
        presence=Presence.OFFLINE,
        evidence="closed",
        first_seen=5.0,
        last_seen=9.0,
    )
    assert load(database, OTHER) == KnownAgent(Agent(OTHER, first_seen=8.0, last_seen=8.0))


def test_a_save_without_changes_makes_the_row_and_no_more(database: Database) -> None:
    apply(database, SaveAgent(ONT, {}))
    apply(database, SaveAgent(ONT, {"mtp": "mqtt"}))
    apply(database, SaveAgent(ONT, {}))
    assert load(database) == KnownAgent(Agent(ONT, mtp="mqtt"))


@pytest.mark.parametrize("name", ["endpoint", "nonsense"])
def test_what_no_agent_has_cannot_be_changed(database: Database, name: str) -> None:
    good = SaveAgent(OTHER, {"mtp": "mqtt"})
    failures = commit(database, [[SaveAgent(ONT, {name: "x"})], [good]])
    assert isinstance(failures[0], BadEffect)
    assert failures[1] is None
    assert (load(database), load(database, OTHER)) == (None, KnownAgent(Agent(OTHER, mtp="mqtt")))


def test_octets_that_a_database_refuses_do_no_harm(database: Database) -> None:
    apply(database, SaveAgent(ONT, {"model": "a\0b"}), SaveNotify(notify("m\0", path="p\0")))
    apply(database, SettleNotifies(ONT, ("m\0",)))
    assert load(database) == KnownAgent(Agent(ONT, model="a\ufffdb"))
    [kept] = database.run("list", usp_notifies.list_thd, [ONT])
    assert (kept.msg_id, kept.path, kept.waiting) == ("m\ufffd", "p\ufffd", False)


def test_agents_are_listed_with_their_devices(database: Database) -> None:
    device_id = new_device(database)
    apply(
        database,
        SaveAgent(ONT, {"device_id": device_id, "mtp": "mqtt", "presence": Presence.ONLINE}),
        SaveAgent(OTHER, {"mtp": "websocket", "model": "HX_220"}),
    )

    def listed(**chosen: Any) -> list[tuple[str, str]]:
        found = database.run("list", usp_agents.list_thd, **chosen)
        return [(agent.endpoint, key) for agent, key in found]

    first, second = (ONT, "00259E-XC220%2DG3-S1"), (OTHER, "")
    assert listed() == [first, second]
    assert listed(limit=1) == [first]
    assert listed(after=ONT) == [second]
    assert listed(presence=Presence.ONLINE) == [first]
    assert listed(mtp="websocket") == [second]
    assert listed(search="xc220") == [first]
    assert listed(search="x_2") == [second]
    counts = database.run("count", usp_agents.presences_thd)
    assert counts == {Presence.ONLINE: 1, Presence.OFFLINE: 0, Presence.UNKNOWN: 1}
    of = database.run("of", usp_agents.of_devices_thd, [device_id, 99])
    assert {key: [agent.endpoint for agent in some] for key, some in of.items()} == {
        device_id: [ONT]
    }


def test_who_proved_to_be_a_unit_is_found_by_its_serial_number(database: Database) -> None:
    device_id, other_id = new_device(database), new_device(database, "S2")
    apply(
        database,
        SaveAgent(ONT, {"device_id": device_id, "credential": "own"}),
        SaveAgent(OTHER, {"device_id": device_id, "credential": "bootstrap"}),
        SaveDevice(other_id, {"own_credentials": True}),
    )
    units = [("00259E", "S1"), ("00259E", "S2"), ("1C61B4", "S1")]
    assert database.run("holders", usp_agents.holders_thd, units) == {
        ("00259E", "S1"): (Holder(device_id, ONT),),
        ("00259E", "S2"): (Holder(other_id),),
    }


def test_a_device_is_forgotten_with_its_agent(database: Database) -> None:
    device_id = new_device(database)
    apply(
        database,
        SaveAgent(ONT, {"device_id": device_id}),
        SaveAgent(OTHER, {}),
        SaveNotify(notify("1", waiting=True)),
        SaveNotify(notify("1", OTHER, waiting=True)),
    )
    assert database.run("forget", devices.delete_thd, device_id)
    assert load(database) is None
    assert load(database, OTHER) == KnownAgent(Agent(OTHER), (notify("1", OTHER, waiting=True),))


# --- Notifies -------------------------------------------------------------------------------


def test_a_notify_is_kept_once_and_as_it_first_was(database: Database) -> None:
    first = notify("1", at=1.0, subscription_id="s", key="k", detail={"Cause": "LocalReboot"})
    apply(database, SaveNotify(first), SaveNotify(replace(first, at=2.0)))
    apply(database, SaveNotify(replace(first, at=3.0, waiting=True)), SaveNotify(notify("2")))
    assert database.run("list", usp_notifies.list_thd, [ONT]) == [notify("2"), first]


def test_what_an_agent_told_is_sealed(database: Database) -> None:
    apply(database, SaveNotify(notify("1", detail={"value": "hunter22"})))
    with database.read() as conn:
        blob = conn.scalar(select(notifies_table.c.detail))
    assert blob is not None
    assert b"hunter22" not in blob


def test_those_that_wait_come_with_the_agent_until_settled(database: Database) -> None:
    three = [notify(str(number), waiting=True) for number in range(3)]
    apply(database, SaveAgent(ONT, {}), *map(SaveNotify, three))
    apply(database, SaveNotify(notify("done")), SaveNotify(notify("0", OTHER, waiting=True)))
    assert load(database) == KnownAgent(Agent(ONT), tuple(three))
    apply(database, SettleNotifies(ONT, ("0", "2", "never seen")))
    assert load(database) == KnownAgent(Agent(ONT), (three[1],))
    # Nothing is known of this one but what it reported.
    assert load(database, OTHER) == KnownAgent(None, (notify("0", OTHER, waiting=True),))


def test_only_so_many_are_loaded_the_oldest_first(database: Database) -> None:
    most = usp_notifies.MOST_WAITING
    apply(
        database,
        *(SaveNotify(notify(f"{n:04}", at=n, waiting=True)) for n in range(most + 5)),
        SaveNotify(notify("x", OTHER, waiting=True)),
    )
    loaded = database.run("load", usp_agents.load_thd, [ONT, OTHER])
    assert [each.msg_id for each in loaded[ONT].waiting] == [f"{n:04}" for n in range(most)]
    assert [each.msg_id for each in loaded[OTHER].waiting] == ["x"]


def test_notifies_are_listed_by_time_and_kind_and_counted(database: Database) -> None:
    kinds = ["Event", "ValueChange", "Event"]
    some = [notify(str(n), at=float(n), kind=kind) for n, kind in enumerate(kinds)]
    apply(database, *map(SaveNotify, some), SaveNotify(notify("3", at=3.0, waiting=True)))

    def listed(**chosen: Any) -> list[str]:
        found = database.run("list", usp_notifies.list_thd, [ONT], **chosen)
        return [each.msg_id for each in found]

    assert listed() == ["3", "2", "1", "0"]
    assert listed(since=1.0, limit=2) == ["3", "2"]
    assert listed(kinds=["ValueChange"]) == ["1"]
    assert database.run("count", usp_notifies.counts_thd, ONT) == (
        {"Event": 3, "ValueChange": 1},
        1,
    )
    assert database.run("count", usp_notifies.counts_thd, OTHER) == ({}, 0)


def test_old_notifies_go_in_bounded_pieces(database: Database) -> None:
    apply(database, *(SaveNotify(notify(str(n), at=n * DAY, waiting=n < 2)) for n in range(8)))
    gone = [database.run("p", usp_notifies.prune_thd, 5 * DAY, 100, 3) for _ in range(3)]
    assert gone == [3, 2, 0]
    left = database.run("list", usp_notifies.list_thd, [ONT])
    assert [each.msg_id for each in left] == ["7", "6", "5"]


def test_a_talkative_agent_loses_its_oldest_notifies(database: Database) -> None:
    apply(database, *(SaveNotify(notify(str(n))) for n in range(6)))
    apply(database, SaveNotify(notify("q", OTHER)))
    gone = [database.run("p", usp_notifies.prune_thd, 0.0, 2, 3) for _ in range(3)]
    assert gone == [3, 1, 0]
    left = database.run("list", usp_notifies.list_thd, [ONT, OTHER])
    assert [each.msg_id for each in left] == ["q", "5", "4"]


def test_notifies_are_pruned_with_other_history_by_days_of_their_own(database: Database) -> None:
    apply(database, *(SaveNotify(notify(str(n), at=n * DAY)) for n in range(8)))
    pruned = database.run("p", retention.prune_thd, 8 * DAY, 2, 100, notify_days=5)
    assert (pruned.notifies, pruned.rows, pruned.more) == (3, 3, False)
    assert database.run("p", retention.prune_thd, 8 * DAY, 2, 100, 2).more
    assert database.run("p", retention.prune_thd, 8 * DAY, 2, 1).notifies == 2
    [left] = database.run("list", usp_notifies.list_thd, [ONT])
    assert left.msg_id == "7"


# --- supported models -----------------------------------------------------------------------


def test_of_what_a_model_supports_the_last_word_counts(database: Database) -> None:
    apply(
        database,
        SaveSupportedModel("a", 1.0, "urn:1", b"1"),
        SaveSupportedModel("a", 2.0, "urn:2", b"2"),
        SaveSupportedModel("b", 1.0, "urn:1", b"3"),
    )
    assert database.run("blobs", usp_models.blobs_thd, ["a", "b", "c"]) == {"a": b"2", "b": b"3"}
    kept = database.run("get", usp_models.get_thd, "a")
    assert kept == usp_models.KeptModel("a", 2.0, "urn:2", b"2")
    assert database.run("get", usp_models.get_thd, "c") is None


# --- work for agents ------------------------------------------------------------------------


def test_new_jobs_of_agents_are_found_once(database: Database) -> None:
    mine, strange = new_device(database), new_device(database, "S2")
    apply(database, SaveAgent(ONT, {"device_id": mine}))
    assert database.run("work", agents_with_work_thd, 0) == ([], 0)
    job = Job(0, mine, JobKind.READ)
    apply(database, EnqueueJob(job), EnqueueJob(replace(job, device_id=strange)), EnqueueJob(job))
    found, last = database.run("work", agents_with_work_thd, 0)
    assert found == [(ONT, 1), (ONT, 3)]
    assert database.run("work", agents_with_work_thd, last) == ([], last)
    apply(database, EnqueueJob(job), EnqueueJob(job))
    apply(database, SaveJob(4, JobState.SENT, 1.0, 1, {}))
    assert database.run("work", agents_with_work_thd, last) == ([(ONT, 5)], 5)


def test_jobs_are_seen_in_the_order_of_their_ids(database: Database) -> None:
    """Else whoever has seen the higher id would never look for the lower one."""
    mine = new_device(database)
    apply(database, SaveAgent(ONT, {"device_id": mine}))
    job = Job(0, mine, JobKind.READ)
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as conn:
            first = jobs.enqueue_thd(conn, job)
            second = pool.submit(database.run, "enqueue", jobs.enqueue_thd, job)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.2)
        assert second.result(timeout=20) > first
    found, _ = database.run("work", agents_with_work_thd, 0)
    assert [job_id for _, job_id in found] == [first, second.result()]


def test_much_new_work_is_found_in_pieces(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usp_agents, "_WORK_AT_ONCE", 2)
    monkeypatch.setattr(usp_agents, "_WORK", usp_agents._WORK.limit(2))
    mine = new_device(database)
    apply(database, SaveAgent(ONT, {"device_id": mine}))
    apply(database, *[EnqueueJob(Job(0, mine, JobKind.READ))] * 3)
    first, last = database.run("work", agents_with_work_thd, 0)
    rest, end = database.run("work", agents_with_work_thd, last)
    assert ([job for _, job in first], last) == ([1, 2], 2)
    assert ([job for _, job in rest], end) == ([3], 3)


def test_counting_goes_on_where_the_newest_job_is_gone(database: Database) -> None:
    mine = new_device(database)
    apply(database, SaveAgent(ONT, {"device_id": mine}), EnqueueJob(Job(0, mine, JobKind.READ)))
    _, last = database.run("work", agents_with_work_thd, 0)
    database.run("forget", devices.delete_thd, mine)
    assert database.run("work", agents_with_work_thd, last) == ([], last)
    with database.read() as conn:
        assert conn.scalar(select(func.count()).select_from(agents_table)) == 0


# --- one device over both protocols ---------------------------------------------------------


def over(protocol: str, **told: str) -> Contact:
    """A contact of the unit S1; over USP it tells its OUI and class in its own words."""
    if protocol == "usp":
        told = {"oui": "00259e", "kind": "Smart ONT", **told}
    return contact(protocol=protocol, **told)


def moved_to(database: Database, device_id: int, protocol: str) -> None:
    apply(database, SaveDevice(device_id, {"protocol": protocol}))


def test_a_unit_that_moves_to_usp_keeps_its_record_and_key(database: Database) -> None:
    [first] = call(database, over("cwmp"))
    for _ in range(2):
        [opened] = call(database, over("usp"))
        assert (opened.device.id, opened.device.key) == (first.device.id, first.device.key)
        assert not opened.created
        moved_to(database, first.device.id, "usp")
    assert call(database, over("cwmp"))[0].device.id == first.device.id


def test_a_unit_that_moves_to_cwmp_keeps_its_record_and_key(database: Database) -> None:
    [first] = call(database, over("usp"))
    apply(database, SaveAgent(ONT, {"device_id": first.device.id}))
    for _ in range(2):
        # The second time the record says "cwmp" already: its agent tells that it is the same.
        [opened] = call(database, over("cwmp"))
        assert (opened.device.id, opened.device.key) == (first.device.id, first.device.key)
        assert not opened.created
        moved_to(database, first.device.id, "cwmp")
    assert call(database, over("usp"))[0].device.id == first.device.id


def test_both_protocols_at_once_find_one_record(database: Database) -> None:
    [first] = call(database, over("cwmp"))
    answers = call(database, over("usp"), over("cwmp"))
    assert [opened.device.id for opened in answers] == [first.device.id] * 2
    assert [opened.device.last_boot for opened in answers] == [1000.0] * 2


@pytest.mark.parametrize(
    "stranger",
    [
        {"oui": "00259F"},
        {"serial": "S2"},
        {"serial": "s1"},
    ],
)
def test_another_unit_is_another_device(database: Database, stranger: dict[str, str]) -> None:
    [first] = call(database, over("cwmp"))
    [opened] = call(database, over("usp", **stranger))
    assert opened.created
    assert opened.device.id != first.device.id


def test_where_two_records_would_fit_neither_is_taken(database: Database) -> None:
    call(database, over("cwmp"), over("cwmp", kind="EX220"))
    [opened] = call(database, over("usp"))
    assert opened.created
    assert opened.device.product_class == "Smart ONT"


def test_a_record_of_its_own_key_comes_first(database: Database) -> None:
    first, second = call(database, over("cwmp"), over("cwmp", kind="EX220"))
    assert call(database, contact(kind="EX220"))[0].device.id == second.device.id
    assert call(database, contact())[0].device.id == first.device.id


def test_over_cwmp_alone_another_class_is_another_device(database: Database) -> None:
    [first] = call(database, over("cwmp"))
    [opened] = call(database, over("cwmp", kind="EX220"))
    assert opened.created
    assert opened.device.id != first.device.id
