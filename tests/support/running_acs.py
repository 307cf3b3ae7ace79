"""The real program in a process of its own, as its CPEs, its operator and a crash see it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import forked
import requests
from forked import Forked
from sqlalchemy import Connection

from acs.devices.agents import Agent, KnownAgent
from acs.devices.record import Device, FaultRecord, Job, JobKind, Proof, Snapshot, TimelineEntry
from acs.server import open_database
from acs.settings import Settings
from acs.settings.first_start import complete
from acs.store import Database, devices, faults, jobs, proofs, snapshots, timeline, usp_agents

P = ParamSpec("P")
T = TypeVar("T")

START_LIMIT = 60.0
"""Seconds a start may take on a machine that is busy with other tests."""
WAIT_LIMIT = 30.0
"""Seconds an event may take to happen."""
BOOTSTRAP = ("bootstrap", "Bootstrap-password-1")
"""Account that new devices share."""


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """Look until there is something to see; fails when it does not come in time."""
    deadline = time.monotonic() + WAIT_LIMIT
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.02)
    raise AssertionError(f"in vain waited {WAIT_LIMIT:g} s for {what}")


class RunningAcs:
    """One ``acs serve`` with a data directory of its own; `start` it, `stop` or `kill9` it.

    ``settings`` are ``SECTION_KEY`` of its environment variables, without ``ACS_``.  There is no
    broker unless they name one: servers of several tests would want the same port.
    """

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self._settings = {
            "SERVER_DATA_DIR": str(data_dir),
            "CWMP_LISTEN": "127.0.0.1:0",
            "ADMIN_LISTEN": "127.0.0.1:0",
            "API_LISTEN": "127.0.0.1:0",
            "MQTT_BROKER": "off",
            # Most tests call by themselves, and count what is written to a device.
            "WAKEUP_ENABLED": "false",
            "WAKEUP_OWN_ACCOUNTS": "false",
            "WAKEUP_NETWORKS": "127.0.0.1/32",
            "AUTH_BOOTSTRAP_PASSWORD": BOOTSTRAP[1],
            **settings,
        }
        self._process: Forked | None = None
        self._reader: threading.Thread | None = None
        self._addresses: dict[str, str] = {}
        self.stdout: list[str] = []
        data_dir.mkdir(parents=True, exist_ok=True)

    # --- life -------------------------------------------------------------------------------

    def start(self) -> RunningAcs:
        """Start it and wait until it serves."""
        assert self._process is None, "it is running"
        ready = threading.Event()
        with (self.data_dir / "stderr").open("ab") as errors:
            self._process = forked.start(
                "acs",
                *("serve", "--ready"),
                env={**_plain_environment(), **self._environment},
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=self.data_dir,
            )
        self._addresses = {}
        self._reader = threading.Thread(target=self._read, args=(self._process, ready), daemon=True)
        self._reader.start()
        ready.wait(START_LIMIT)
        if not self._addresses:
            self.kill9()
            raise AssertionError(f"acs did not start:\n{self.stderr}")
        # A restarted server is where its devices know it to be.
        self._settings |= {
            f"{section}_LISTEN": self._addresses[name]
            for section, name in _SECTIONS.items()
            if name in self._addresses
        }
        return self

    def _read(self, process: Forked, ready: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.stdout.append(line)
                if not ready.is_set():
                    said = json.loads(line)
                    self._addresses = {k: v for k, v in said.items() if k != "event"}
                    ready.set()
        ready.set()

    def stop(self) -> int:
        """Stop it as an operator does; its exit code."""
        return self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End it without a chance to put anything in order."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            code = process.wait(START_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        assert self._reader is not None
        self._reader.join(WAIT_LIMIT)
        return code

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process else None

    def restart(self, **settings: str) -> None:
        """Stop it, if it runs, and start it again at the same address, with other settings."""
        self.stop()
        self._settings |= settings
        self.start()

    def close(self) -> None:
        """End everything, whatever happened."""
        self.kill9()
        if "database" in self.__dict__:
            self.database.dispose()

    # --- what its operator sees ---------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where devices call."""
        return f"http://{self._addresses['http']}/"

    @property
    def https_url(self) -> str:
        """Where devices call over TLS, by the name its certificate bears."""
        return f"https://localhost:{self.port('https')}/"

    @property
    def admin_url(self) -> str:
        """Where health and metrics are."""
        return f"http://{self._addresses['admin']}"

    def port(self, name: str = "http") -> int:
        """Port of one of its addresses."""
        return int(self._addresses[name].rpartition(":")[2])

    def health(self) -> dict[str, Any]:
        """What /health says."""
        report: dict[str, Any] = requests.get(f"{self.admin_url}/health", timeout=WAIT_LIMIT).json()
        return report

    def metric(self, name: str) -> float:
        """A figure of /metrics; 0 for one that is not shown yet."""
        text = requests.get(f"{self.admin_url}/metrics", timeout=WAIT_LIMIT).text
        shown = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return next((float(value) for shown_name, value in shown if shown_name == name), 0.0)

    @property
    def log(self) -> str:
        """All that was logged."""
        file = self.data_dir / "logs" / "acs.log"
        return file.read_text("utf-8") if file.exists() else ""

    @property
    def stderr(self) -> str:
        """All that was said to whoever started it."""
        return (self.data_dir / "stderr").read_text("utf-8")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another ``acs`` command with the same settings."""
        environment = {**_plain_environment(), **self._environment}
        return forked.run("acs", *arguments, env=environment, cwd=self.data_dir)

    @property
    def _environment(self) -> dict[str, str]:
        return {f"ACS_{name}": value for name, value in self._settings.items()}

    # --- what it keeps ------------------------------------------------------------------------

    @cached_property
    def database(self) -> Database:
        """Its database, opened by the test."""
        settings = Settings.load(None, self._environment)
        return open_database(complete(settings, secrets.token_bytes))

    def _read_store(
        self, look: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self.database.read() as connection:
            return look(connection, *args, **kwargs)

    def find(self, text: str) -> Device | None:
        """The device with this key, serial number, MAC or equipment."""
        found = self._read_store(devices.resolve_thd, text)
        assert len(found) < 2, found
        return found[0] if found else None

    def device(self, text: str) -> Device:
        """The device with this key, serial number, MAC or equipment, which must be there."""
        found = self.find(text)
        assert found is not None, f"no device {text}"
        return found

    def agent(self, endpoint: str) -> Agent:
        """The USP agent with this endpoint id, which must be known."""
        found = self._read_store(usp_agents.load_thd, [endpoint]).get(endpoint, KnownAgent()).agent
        assert found is not None, f"no agent {endpoint}"
        return found

    def forget(self, device: Device) -> None:
        """Delete a device with all that is kept of it."""
        assert self.database.run("forget", devices.delete_thd, device.id)

    def timeline(self, device: Device) -> list[TimelineEntry]:
        """What is told of a device, oldest first."""
        lines = self._read_store(timeline.list_thd, device.id, limit=1000)
        return [line.entry for line in reversed(lines)]

    def told(self, device: Device, kind: str) -> list[str]:
        """Texts of one kind of entries of a device's timeline, oldest first."""
        return [entry.text for entry in self.timeline(device) if entry.kind == kind]

    def await_told(self, device: Device, kind: str) -> list[str]:
        """The same, once there is one: what a lost session leaves is written a little later."""
        return wait_for(f"{kind!r} on the timeline", lambda: self.told(device, kind))

    def proof(self, device: Device) -> Proof:
        """The latest proof of a device, which must be there."""
        found = self._read_store(proofs.latest_thd, device.id)
        assert found is not None, f"no proof for {device.key}"
        return found

    def values(self, device: Device) -> dict[str, str]:
        """What a device last reported, as text."""
        found = self._read_store(snapshots.load_thd, [device.id]).get(device.id, Snapshot())
        return {path: value.text for path, value in found.values.items()}

    def faults(self, device: Device) -> list[FaultRecord]:
        """Open faults of a device."""
        return self._read_store(faults.list_thd, device.id)

    def enqueue(
        self, device: Device, kind: JobKind, *, expires_at: float = 0.0, **payload: object
    ) -> int:
        """Wish something for a device; the id of the job."""
        job = Job(
            0,
            device.id,
            kind,
            payload,
            created_at=time.time(),
            created_by="a test",
            expires_at=expires_at,
        )
        return self.database.run("enqueue", jobs.enqueue_thd, job)

    def job(self, job_id: int) -> Job:
        """A job."""
        found = self._read_store(jobs.get_thd, job_id)
        assert found is not None, f"no job {job_id}"
        return found


_SECTIONS: Mapping[str, str] = {
    "CWMP": "http",
    "CWMP_TLS": "https",
    "FILES": "files",
    "FILES_TLS": "files_tls",
    "ADMIN": "admin",
    "API": "api",
    "API_TLS": "api_tls",
    "WEBSOCKET": "websocket",
    "MQTT": "mqtt",
}


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ACS_")}
