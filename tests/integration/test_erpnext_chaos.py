"""Whatever befalls the site, the lines and the server: nothing is lost, and nothing doubled.

A town of ONTs that call only when they are switched on or asked to; a site whose webhooks tell of
our own writes, too; one server between them.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec
import pytest
import requests
from acs_fixtures import StartAcs
from erp_line import ErpLine, erp_line
from event_receiver import EventReceiver, event_receiver
from homes import KEY, SSID, Site
from running_acs import BOOTSTRAP, RunningAcs, wait_for
from town import WRITES, Town, equipment, serial, town

from acs.devices.outgoing import Outgoing, OutgoingState
from acs.devices.record import Device, JobKind, JobState, Standing
from acs.devices.wake_plan import WITHHELD
from acs.devices.waking import Wake, WakeState
from acs.events.signing import new_secret
from acs.store import devices, inbox, outbox, proofs, subscribers, wakes
from acs.store import equipment as mirror
from acs.store.inbox import InboxState
from acs.store.subscribers import Subscriber
from erp_bridge.outbox.facts import Facts
from erp_bridge.signature import HEADER, sign
from simulators.cpe import Identity, Ont
from simulators.cpe.blocking import Client
from simulators.erpnext.running import RunningSimulator, running_simulator
from simulators.erpnext.seeding import FIRST_BULK_NUMBER, bulk_documents

EQUIPMENT = "Service Equipment"
HOMES = 50
IDENTITY = Identity("1C61B7", "Device2", serial(HOMES + 1), "1C:61:B7:00:00:10")
"""Of the one that is not part of the town."""
SECRET = "wh-secret-é-1"
BODY = '{"name": {{ doc.name|tojson }}, "modified": {{ doc.modified|tojson }}}'
SETTINGS = {
    "ERP_API_KEY": "demo-key",
    "ERP_API_SECRET": "demo-secret",
    "ERP_WEBHOOK_SECRET": SECRET,
    # A contact brings nothing: what changes is told by a webhook, or found by a sweep.
    "ERP_REFRESH_SECONDS": "3600",
    "ERP_SWEEP_MINUTES": "0.005",
    "ERP_TIMEOUT": "1",
    "ERP_QUERIES_PER_SECOND": "200",
    "WAKEUP_ENABLED": "true",
    "WAKEUP_OWN_ACCOUNTS": "true",
    # What was written is to be proven by a call of ours, soon.
    "PROVISIONING_SETTLE_SECONDS": "0.2",
    "CWMP_SESSIONS_PER_MINUTE": "100000",
}


@dataclass
class World:
    """The server, its site, the line between them, and the town."""

    acs: RunningAcs
    erp: RunningSimulator
    line: ErpLine
    town: Town
    receiver: EventReceiver

    # --- the site ---------------------------------------------------------------------------

    def save(self, n: int, **fields: Any) -> str:
        """Somebody at the desk changes an equipment; its `modified`."""
        return str(self.erp.save(EQUIPMENT, equipment(n), **fields)["modified"])

    def document(self, n: int) -> dict[str, Any]:
        answer = requests.get(
            f"{self.erp.url}/api/resource/{EQUIPMENT}/{equipment(n)}",
            headers={"Authorization": "token setup-key:setup-secret"},
            timeout=30,
        )
        found: dict[str, Any] = answer.json()["data"]
        return found

    def saves(self, n: int) -> int:
        """How often the site saved an equipment since its webhooks were set up."""
        told = self.erp.webhooks()
        return sum(each.get("name") == equipment(n) for each in told["done"] + told["waiting"])

    def hook(self, n: int, modified: str) -> bool:
        """Tell of an equipment as the site does; whether that was new."""
        body = f'{{"name": "{equipment(n)}", "modified": "{modified}"}}'.encode()
        answer = requests.post(
            f"http://127.0.0.1:{self.acs.port('api')}/hooks/erpnext/service-equipment",
            data=body,
            headers={HEADER: sign(SECRET, body), "Connection": "close"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        is_new: bool = answer.json()["new"]
        return is_new

    # --- the server -------------------------------------------------------------------------

    def device(self, n: int) -> Device:
        return self.acs.device(serial(n))

    def live(self) -> int:
        with self.acs.database.read() as conn:
            return devices.standings_thd(conn).get(Standing.LIVE, 0)

    def proofs(self, n: int) -> int:
        """How often it was seen that an ONT has all it is to have."""
        with self.acs.database.read() as conn:
            found = proofs.list_thd(conn, self.device(n).id, limit=1000)
        return sum(proof.complete for proof in found)

    def wake(self, n: int) -> Wake | None:
        with self.acs.database.read() as conn:
            return wakes.get_thd(conn, self.device(n).id)

    def told(self, n: int) -> Outgoing | None:
        """What is to be written to an equipment, or was."""
        key = f"equipment/{equipment(n)}/facts"
        with self.acs.database.read() as conn:
            return outbox.of_thd(conn, [key]).get(key)

    def is_told(self, n: int) -> bool:
        """Whether nothing is to be written to an equipment any more."""
        row = self.told(n)
        return row is not None and row.state is OutgoingState.DONE

    def hasten(self, n: int) -> None:
        """Have what was recorded written without waiting for more of the same equipment."""
        self.hasten_row(f"equipment/{equipment(n)}/facts")

    def hasten_row(self, key: str) -> None:
        """The same, by the row's key; also without waiting until no lock can hold a write."""
        self.acs.database.run("hasten", outbox.retry_thd, key, time.time())

    def record(self, n: int, firmware: str) -> None:
        """Have something written to an equipment, now."""
        row = self.told(n)
        assert row is not None
        facts = msgspec.json.decode(row.body, type=Facts)
        body = msgspec.json.encode(msgspec.structs.replace(facts, firmware_version=firmware))
        now = time.time()
        put = replace(row, body=body, state=OutgoingState.WAITING, next_at=now)
        self.acs.database.run("record", outbox.put_thd, [put], now)

    def is_withheld(self, n: int) -> bool:
        """Whether it is to be called and may not."""
        wake = self.wake(n)
        return wake is not None and wake.detail.startswith(WITHHELD)

    def is_called(self, n: int) -> bool:
        """Whether it is to call and has not."""
        wake = self.wake(n)
        return wake is not None and wake.state in wakes.OPEN

    def was_called(self, n: int) -> bool:
        """Whether it called, or was given up."""
        return not self.is_called(n)

    def mirrored(self, n: int) -> Any:
        with self.acs.database.read() as conn:
            return mirror.wish_thd(conn, [equipment(n)])[equipment(n)]

    def knows(self, n: int, key: str) -> bool:
        """Whether the mirror has a Wi-Fi password."""
        network = self.mirrored(n).intent.wifi[0]
        return network.passphrase is not None and network.passphrase.reveal() == key

    def link(self) -> str:
        """How the server finds its site."""
        state: str = self.acs.health()["parts"]["erpnext"]["state"]
        return state

    # --- in the end ---------------------------------------------------------------------------

    def await_key(self, n: int, key: str) -> None:
        """Wait until an ONT has a Wi-Fi password."""
        path = KEY.format(1)
        wait_for(f"{key} on ONT {n}", lambda: self.town.shows(n, path) == key)

    def is_proven(self, n: int) -> bool:
        """Whether it was seen that an ONT has what it is to have by now."""
        device, wish = self.device(n), self.mirrored(n).digest
        return device.standing is Standing.LIVE and device.wish.startswith(wish)

    def is_written(self, n: int) -> bool:
        """Whether the site was told of an ONT's latest proof; has it told now."""
        row, session = self.told(n), self.acs.proof(self.device(n)).session
        if row is None or session.encode() not in row.body:
            return False
        if row.state is OutgoingState.DONE:
            shown, facts = self.document(n), msgspec.json.decode(row.body, type=Facts)
            told = shown["firmware_version"], shown["provisioning_note"]
            assert told[0] == facts.firmware_version
            return session in told[1]
        if row.next_at > time.time():
            self.hasten(n)
        return False

    def await_quiet(self) -> None:
        """Wait until nothing waits any more: no webhook, no write."""

        def look() -> bool:
            with self.acs.database.read() as conn:
                hooks = inbox.counts_thd(conn).get(InboxState.WAITING, 0)
                writes = outbox.list_thd(conn, outbox.OPEN)
            late = [row for row in writes if row.next_at > time.time()]
            for row in late:
                self.hasten_row(row.key)
            return not (hooks or writes)

        wait_for("all to be done", look)


