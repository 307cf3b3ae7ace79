"""A disk that is full, or nearly: devices are answered, history gives way, and it recovers."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acs_fixtures import StartAcs
from conftest import REALM
from raw_cpe import RawCpe
from running_acs import RunningAcs, wait_for
from twisted.internet.defer import Deferred, succeed

from acs.devices.effects import AddTimeline, SaveProof
from acs.devices.record import Job, JobKind, Proof, TimelineEntry
from acs.model import Contact, DeviceId
from acs.server.disk_sacrifice import ServerSacrifice
from acs.store import Database, Vault, devices, jobs, proofs, timeline
from acs.store.apply import apply_thd
from acs.store.opening import open_thd
from acs.store.room import spare_thd


@contextmanager
def full_disk(acs: RunningAcs) -> Iterator[None]:
    """No file of the server can be written to, as on a disk without room."""
    assert acs.pid is not None
    before = resource.prlimit(acs.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(acs.pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(acs.pid, resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_known_devices_are_answered_and_all_when_there_is_room(
    start_acs: StartAcs,
) -> None:
    # The disk of the tests is low by this mark, which nobody who is served notices.
    acs = start_acs(DISK_LOW="100%", DISK_CRITICAL="1 B")
    known, new = RawCpe(acs.port(), "SNFULL1"), RawCpe(acs.port(), "SNFULL2")
    known.session("0 BOOTSTRAP")
    known.session("2 PERIODIC")
    with full_disk(acs):
        for _ in range(3):
            known.session("2 PERIODIC")
        refused = new.open("0 BOOTSTRAP")
        assert refused.status == 503, "a first contact that cannot be kept comes back later"
        assert int(refused.header("retry-after")) >= 1
        new.close()
        known.session("2 PERIODIC")
        wait_for("the alarm", lambda: acs.health()["parts"]["store"]["state"] == "degraded")
        report = acs.health()
        assert report["status"] == "degraded", "devices are served"
        assert "acs.db" in report["parts"]["store"]["detail"]
        seen_before = acs.device("SNFULL1").last_seen
    new.session("0 BOOTSTRAP")
    wait_for("its health", lambda: acs.health()["parts"]["store"]["state"] == "ok")
    disk = acs.health()["parts"]["disk"]
    assert disk["state"] == "degraded"
    assert disk["detail"].startswith("low: ")
    assert acs.metric("acs_disk_level") == 1
    shown = acs.command("status")
    assert shown.returncode == 1, "something is not as it should be"
    assert "low: " in shown.stdout
    told = json.loads(acs.command("status", "--json").stdout)
    assert told["status"] == "degraded"
    assert told["figures"]["disk_free_bytes"] > 0
    assert acs.find("SNFULL2") is not None
    told = "what was learned meanwhile"
    wait_for(told, lambda: acs.device("SNFULL1").last_seen > seen_before)
    for cpe in (known, new):
        cpe.close()
    assert "Traceback" not in acs.log + acs.stderr


class Direct:
    """The queues, without a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, name: str, work: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return succeed(self._database.run(name, work, *args))


def test_history_gives_its_room_back_to_the_disk_and_what_counts_stays(
    sqlite_url: str, vault: Vault, tmp_path: Path
) -> None:
    database = Database(sqlite_url, vault, realm=REALM)
    now = time.time()
    contact = Contact(DeviceId("A4B1C2", "Gateway", "S1"), "ACME", "cwmp", "Device.", (), {}, now)
    device = database.run("open", open_thd, [contact])[0].device
    days_ago = [now - 86_400 * day for day in range(40, 0, -1)]
    effects = [
        AddTimeline(TimelineEntry(device.id, at, "note", "x" * 1000, f"s{n}"))
        for at in days_ago
        for n in range(50)
    ]
    kept = [SaveProof(Proof(device.id, at, "s", f"plan {at}", "f", ())) for at in days_ago]
    database.run("fill", apply_thd, [*effects, *kept])
    database.run("ask", jobs.enqueue_thd, Job(0, device.id, JobKind.REBOOT, {}, created_at=1.0))
    file = tmp_path / "acs.db"
    _checkpoint(database)
    before = file.stat().st_size
    sacrifice = ServerSacrifice(
        Direct(database),  # type: ignore[arg-type]
        max_per_device=10_000,
        trees=5,
        recordings=tmp_path / "recordings",
        log_file=None,
        pause=lambda: succeed(None),
    )
    gone: list[int] = []
    Deferred.fromCoroutine(sacrifice.history(10.5, 1)).addCallback(gone.append)
    _checkpoint(database)
    with database.read() as conn:
        lines = timeline.list_thd(conn, device.id, limit=5000)
        latest = proofs.latest_thd(conn, device.id)
        assert spare_thd(conn) == 0
        assert devices.get_thd(conn, device.id) is not None
        assert len(jobs.open_thd(conn, {device.id: now})[device.id]) == 1
    database.dispose()
    assert gone == [30 * 50 + 30]
    assert len(lines) == 10 * 50
    assert all(line.entry.at > now - 11 * 86_400 for line in lines)
    assert latest is not None
    assert latest.plan == f"plan {days_ago[-1]}"
    assert file.stat().st_size < before / 2


def _checkpoint(database: Database) -> None:
    with database.read() as conn:
        conn.rollback()
        driver = conn.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
