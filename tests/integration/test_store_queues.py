"""The queues: grouping, read-after-write, bounds, failures, closing."""

from __future__ import annotations

import queue
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from running_acs import wait_for
from sqlalchemy import Connection, event
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acs.devices.agents import Agent, KnownAgent, StoredNotify
from acs.devices.effects import (
    AddTimeline,
    Effect,
    EnqueueJob,
    SaveAgent,
    SaveCredentials,
    SaveDevice,
    SaveJob,
    SaveNotify,
    SaveSnapshot,
    SaveSupportedModel,
    SettleNotifies,
)
from acs.devices.identity import Equipment, Terms
from acs.devices.record import Job, JobKind, JobState, Opened, Snapshot, TimelineEntry
from acs.devices.source import MirrorRow
from acs.model import Contact, DeviceId, Event, EventKind, Value
from acs.profiles.intent import Intent
from acs.store import Closed, Database, Overloaded, StoreUnavailable, devices, equipment, timeline
from acs.store import queues as queues_module
from acs.store.queues import Queues

T = TypeVar("T")


class Reactor:
    """The part of a reactor that queues need: calls from other threads, in turn, on this one."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]]
        self._calls = queue.SimpleQueue()

    def call_from_thread(self, function: Callable[..., object], *args: Any) -> None:
        self._calls.put((function, args))

    def wait(self, deferred: Deferred[T]) -> T:
        """Let things happen until ``deferred`` has fired; return its result or raise its error."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        while not results:
            function, args = self._calls.get(timeout=20)
            function(*args)
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]  # type: ignore[no-any-return]


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def queues(database: Database, reactor: Reactor) -> Iterator[Queues]:
    made = Queues(database, reactor.call_from_thread)
    yield made
    reactor.wait(made.close())


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Posts wait for ever, so that what writes them is what the test is about."""
    monkeypatch.setattr(queues_module, "POST_DELAY", 3600.0)


def contact(serial: str = "S1", *kinds: EventKind) -> Contact:
    events = tuple(Event(kind) for kind in kinds)
    return Contact(
        DeviceId("00259E", "XC220", serial), "TP-Link", "cwmp", "Device.", events, {}, 1.0
    )


def hold(queues: Queues) -> tuple[threading.Event, Deferred[None]]:
    """Keep the database thread busy until the event is set; returns once it is."""
    busy, go = threading.Event(), threading.Event()

    def hold_thd(conn: Connection) -> None:
        busy.set()
        go.wait(20)

    done = queues.run("hold", hold_thd)
    assert busy.wait(20)
    return go, done


def commits(database: Database) -> list[None]:
    """Counts the commits of the database from now on."""
    counted: list[None] = []
    event.listen(database._engine, "commit", lambda conn: counted.append(None))
    return counted


def test_a_device_is_opened_changed_and_opened_again(queues: Queues, reactor: Reactor) -> None:
    opened = reactor.wait(queues.open(contact()))
    assert opened.created
    reactor.wait(queues.commit([SaveDevice(opened.device.id, {"reason": "known"})]))
    again = reactor.wait(queues.open(contact()))
    assert (again.created, again.device.reason) == (False, "known")


def test_all_that_waits_is_done_together(
    queues: Queues, reactor: Reactor, database: Database
) -> None:
    ids = [reactor.wait(queues.open(contact(f"S{n}"))).device.id for n in range(50)]
    go, _ = hold(queues)
    counted = commits(database)
    written = [queues.commit([SaveDevice(i, {"failures": i})]) for i in ids]
    opened = [queues.open(contact(f"S{n}")) for n in range(50)]
    go.set()
    answers = [reactor.wait(one) for one in opened]
    assert [answer.device.failures for answer in answers] == ids
    assert all(one.called for one in written)
    # One for what held the thread, one for all that was written, one for all that was read.
    assert len(counted) == 3


def test_while_the_thread_rests_callers_gather(
    queues: Queues, reactor: Reactor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues_module, "PACE", 1.0)
    monkeypatch.setattr(queues_module, "LONGEST_PACE", 1.0)
    reactor.wait(queues.open(contact("first")))
    counted = commits(database)
    opened = [queues.open(contact(f"S{n}")) for n in range(20)]
    assert all(reactor.wait(one).created for one in opened)
    assert len(counted) == 1


@pytest.mark.usefixtures("patient")
def test_opening_a_posted_device_beside_a_new_one_creates_each_once(
    queues: Queues, reactor: Reactor
) -> None:
    device = reactor.wait(queues.open(contact("posted"))).device
    queues.post([SaveDevice(device.id, {"reason": "new"})])
    go, _ = hold(queues)
    opened = [queues.open(contact(serial)) for serial in ("posted", "fresh", "fresh")]
    go.set()
    answers = [reactor.wait(one) for one in opened]
    assert [answer.created for answer in answers] == [False, True, False]
    assert [answer.device.reason for answer in answers] == ["new", "", ""]


def test_answers_come_on_the_reactors_thread(queues: Queues, reactor: Reactor) -> None:
    threads: list[threading.Thread] = []
    opened = queues.open(contact())
    opened.addCallback(lambda answer: threads.append(threading.current_thread()))
    reactor.wait(opened)
    assert threads == [threading.main_thread()]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("effect", "seen"),
    [
        (lambda i: SaveDevice(i, {"reason": "new"}), lambda opened: opened.device.reason == "new"),
        (lambda i: EnqueueJob(Job(0, i, JobKind.REBOOT)), lambda opened: len(opened.jobs) == 1),
    ],
)
def test_opening_sees_what_was_posted_about_the_device(
    queues: Queues,
    reactor: Reactor,
    effect: Callable[[int], Effect],
    seen: Callable[[Opened], bool],
) -> None:
    device = reactor.wait(queues.open(contact())).device
    queues.post([effect(device.id)])
    assert seen(reactor.wait(queues.open(contact())))


@pytest.mark.usefixtures("patient")
def test_opening_sees_a_posted_end_of_a_job(queues: Queues, reactor: Reactor) -> None:
    device = reactor.wait(queues.open(contact())).device
    reactor.wait(queues.commit([EnqueueJob(Job(0, device.id, JobKind.REBOOT))]))
    [job] = reactor.wait(queues.open(contact())).jobs
    queues.post([SaveJob(job.id, JobState.DONE, 1.0, 1, {})])
    assert reactor.wait(queues.open(contact())).jobs == ()


@pytest.mark.usefixtures("patient")
def test_opening_leaves_posts_about_others_waiting(
    queues: Queues, reactor: Reactor, database: Database
) -> None:
    posted = reactor.wait(queues.open(contact("posted"))).device
    other = reactor.wait(queues.open(contact("other"))).device
    queues.post([SaveDevice(posted.id, {"reason": "new"})])
    reactor.wait(queues.open(contact("other")))

    def reason() -> str:
        found = database.run("get", devices.get_thd, posted.id)
        assert found is not None
        return found.reason

    assert reason() == ""
    reactor.wait(queues.commit([SaveDevice(other.id, {"failures": 1})]))
    assert reason() == "new"  # it went along


@pytest.mark.usefixtures("patient")
def test_agents_are_seen_as_posted(queues: Queues, reactor: Reactor) -> None:
    assert reactor.wait(queues.agent("os::1")) == KnownAgent()
    waiting = StoredNotify("os::1", "m", 1.0, "Event", waiting=True)
    queues.post([SaveAgent("os::1", {"mtp": "mqtt"}), SaveNotify(waiting)])
    both = [queues.agent("os::1"), queues.agent("os::1")]
    known = KnownAgent(Agent("os::1", mtp="mqtt"), (waiting,))
    assert [reactor.wait(each) for each in both] == [known, known]
    queues.post([SettleNotifies("os::1", ("m",))])
    assert reactor.wait(queues.agent("os::1")).waiting == ()
    assert reactor.wait(queues.supported("model")) is None
    queues.post([SaveSupportedModel("model", 1.0, "urn", b"packed")])
    assert reactor.wait(queues.supported("model")) == b"packed"


@pytest.mark.usefixtures("patient")
def test_a_posted_agent_tells_whose_unit_calls_under_another_name(
    queues: Queues, reactor: Reactor
) -> None:
    device = reactor.wait(queues.open(contact())).device
    queues.post([SaveAgent("os::1", {"device_id": device.id})])
    other_name = replace(contact(), device=DeviceId("00259E", "EX220", "S1"))
    assert reactor.wait(queues.open(other_name)).device.id == device.id


@pytest.mark.usefixtures("patient")
def test_look_ups_and_runs_see_what_was_posted(queues: Queues, reactor: Reactor) -> None:
    device = reactor.wait(queues.open(contact())).device
    snapshot = Snapshot(1.0, {"Device.A": Value("v")})
    queues.post([SaveSnapshot(device.id, snapshot)])
    assert reactor.wait(queues.snapshot(device.id)) == snapshot
    queues.post([SaveCredentials(device.id, "user", "pw")])
    assert reactor.wait(queues.pending_password(device.id)) == "pw"
    queues.post([SaveCredentials(device.id, "user", None)])
    account = reactor.wait(queues.account("user"))
    assert account is not None
    assert (account.device_key, account.pending) == (device.key, False)
    queues.post([AddTimeline(TimelineEntry(device.id, 1.0, "k", "t"))])
    assert len(reactor.wait(queues.run("timeline", timeline.list_thd, device.id))) == 1


def test_look_ups_answer_what_is_not_there(queues: Queues, reactor: Reactor) -> None:
    assert reactor.wait(queues.snapshot(1)) == Snapshot()
    assert reactor.wait(queues.account("nobody")) is None
    assert reactor.wait(queues.pending_password(1)) is None
    assert reactor.wait(queues.find(Terms(serials=("S",)))) == ()
    assert reactor.wait(queues.wish("EQ")) is None


def test_the_mirror_is_looked_up(queues: Queues, reactor: Reactor) -> None:
    row = MirrorRow(Equipment("EQ", mac="98254A000001"), Intent(), "d", 1.0)
    reactor.wait(queues.run("store", equipment.store_thd, [row]))
    terms = Terms(macs=("98254A000001",))
    assert reactor.wait(queues.find(terms)) == (row,)
    assert reactor.wait(queues.wish("EQ")) == row


def test_posts_are_written_without_anybody_asking(
    queues: Queues, reactor: Reactor, database: Database
) -> None:
    device = reactor.wait(queues.open(contact())).device
    for n in range(10):
        queues.post([SaveDevice(device.id, {"failures": n})])

    def all_written() -> bool:
        found = database.run("get", devices.get_thd, device.id)
        return found is not None and found.failures == 9

    wait_for("the last of them", all_written)


@pytest.mark.usefixtures("patient")
def test_many_posts_wait_no_longer(queues: Queues, reactor: Reactor, database: Database) -> None:
    device = reactor.wait(queues.open(contact())).device
    written = threading.Event()
    event.listen(database._engine, "commit", lambda conn: written.set())
    for n in range(queues_module.POST_EFFECTS):
        assert not written.is_set()
        queues.post([SaveDevice(device.id, {"failures": n})])
    assert written.wait(20)


def test_a_bad_commit_fails_its_caller_only(queues: Queues, reactor: Reactor) -> None:
    device = reactor.wait(queues.open(contact())).device
    go, _ = hold(queues)
    good = queues.commit([SaveDevice(device.id, {"reason": "good"})])
    bad = queues.commit([SaveDevice(device.id, {"nonsense": 1})])
    queues.post([AddTimeline(TimelineEntry(999_999, 1.0, "k", "of no device"))])
    go.set()
    reactor.wait(good)
    with pytest.raises(Exception, match="nonsense"):
        reactor.wait(bad)
    assert reactor.wait(queues.open(contact())).device.reason == "good"


def test_a_bad_contact_fails_its_caller_only(queues: Queues, reactor: Reactor) -> None:
    go, _ = hold(queues)
    before, bad, after = (queues.open(contact(serial)) for serial in ("A", "\ud800", "B"))
    go.set()
    assert reactor.wait(before).created
    with pytest.raises(UnicodeError):
        reactor.wait(bad)
    assert reactor.wait(after).device.serial_number == "B"


def test_a_run_that_fails_fails_its_caller_only(queues: Queues, reactor: Reactor) -> None:
    def fail_thd(conn: Connection) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        reactor.wait(queues.run("fail", fail_thd))
    assert reactor.wait(queues.open(contact())).created


def test_full_queues_refuse_at_once_and_recover(database: Database, reactor: Reactor) -> None:
    queues = Queues(database, reactor.call_from_thread, max_waiting=3, max_effects=4)
    device = reactor.wait(queues.open(contact())).device
    go, held = hold(queues)
    effect = SaveDevice(device.id, {"failures": 1})
    waiting = [queues.open(contact()), queues.commit([effect, effect])]
    assert queues.waiting == 3  # with the one that holds the thread
    refused = queues.open(contact())
    assert refused.called
    with pytest.raises(Overloaded, match="3 callers wait"):
        reactor.wait(refused)
    queues.post([effect, effect])  # nobody waits for these
    with pytest.raises(Overloaded, match="4 effects wait"):
        queues.post([effect])
    go.set()
    for one in (held, *waiting):
        reactor.wait(one)
    assert queues.waiting == 0
    reactor.wait(queues.commit([effect] * 4))
    reactor.wait(queues.close())


def test_a_flood_of_posts_takes_bounded_memory(database: Database, reactor: Reactor) -> None:
    queues = Queues(database, reactor.call_from_thread, max_effects=1000)
    device = reactor.wait(queues.open(contact())).device
    go, _ = hold(queues)
    refused = 0
    tracemalloc.start()
    try:
        for n in range(20_000):
            try:
                queues.post([SaveDevice(device.id, {"reason": f"{n:1000}"})])
            except Overloaded:
                refused += 1
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused == 19_000
    assert held < 3_000_000  # what was taken is about 1.5 MB, all of it would be 30 MB
    go.set()
    assert reactor.wait(queues.open(contact())).device.reason == f"{999:1000}"
    reactor.wait(queues.close())


def test_a_cancelled_caller_is_passed_over(queues: Queues, reactor: Reactor) -> None:
    go, _ = hold(queues)
    gone = queues.open(contact("gone"))
    gone.addErrback(lambda _: None)
    gone.cancel()
    stays = queues.open(contact("stays"))
    go.set()
    assert reactor.wait(stays).created
    assert queues.waiting == 0


def test_the_delay_is_that_of_the_oldest_caller_and_fades(
    database: Database, reactor: Reactor
) -> None:
    now = [100.0]
    queues = Queues(database, reactor.call_from_thread, clock=lambda: now[0])
    assert queues.delay == 0.0
    go, held = hold(queues)
    now[0] = 107.0
    assert queues.delay == 7.0
    opened = queues.open(contact())
    now[0] = 108.0
    go.set()
    reactor.wait(held)
    reactor.wait(opened)
    just_after = queues.delay
    assert 0.3 * 1.0 < just_after < 8.0
    now[0] = 109.0
    assert queues.delay == pytest.approx(just_after / 2)
    now[0] = 200.0
    assert queues.delay < 1e-6
    reactor.wait(queues.close())


def test_a_slow_disk_is_no_queue_and_those_who_wait_for_others_are(
    database: Database, reactor: Reactor
) -> None:
    now = [100.0]
    queues = Queues(database, reactor.call_from_thread, clock=lambda: now[0])

    def slow(_conn: Connection) -> None:
        now[0] += 0.3

    for _ in range(40):
        reactor.wait(queues.run("slow", slow))
    assert queues.asked == 40
    assert queues.delay > 0.2
    assert queues.queueing == 0.0
    waiting = [queues.run("slow", slow) for _ in range(20)]
    for each in waiting:
        reactor.wait(each)
    assert queues.queueing > 1.0
    reactor.wait(queues.close())


def test_closing_writes_what_waits_and_takes_nothing_new(
    database: Database, reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues_module, "POST_DELAY", 3600.0)
    queues = Queues(database, reactor.call_from_thread)
    device = reactor.wait(queues.open(contact())).device
    go, _ = hold(queues)
    queues.post([SaveDevice(device.id, {"reason": "posted"})])
    committed = queues.commit([SaveDevice(device.id, {"failures": 5})])
    closed, twice = queues.close(), queues.close()
    with pytest.raises(Closed):
        reactor.wait(queues.open(contact()))
    with pytest.raises(Closed):
        queues.post([])
    go.set()
    reactor.wait(closed)
    reactor.wait(twice)
    assert committed.called
    found = database.run("get", devices.get_thd, device.id)
    assert found is not None
    assert (found.reason, found.failures) == ("posted", 5)


def test_posts_survive_a_database_out_of_reach(
    database: Database, reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues_module, "_PAUSE", 0.01)
    queues = Queues(database, reactor.call_from_thread)
    device = reactor.wait(queues.open(contact())).device
    real, lost = queues_module.commit, [True, True]

    def out_of_reach(database: Database, groups: list[list[Effect]]) -> list[Exception | None]:
        if lost:
            lost.pop()
            return [StoreUnavailable("gone")] * len(groups)
        return real(database, groups)

    monkeypatch.setattr(queues_module, "commit", out_of_reach)
    queues.post([SaveDevice(device.id, {"reason": "kept"})])
    with pytest.raises(StoreUnavailable):
        reactor.wait(queues.commit([SaveDevice(device.id, {"failures": 1})]))
    opened = reactor.wait(queues.open(contact()))
    while opened.device.reason != "kept":  # at the latest the next try has written it
        opened = reactor.wait(queues.open(contact()))
    assert not lost
    assert opened.device.failures == 0
    reactor.wait(queues.close())


def test_commits_are_measured(database: Database, reactor: Reactor) -> None:
    measured: list[int] = []
    queues = Queues(
        database, reactor.call_from_thread, committed=lambda batch, seconds: measured.append(batch)
    )
    go, _ = hold(queues)
    asked = [queues.commit([]) for _ in range(3)]
    go.set()
    for one in asked:
        reactor.wait(one)
    reactor.wait(queues.close())
    assert measured == [3]
