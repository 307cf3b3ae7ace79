"""Wakes on SQLite and PostgreSQL: one row per device, however often and by whom it is asked for."""

from __future__ import annotations

from dataclasses import replace

from acs.devices.agents import Presence
from acs.devices.effects import (
    EnqueueJob,
    SaveAgent,
    SaveDevice,
    SaveJob,
    SaveTags,
    SaveWakeAccount,
)
from acs.devices.record import Job, JobKind, JobState, Standing
from acs.devices.waking import Wake, WakeState, Way
from acs.model import Contact, DeviceId, Event, EventKind, Secret
from acs.store import Database, wakes
from acs.store.apply import apply_thd
from acs.store.opening import open_thd

NOW = 2000.0


def new_device(database: Database, serial: str = "S1", protocol: str = "cwmp") -> int:
    contact = Contact(
        device=DeviceId("00259E", "XC220-G3", serial),
        manufacturer="TP-Link",
        protocol=protocol,
        root="Device.",
        events=(Event(EventKind.BOOT),),
        values={},
        at=1000.0,
    )
    return database.run("open", open_thd, [contact])[0].device.id


def ask(database: Database, *device_ids: int, reason: str = "a reason", now: float = NOW) -> int:
    return database.run("ask", wakes.ask_thd, device_ids, reason, now)


def due(database: Database, now: float = NOW, limit: int = 100) -> list[wakes.Call]:
    return database.run("due", wakes.due_thd, now, limit)


def get(database: Database, device_id: int) -> Wake:
    found = database.run("get", wakes.get_thd, device_id)
    assert found is not None
    return found


def save(database: Database, *some: Wake) -> None:
    database.run("save", wakes.save_thd, some)


def test_a_device_has_one_wake_which_is_renewed(database: Database) -> None:
    device_id = new_device(database)
    assert ask(database, device_id, device_id, 999) == 1
    failed = replace(get(database, device_id), attempts=3, next_at=NOW + 300, detail="no answer")
    save(database, failed)
    assert due(database, NOW + 10) == []

    assert ask(database, device_id, reason="another", now=NOW + 10) == 1

    assert get(database, device_id) == Wake(
        device_id, "another", asked_at=NOW + 10, next_at=NOW + 10
    )
    assert [call.wake.device_id for call in due(database, NOW + 10)] == [device_id]


def test_who_was_called_a_moment_ago_is_given_time_to_answer(database: Database) -> None:
    device_id = new_device(database)
    ask(database, device_id)
    sent = replace(get(database, device_id), state=WakeState.SENT, sent_at=NOW, next_at=NOW + 30)
    save(database, sent)
    ask(database, device_id, now=NOW + 1)
    assert get(database, device_id).next_at == NOW + wakes.PAUSE
    ask(database, device_id, now=NOW + 3)
    assert get(database, device_id).next_at == NOW + 3


def test_what_came_of_an_older_wake_does_not_overwrite_a_newer_one(database: Database) -> None:
    device_id = new_device(database)
    ask(database, device_id)
    [call] = due(database)
    ask(database, device_id, reason="newer", now=NOW + 5)
    save(database, replace(call.wake, state=WakeState.WOKEN, ended_at=NOW + 6))
    assert get(database, device_id).state is WakeState.WAITING
    assert get(database, device_id).reason == "newer"


def test_a_due_wake_has_what_is_needed_to_call(database: Database) -> None:
    device_id = new_device(database)
    url = "http://192.0.2.1:7547/abc"
    changes = {"connection_request_url": url, "address": "192.0.2.1", "udp_address": "192.0.2.9:5"}
    agents = [
        SaveAgent(f"os::{name}", {"device_id": device_id, "presence": there, "last_seen": seen})
        for name, there, seen in (("old", Presence.ONLINE, 5.0), ("new", Presence.UNKNOWN, 9.0))
    ]
    job = EnqueueJob(Job(0, device_id, JobKind.REBOOT))
    tag = SaveTags(device_id, add=frozenset({"beta"}))
    database.run("apply", apply_thd, [SaveDevice(device_id, changes), *agents, job, tag])

    ask(database, device_id)

    [call] = due(database)

    assert (call.url, call.address, call.udp_address) == (url, "192.0.2.1", "192.0.2.9:5")
    assert (call.endpoint, call.is_present, call.has_jobs) == ("os::new", True, True)
    assert (call.tags, call.last_seen) == (frozenset({"beta"}), 1000.0)


def test_who_was_taken_is_nobody_elses_until_then(database: Database) -> None:
    device_id = new_device(database)
    ask(database, device_id)
    [taken] = database.run("take", wakes.take_thd, NOW, NOW + 40, 10)
    assert taken.wake.next_at == NOW
    assert database.run("take", wakes.take_thd, NOW, NOW + 40, 10) == []
    assert len(database.run("take", wakes.take_thd, NOW + 40, NOW + 80, 10)) == 1


def test_what_was_withheld_is_looked_at_when_it_may_be_allowed(database: Database) -> None:
    held, tried = (new_device(database, serial) for serial in ("S1", "S2"))
    ask(database, held, tried)
    save(
        database,
        replace(get(database, held), detail="withheld: dry-run", next_at=NOW + 600),
        replace(get(database, tried), detail="no answer", next_at=NOW + 600),
    )
    database.run("hasten", wakes.hasten_thd, "withheld: ", NOW + 5)
    assert [call.wake.device_id for call in due(database, NOW + 5)] == [held]