@pytest.fixture(scope="module")
def world(start_acs: StartAcs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    options = ("--time-scale", "0.1", "--empty", "--customers", str(HOMES + 1))
    with running_simulator(*options) as erp, erp_line(erp.url) as line:
        acs = start_acs(ERP_URL=line.url, **SETTINGS)
        Site(erp.url).add(
            "Webhook",
            name="equipment",
            enabled=1,
            webhook_doctype=EQUIPMENT,
            webhook_docevent="on_update",
            request_url=f"http://127.0.0.1:{acs.port('api')}/hooks/erpnext/service-equipment",
            request_structure="JSON",
            webhook_json=BODY,
            enable_security=1,
            webhook_secret=SECRET,
        )
        folder = tmp_path_factory.mktemp("town")
        with town(acs, HOMES, folder) as built, event_receiver() as receiver:
            receiver.secret = new_secret(lambda size: b"\x5a" * size)
            wanted = Subscriber(
                receiver.url, receiver.secret, ("device.provisioned",), created_at=time.time()
            )
            acs.database.run("subscribe", subscribers.subscribe_thd, wanted)
            swept = 'acs_erp_sweeps_total{result="done"}'
            wait_for("the first sweep", lambda: acs.metric(swept))
            yield World(acs, erp, line, built, receiver)


@pytest.fixture(autouse=True)
def _in_order_again(world: World) -> Iterator[None]:
    """What a test did to the site does not befall the next one."""
    yield
    world.erp.clear_faults()
    world.erp.clear_twists()
    world.line.mend()


def test_erpnext_down_while_a_town_reboots(world: World) -> None:
    """All are provisioned from the mirror; what changed meanwhile follows; each is written once."""
    assert world.link() == "ok"
    world.line.cut()
    world.town.switch_on()
    wait_for("the town to be served", lambda: world.live() == HOMES)
    seeded = [each for each in bulk_documents(HOMES + 1, 1) if each["doctype"] == EQUIPMENT]
    for n, each in enumerate(seeded[:HOMES], 1):
        assert world.town.shows(n, SSID.format(1)) == each["wifi_ssid"]
        assert world.town.shows(n, KEY.format(1)) == each["wifi_password"]
    changed = range(1, 6)
    for n in (4, 5):
        world.erp.twist("lose", match=equipment(n))
    for n in changed:
        world.save(n, wifi_password=f"Tempete-{n}-blanche")
    before = [world.town.writes(n) for n in range(1, HOMES + 1)]
    world.town.switch_off()
    world.town.switch_on()

    def rebooted() -> bool:
        last = [world.town.told(n, "session-end")[-1] for n in range(1, HOMES + 1)]
        return all("1 BOOT" in each["events"] and each["end"] == "complete" for each in last)

    wait_for("the town after a power cut", rebooted)
    assert world.live() == HOMES
    assert before == [world.town.writes(n) for n in range(1, HOMES + 1)]
    assert not world.line.written(equipment(HOMES))
    world.line.mend()
    for n in changed:
        world.await_key(n, f"Tempete-{n}-blanche")
    world.await_quiet()
    for n in range(6, HOMES + 1):
        assert world.line.written(equipment(n)) == 1
        assert world.town.writes(n) == before[n - 1]
        assert world.document(n)["provisioning_status"] == "live"
    assert world.link() == "ok"


def fleet(world: World) -> dict[str, str]:
    """What the mirror wishes for whom."""
    with world.acs.database.read() as conn:
        names = [equipment(n) for n in range(1, HOMES + 2)]
        return {name: row.digest for name, row in mirror.wish_thd(conn, names).items()}


def serve(world: World, n: int) -> None:
    """Have an ONT called, compared with its wish, and proven."""
    job = world.acs.enqueue(world.device(n), JobKind.PROVISION)
    wait_for("an ONT to be served", lambda: world.acs.job(job).state is JobState.DONE)
    assert world.device(n).standing is Standing.LIVE


def test_erpnext_slow_by_30_s(world: World) -> None:
    """Who gave up waiting for a write that was saved looks, and writes nothing twice."""
    had, saved = fleet(world), world.saves(10)
    world.erp.order("slow", delay=30)
    world.record(10, "5.0 lente")
    wait_for("the write", lambda: world.saves(10) == saved + 1)
    wait_for("the breaker to open", lambda: world.link() == "degraded")
    serve(world, 11)
    assert fleet(world) == had
    world.erp.clear_faults()
    wait_for("the breaker to close", lambda: world.link() == "ok")
    # What was saved is looked at when no lock of the site can hold it any more, or now.
    wait_for("the read-back", partial(world.is_written, 10))
    assert world.saves(10) == saved + 1


def test_a_page_with_500_after_saving(world: World) -> None:
    """Many rows at once, and all of them in doubt."""
    several = (12, 13, 14)
    before = [world.line.written(equipment(n)) for n in several]
    for writes in ("acs_write_back", "PUT /api/resource"):
        world.erp.order("500html", match=writes)
    for n in several:
        world.record(n, "5.1 page")
    for n in several:
        wait_for("the read-back", partial(world.is_written, n))
    assert [world.line.written(equipment(n)) for n in several] == [each + 1 for each in before]


def test_a_page_with_200_instead_of_json_and_a_kill(world: World) -> None:
    """A login page in front: nobody believes it, and a person is called."""
    had = fleet(world)
    world.erp.order("login")
    world.save(15, wifi_password="Verglas-15-bleu")
    wait_for("the alarm", lambda: world.link() == "degraded")
    serve(world, 16)
    assert fleet(world) == had
    assert "Frappe" in world.acs.health()["parts"]["erpnext"]["detail"]
    world.erp.clear_faults()
    world.acs.kill9()
    world.acs.start()
    world.await_key(15, "Verglas-15-bleu")


def test_a_kill_while_webhook_write_and_calls_are_under_way(world: World) -> None:
    """Between a webhook's 200 and its reading; between a write and its record; amid calls."""
    called = (19, 20, 21, 22)
    saved = world.saves(18)
    world.erp.twist("lose", match=equipment(17))
    modified = world.save(17, wifi_password="Poudrerie-17")
    world.erp.order("timeout", match=f"PUT /api/resource/{EQUIPMENT}/{equipment(18)}")
    for n in called:
        world.save(n, wifi_password=f"Poudrerie-{n}")
    wait_for("calls", lambda: [n for n in called if world.is_called(n)])
    world.record(18, "5.2 coup")
    world.erp.order("timeout", match=f"GET /api/resource/{EQUIPMENT}")
    assert world.hook(17, modified)
    wait_for("the write", lambda: world.saves(18) == saved + 1)
    world.acs.kill9()
    world.erp.clear_faults()
    world.acs.start()
    # Calls that the dead one took for itself are another's after a while, which is over now.
    world.acs.database.run("hasten", wakes.hasten_thd, "", time.time())
    for n in (17, *called):
        world.await_key(n, f"Poudrerie-{n}")
    wait_for("the read-back", partial(world.is_written, 18))
    assert world.saves(18) == saved + 1


def test_webhooks_that_are_doubled_late_mixed_and_lost(world: World) -> None:
    doubled, late, mixed, lost = several = (23, 24, 25, 26)
    before = {n: world.town.writes(n) for n in several}
    world.erp.twist("duplicate", match=equipment(doubled), copies=3)
    world.erp.twist("late", match=equipment(late), seconds=1.0)
    world.erp.twist("reorder", match=equipment(mixed), count=3)
    world.erp.twist("lose", match=equipment(lost), count=None)
    for word in ("Grele", "Bruine", "Soleil"):
        for n in (late, mixed):
            world.save(n, wifi_password=f"{word}-{n}-fin")
    for n in (doubled, lost):
        world.save(n, wifi_password=f"Soleil-{n}-fin")
    for n in several:
        world.await_key(n, f"Soleil-{n}-fin")
    world.await_quiet()
    for n in (doubled, lost):
        assert world.town.writes(n) == before[n] + 1
    for n in (late, mixed):
        assert world.town.writes(n) <= before[n] + 3


def test_sweeps_miss_nothing_when_the_site_has_another_time(world: World) -> None:
    """No webhook tells of anything; no subscription was changed lately whose place is looked at."""
    subscriptions = [f"SUB-{FIRST_BULK_NUMBER + n - 1:010d}" for n in range(1, HOMES + 1)]
    for name in subscriptions:
        world.erp.overwrite("Service Subscription", name, modified="2020-01-01 00:00:00.000000")
    world.erp.twist("lose", count=None)
    times: list[dict[str, Any]] = [
        {"zone": "Europe/Paris"},
        {"zone": "America/Vancouver", "shift": 3 * 3600.0},
        {"shift": -3 * 3600.0},
        {"zone": "America/Toronto", "shift": 0.0},
    ]
    for n, clock in enumerate(times, 27):
        world.erp.set_clock(**clock)
        world.save(n, wifi_password=f"Horloge-{n}")
        wait_for("the sweep", partial(world.knows, n, f"Horloge-{n}"))


def test_two_workers_read_once_call_once_and_prove_once(world: World) -> None:
    world.acs.restart(SERVER_WORKERS="2", SERVER_DRAIN_SECONDS="1", ERP_SWEEP_MINUTES="0")
    several = (32, 33)
    before = {n: (world.town.writes(n), world.proofs(n), reads(world, n)) for n in several}
    world.erp.twist("lose", count=None)
    for n, name in zip(several, workers(world.acs), strict=True):
        modified = world.save(n, wifi_password=f"Deux-{n}-ouvriers")
        with alone(world.acs, name):
            assert world.hook(n, modified)
        assert [world.hook(n, modified) for _ in range(4)] == [False] * 4
    world.erp.clear_twists()
    for n in several:
        world.await_key(n, f"Deux-{n}-ouvriers")
        wait_for("the proof", partial(world.is_proven, n))
        after = world.town.writes(n), world.proofs(n), reads(world, n)
        assert after == tuple(count + 1 for count in before[n])
        wait_for("the end of the call", partial(world.was_called, n))
        wake = world.wake(n)
        assert wake is not None
        assert (wake.state, wake.attempts) == (WakeState.WOKEN, 1)


def reads(world: World, n: int) -> int:
    """How often passwords of an equipment were read."""
    asked = [sent for sent in world.line.sent if sent.path.endswith("acs_equipment_secrets")]
    return sum(equipment(n) in sent.text for sent in asked)


def workers(acs: RunningAcs) -> dict[str, int]:
    """Process ids of the workers, by name."""
    told = re.findall(r'event="worker serves" worker=(\w+) process=(\d+)', acs.log)
    return {name: int(process) for name, process in told}


@contextmanager
def alone(acs: RunningAcs, name: str) -> Iterator[None]:
    """Stop all other workers for a moment: new connections are this one's."""
    others = [process for other, process in workers(acs).items() if other != name]

    def stopped() -> bool:
        _signal(others, signal.SIGSTOP)
        if _can_write(acs):
            return True
        _signal(others, signal.SIGCONT)  # one of them was amid a transaction
        return False

    wait_for("the others to rest", stopped)
    try:
        yield
    finally:
        _signal(others, signal.SIGCONT)


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        os.kill(process, number)


def _can_write(acs: RunningAcs) -> bool:
    store = sqlite3.connect(acs.data_dir / "acs.db", timeout=0.1, isolation_level=None)
    try:
        store.execute("BEGIN IMMEDIATE")
        store.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        store.close()
    return True


def test_in_dry_run_nothing_leaves_and_all_follows_once_it_is_on(world: World) -> None:
    world.acs.restart(SAFETY_MODE="dry-run", SERVER_WORKERS="1", ERP_SWEEP_MINUTES="0.005")
    n, newcomer = 40, HOMES + 1
    writes, written, told = world.town.writes(n), writes_of(world), len(world.receiver.received)
    had = world.town.shows(n, KEY.format(1))
    world.save(n, wifi_password="Essai-a-blanc-40")
    wait_for("the call to be withheld", lambda: world.is_withheld(n))
    ont = Ont("tplink-a-xx230v", IDENTITY, username=BOOTSTRAP[0], password=BOOTSTRAP[1])
    report = Client(world.acs.url, ont, timeout=30).session()
    assert report.complete
    assert not WRITES.intersection(report.methods)
    assert world.device(newcomer).standing is Standing.PLANNED
    assert world.device(newcomer).equipment == equipment(newcomer)
    assert (world.town.writes(n), world.town.shows(n, KEY.format(1))) == (writes, had)
    assert writes_of(world) == written
    assert len(world.receiver.received) == told
    world.acs.restart(SAFETY_MODE="on")
    # It is called, and need not call by itself.
    world.await_key(n, "Essai-a-blanc-40")
    report = Client(world.acs.url, ont, timeout=30).session()
    assert WRITES.intersection(report.methods)
    key = world.device(n).key

    def is_told() -> bool:
        return key in [event.device for event in world.receiver.taken[told:]]

    wait_for("the event", is_told)


def test_in_the_end_every_ont_has_what_it_is_to_have_and_erpnext_knows(world: World) -> None:
    everyone = range(1, HOMES + 1)
    for look in (world.is_proven, world.is_written):

        def all_of_them(look: Callable[[int], bool] = look) -> bool:
            seen = [look(n) for n in everyone]  # all are looked at: none waits for another
            return all(seen)

        wait_for(f"the end: {look.__name__}", all_of_them)
    for n in everyone:
        shown = world.document(n)
        assert shown["provisioning_status"] == "live"
        assert world.town.shows(n, SSID.format(1)) == shown["wifi_ssid"]
    world.await_quiet()
    assert world.acs.health()["status"] == "ok"


def writes_of(world: World) -> int:
    """How much was ever sent to be written."""
    return sum(len(sent.written) for sent in world.line.sent)
