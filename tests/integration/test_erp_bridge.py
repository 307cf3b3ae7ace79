"""The bridge against the stand-in ERPNext in a process of its own, over real sockets."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import pytest
from forked import erpnext_sim
from requests.adapters import HTTPAdapter
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.threads import blockingCallFromThread

from acs.devices.identity import Hints, Terms, normal_gpon, terms
from acs.devices.source import Found, MirrorRow, Pending
from acs.model import DeviceId, Secret
from erp_bridge.asking import Asker
from erp_bridge.breaker import Breaker
from erp_bridge.check import findings
from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpMisconfigured, ErpUnauthorized, ErpUnavailable
from erp_bridge.forgetting import Forgetting
from erp_bridge.lookup import Lookup
from erp_bridge.mapping import load
from erp_bridge.schema import Level
from erp_bridge.source import ErpSource, Limits
from erp_bridge.spelling import fits
from erp_bridge.threads import Threads
from simulators.erpnext.running import RunningSimulator, running_simulator
from simulators.erpnext.seeding import bulk_mac, bulk_serial

CUSTOMERS = 400
GPON = normal_gpon("TPLGB4FA33C8")
SECRET = Secret("demo-secret")


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(
        "--customers", str(CUSTOMERS), "--host", "127.0.0.1", start=erpnext_sim
    ) as running:
        yield running


@pytest.fixture
def erp(simulator: RunningSimulator) -> Iterator[RunningSimulator]:
    yield simulator
    simulator.resume()
    simulator.clear_faults()


@pytest.fixture(scope="module")
def reactor() -> Iterator[Any]:
    """A reactor of this module's own, in a thread."""
    own = SelectReactor()
    thread = threading.Thread(target=own.run, kwargs={"installSignalHandlers": False})
    thread.start()
    yield own
    own.callFromThread(own.stop)
    thread.join()


class MirrorInMemory:
    def __init__(self) -> None:
        self.rows: dict[str, MirrorRow] = {}
        self.filled: Deferred[None] = Deferred()

    def find(self, asked: Sequence[Terms]) -> Awaitable[tuple[MirrorRow, ...]]:
        hits = [r for r in self.rows.values() if any(fits(t, r.equipment) for t in asked)]
        return succeed(tuple(hits))

    def wish(self, equipment: str) -> Awaitable[MirrorRow | None]:
        return succeed(self.rows.get(equipment))

    def known(self, names: Sequence[str]) -> Awaitable[Mapping[str, MirrorRow]]:
        return succeed({name: self.rows[name] for name in names if name in self.rows})

    def store(self, rows: Sequence[MirrorRow], *, on_line: Collection[str] = ()) -> Awaitable[None]:
        self.rows |= {row.equipment.name: row for row in rows}
        if not self.filled.called:
            self.filled.callback(None)
        return succeed(None)

    def forget(self, equipment: Sequence[str]) -> Awaitable[None]:
        for name in equipment:
            self.rows.pop(name, None)
        return succeed(None)

    def size(self) -> Awaitable[int]:
        return succeed(len(self.rows))


class Bridge:
    """A source over sockets, and a way to use it from the test's thread."""

    def __init__(self, reactor: Any, url: str, **limits: Any) -> None:
        self.reactor = reactor
        self.mirror = MirrorInMemory()
        self.failures: list[Exception] = []
        self.client = ErpClient(url, "demo-key", SECRET, timeout=20, retries=0)
        self.threads = Threads(reactor, 4)
        self.source = ErpSource(
            reactor,
            Lookup(self.client, load(), digest=lambda text: hashlib.sha256(text).hexdigest()),
            self.mirror,
            Asker(Breaker(time.monotonic), self.threads.run, failed=self.failures.append),
            Forgetting(0.1, time.time),
            digest=lambda text: hashlib.sha256(text).hexdigest(),
            clock=time.time,
            limits=Limits(**limits),
        )
        self.call(self.threads.start)

    def call(self, work: Callable[[], Any]) -> Any:
        return blockingCallFromThread(self.reactor, work)

    def find(self, *asked: Terms) -> list[Found | Pending]:
        return self.call(
            lambda: gatherResults([Deferred.fromCoroutine(self.source.find(t)) for t in asked])
        )

    def close(self) -> None:
        self.call(self.source.stop)
        self.call(lambda: Deferred.fromCoroutine(self.threads.stop()))
        self.client.close()


@pytest.fixture
def bridge(reactor: Any, erp: RunningSimulator) -> Iterator[Bridge]:
    made = Bridge(reactor, erp.url, hold_seconds=20)
    yield made
    made.close()


