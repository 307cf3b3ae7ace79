"""Several processes on one database, and a process that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from acs.devices.record import Standing
from acs.store import Database, Vault, devices, timeline

_HEAD = """
import sys, threading
from acs.devices.effects import *
from acs.devices.record import *
from acs.model import *
from acs.store import Database, Vault, prepare
from acs.store.opening import open_thd
from acs.store.queues import Queues

database = Database(sys.argv[1], Vault({"first": bytes(range(32))}, "first"), realm="r")
prepare(database)

def contact(serial):
    return Contact(DeviceId("00259E", "X", serial), "T", "cwmp", "Device.", (), {}, 1.0)
"""

_WRITER = (
    _HEAD
    + """
# Each commit is a group of effects that must be kept whole; what was answered is told at once.
device_id = database.run("open", open_thd, [contact("S")])[0].device.id
queues = Queues(database, lambda function, *args: function(*args))
numbers = iter(range(10**9))
slots = threading.Semaphore(20)

def write():
    number = next(numbers)
    entries = [AddTimeline(TimelineEntry(device_id, 1.0, "k", f"{number}/{n}")) for n in range(3)]
    done = queues.commit(entries)
    done.addCallback(lambda _: (print(number, flush=True), slots.release()))

print("ready", flush=True)
while True:
    slots.acquire()
    write()
"""
)

_OPENER = (
    _HEAD
    + """
print("ready", flush=True)
sys.stdin.readline()
created = []
for start in range(0, 60, 20):
    batch = [contact(f"S{n}") for n in range(start, start + 20)]
    if sys.argv[2] == "backwards":
        batch.reverse()
    opened = database.run("open", open_thd, batch)
    created += [o.device.key for o in opened if o.created]
print(*created, flush=True)
"""
)


def _start(code: str, *arguments: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def test_a_killed_process_loses_nothing_it_had_promised(sqlite_url: str, vault: Vault) -> None:
    for _ in range(3):
        child = _start(_WRITER, sqlite_url)
        assert child.stdout is not None
        promised = {int(child.stdout.readline()) for _ in range(200)}
        child.send_signal(signal.SIGKILL)
        promised |= {int(line) for line in child.stdout if line.endswith("\n")}
        child.wait(20)
        child.stdout.close()
        assert child.returncode == -signal.SIGKILL
        database = Database(sqlite_url, vault, realm="r")
        [device] = database.run("r", devices.resolve_thd, "S")
        texts = {
            line.entry.text for line in database.run("t", timeline.list_thd, device.id, limit=10**6)
        }
        kept = {int(text.split("/")[0]) for text in texts}
        assert promised <= kept
        assert texts == {f"{number}/{n}" for number in kept for n in range(3)}  # whole groups
        with database.begin() as conn:
            assert conn.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            conn.exec_driver_sql("DELETE FROM timeline")
        database.dispose()


def test_processes_that_meet_the_same_new_devices_create_each_once(
    database: Database, database_url: str
) -> None:
    children = [_start(_OPENER, database_url, way) for way in ("forwards", "backwards", "forwards")]
    outputs = []
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        output, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        outputs.append(output.split())
    created = sorted(key for output in outputs for key in output)
    assert created == sorted(f"00259E-X-S{n}" for n in range(60))
    assert database.run("c", devices.standings_thd)[Standing.WAITING] == 60