def test_a_job_does_not_hide_what_else_there_is_to_do(database: Database) -> None:
    device_id = new_device(database)
    ask(database, device_id, reason="a changed wish")
    ask(database, device_id, reason="job: reboot", now=NOW + 5)
    wake = get(database, device_id)
    assert (wake.reason, wake.asked_at) == ("a changed wish", NOW + 5)
    save(database, replace(wake, state=WakeState.WOKEN, ended_at=NOW + 6))
    ask(database, device_id, reason="job: reboot", now=NOW + 7)
    assert get(database, device_id).reason == "job: reboot"


def test_those_due_longest_come_first_and_no_more_than_asked_for(database: Database) -> None:
    ids = [new_device(database, serial) for serial in ("S1", "S2", "S3")]
    for number, device_id in enumerate(reversed(ids)):
        ask(database, device_id, now=NOW + number)
    first = [call.wake.device_id for call in due(database, NOW + 9, limit=2)]
    assert first == [ids[2], ids[1]]


def test_who_called_since_and_whose_time_is_over_is_told(database: Database) -> None:
    came, late, waits = ids = [new_device(database, serial) for serial in ("S1", "S2", "S3")]
    ask(database, *ids)
    for device_id, until in ((came, NOW + 30), (late, NOW + 5), (waits, NOW + 30)):
        wake = get(database, device_id)
        save(database, replace(wake, state=WakeState.SENT, sent_at=NOW, next_at=until))
    database.run("apply", apply_thd, [SaveDevice(came, {"last_seen": NOW + 1})])

    found = database.run("called", wakes.called_thd, NOW + 6, 100)

    assert {call.wake.device_id for call in found} == {came, late}
    assert due(database, NOW + 60) == []


def test_new_jobs_of_devices_over_cwmp_are_found_once(database: Database) -> None:
    cwmp, usp = new_device(database, "S1"), new_device(database, "S2", "usp")
    effects = [
        EnqueueJob(Job(0, device_id, kind))
        for device_id, kind in ((cwmp, JobKind.READ), (usp, JobKind.READ), (cwmp, JobKind.REBOOT))
    ]
    database.run("apply", apply_thd, effects)
    found, reached = database.run("jobs", wakes.with_jobs_thd, 0)
    assert found == {cwmp: "reboot"}
    assert database.run("last", wakes.last_job_thd) == reached
    assert database.run("jobs", wakes.with_jobs_thd, reached) == ({}, reached)

    again = EnqueueJob(Job(0, cwmp, JobKind.READ))
    database.run("apply", apply_thd, [again, again])
    database.run("apply", apply_thd, [SaveJob(reached + 2, JobState.DONE, NOW, 1, {})])
    assert database.run("jobs", wakes.with_jobs_thd, reached, 1) == ({cwmp: "read"}, reached + 1)


def test_lists_and_forgets(database: Database) -> None:
    first, second = new_device(database, "S1"), new_device(database, "S2")
    ask(database, first, second)
    over = replace(
        get(database, first), state=WakeState.REFUSED, way=Way.HTTP, ended_at=NOW, attempts=2
    )
    save(database, over)
    listed = database.run("list", wakes.list_thd)
    assert [(wake.device_id, key) for wake, key in listed] == [(second, "00259E-XC220%2DG3-S2")]
    assert get(database, first) == over
    assert database.run("prune", wakes.prune_thd, NOW) == 0
    assert database.run("prune", wakes.prune_thd, NOW + 1) == 1
    assert database.run("get", wakes.get_thd, first) is None


def test_a_stun_password_is_that_of_the_account_with_the_devices_key(database: Database) -> None:
    own, other, _without = (new_device(database, serial) for serial in ("S1", "S2", "S3"))
    key = "00259E-XC220%2DG3-S{}".format
    saves = [SaveWakeAccount(own, key(1), "geheim"), SaveWakeAccount(other, "chosen", "x")]
    database.run("apply", apply_thd, saves)
    found = [database.run("STUN", wakes.stun_password_thd, key(number)) for number in (1, 2, 3, 4)]
    assert found == [Secret("geheim"), None, None, None]


def test_who_applies_by_itself_what_was_written_is_asked_for_after_each_delay(
    database: Database,
) -> None:
    written, agent = new_device(database), new_device(database, "S2", protocol="usp")
    waits = {"standing": Standing.VERIFYING, "plan": "abc", "checked_at": NOW}
    database.run("apply", apply_thd, [SaveDevice(each, waits) for each in (written, agent)])
    new_device(database, "S3")

    def asked(now: float) -> int:
        return database.run("verify", wakes.ask_to_verify_thd, now, (10.0, 60.0), "verify", 10)

    assert asked(NOW + 9) == 0
    assert asked(NOW + 11) == 1
    assert asked(NOW + 12) == 0
    save(database, replace(get(database, written), state=WakeState.WOKEN, ended_at=NOW + 13))
    assert asked(NOW + 59) == 0
    assert asked(NOW + 61) == 1
    assert get(database, written).reason == "verify"
    database.run("apply", apply_thd, [SaveDevice(written, {"standing": Standing.LIVE, "plan": ""})])
    save(database, replace(get(database, written), state=WakeState.WOKEN, ended_at=NOW + 62))
    assert asked(NOW + 200) == 0