def device(n: int) -> Terms:
    mac = bulk_mac(n).replace(":", "")
    return terms(Hints(DeviceId("1C61B5", "XX230v", bulk_serial(n)), mac=mac))


def queries(erp: RunningSimulator) -> int:
    return sum(erp.state()["statistics"]["lookups"].values())


def test_200_devices_at_once_cost_few_queries(bridge: Bridge, erp: RunningSimulator) -> None:
    before = queries(erp)
    answers = bridge.find(*(device(n) for n in range(1, 201)))
    for n, answer in enumerate(answers, 1):
        assert isinstance(answer, Found)
        assert f"EQP-{100_000 + n}" in [one.name for one in answer.equipment]
    assert queries(erp) - before <= 4
    assert all(row.intent.wifi[0].passphrase for row in bridge.mirror.rows.values())
    again = queries(erp)
    assert all(isinstance(one, Found) for one in bridge.find(*(device(n) for n in range(1, 201))))
    assert queries(erp) == again


def test_the_demo_devices_are_found_by_serial_mac_and_gpon_serial(bridge: Bridge) -> None:
    found = bridge.find(
        Terms(serials=("22275A7000001",)),
        Terms(macs=("1C61B4FA2210",)),
        Terms(gpon_serials=(GPON,)),
    )
    assert [answer.equipment[0].name for answer in found if isinstance(answer, Found)] == [
        "EQP-00001",
        "EQP-00002",
        "EQP-00003",
    ]
    passphrases = {name: row.intent.wifi[0].passphrase for name, row in bridge.mirror.rows.items()}
    assert passphrases["EQP-00002"] == Secret("quai & chaloupe 1987")


def test_a_slow_site_holds_a_session_for_its_bound_only(
    reactor: Any, erp: RunningSimulator
) -> None:
    bridge = Bridge(reactor, erp.url, hold_seconds=0.2)
    try:
        erp.pause()
        [answer] = bridge.find(device(7))
        assert isinstance(answer, Pending)
        assert bridge.mirror.rows == {}
        erp.resume()
        bridge.call(lambda: bridge.mirror.filled.addTimeout(30, reactor))
        [later] = bridge.find(device(7))
        assert isinstance(later, Found)
        assert "EQP-100007" in [one.name for one in later.equipment]
    finally:
        bridge.close()


def test_a_site_that_is_down_leaves_the_mirror_serving(
    bridge: Bridge, erp: RunningSimulator
) -> None:
    bridge.find(device(11))
    erp.order("drop")
    for _ in range(3):
        [unknown] = bridge.find(Terms(serials=("NEVER-SEEN",)))
        assert isinstance(unknown, Pending)
    asked = erp.state()["statistics"]["requests"]
    [known] = bridge.find(device(11))
    [refused] = bridge.find(Terms(serials=("NEVER-SEEN",)))
    assert isinstance(known, Found)
    assert isinstance(refused, Pending)
    assert "not asked for now" in refused.reason
    assert erp.state()["statistics"]["requests"] == asked
    assert all(isinstance(error, ErpUnavailable) for error in bridge.failures)


def test_the_doctor_passes_the_stand_in(erp: RunningSimulator) -> None:
    client = ErpClient(erp.url, "demo-key", SECRET)
    assert [one for one in findings(client, load()) if one.level is Level.ERROR] == []
    client.close()


def test_a_wrong_key_and_a_wrong_host_are_told_apart(erp: RunningSimulator) -> None:
    with pytest.raises(ErpUnauthorized):
        ErpClient(erp.url, "demo-key", Secret("wrong")).whoami()
    with pytest.raises(ErpMisconfigured, match="No ERPNext site"):
        ErpClient(erp.url.replace("127.0.0.1", "localhost"), "demo-key", SECRET).ping()


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(ErpUnavailable, match="cannot be reached"):
        ErpClient("http://127.0.0.1:1", "demo-key", SECRET, retries=0).ping()


def test_connections_are_kept(erp: RunningSimulator) -> None:
    client = ErpClient(erp.url, "demo-key", SECRET, connections=1)
    for _ in range(5):
        client.ping()
    adapter = client._session.get_adapter(erp.url)
    assert isinstance(adapter, HTTPAdapter)
    pools = adapter.poolmanager.pools
    keys = pools.keys()
    [pool] = [pools[key] for key in keys]
    assert pool.num_requests == 5
    assert pool.num_connections == 1
    client.close()


def test_a_site_that_never_answers_is_given_up(erp: RunningSimulator) -> None:
    erp.order("timeout", count=1)
    with pytest.raises(ErpUnavailable, match=r"did not answer within 0\.3 s"):
        ErpClient(erp.url, "demo-key", SECRET, timeout=0.3, retries=0).whoami()
