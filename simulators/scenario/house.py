"""The scenario's own server, and the stand-in of ERPNext behind it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from simulators.cpe.content import make_image

from .children import Child, ChildError, Usage, beside, octets, usage
from .cluster import start_cluster, stop_cluster
from .evidence import JobState
from .ports import NOWHERE, Ports
from .scenario import DatabaseKind, FaultTable, ImageTable, Member, Mtp, Power, Scenario, members
from .wishes import (
    EQUIPMENT,
    MAPPING,
    Wish,
    equipment_name,
    equipment_of,
    fields_of,
    seed_file,
)

BOOTSTRAP = "bootstrap"
COMMAND_SECONDS = 300.0
JOBS_PAGE = 10_000
_ADMINISTRATOR = {"ACS_ERP_ADMIN_KEY": "setup-key", "ACS_ERP_ADMIN_SECRET": "setup-secret"}
"""The stand-in's user who may do everything, for one command."""
_LISTENING = {
    "CWMP": "http",
    "FILES": "files",
    "ADMIN": "admin",
    "API": "api",
    "MQTT": "mqtt",
    "WEBSOCKET": "websocket",
}
"""Where a restarted server is to listen as before: its settings, by section, and what it says."""
_TOLD = ("waiting", "queued", "sent", "done", "failed", "expired", "cancelled")
"""Where a device of a campaign can be. Jobs are "forgotten" after weeks: here, that is a loss."""


class House:
    """What a scenario starts in ``folder``; a context manager that ends it all.

    All methods wait for what they do: call them in a thread where a reactor runs.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.folder = folder
        self.password = secrets.token_urlsafe(12)
        self.asked: set[int] = set()
        """Ids of the jobs that commands asked for."""
        self.promised: dict[str, int] = {}
        """By name of a campaign: devices that it was begun for."""
        self.url = ""
        """Where devices call."""
        self.usp = NOWHERE
        """Where agents connect."""
        self.erpnext_url = ""
        self._scenario = scenario
        self._server: Child | None = None
        self._spent = 0.0
        """CPU-seconds of the server's processes that have ended."""
        self._used = Usage(0, 0.0)
        self._stack = ExitStack()
        self._environ: dict[str, str] = {}

    def __enter__(self) -> House:
        try:
            self._start_erpnext()
            self._settle_settings()
            self._stack.callback(self._end_server)
            self.start_server()
            if self._scenario.erpnext.webhooks:
                self._install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- the server -------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.folder / "server"

    @property
    def account(self) -> tuple[str, str]:
        """What new devices prove themselves with."""
        return BOOTSTRAP, self.password

    def start_server(self) -> None:
        """Start the server, at the address it had. Raises `ChildError`."""
        workers = self._scenario.server.workers
        more = ["--workers", str(workers)] if workers > 1 else []
        server = Child(
            [beside("acs"), "serve", "--ready", *more],
            folder=self.folder,
            environ=self._environ,
            ready='"ready"',
        )
        self._spent = self._used.cpu
        self._server = server
        ready = json.loads(server.first_line)
        self.url = f"http://{ready['http']}/"
        self.usp = Ports(ready.get("mqtt", ""), ready.get("websocket", ""))
        for section, name in _LISTENING.items():
            if name in ready:
                self._environ[f"ACS_{section}_LISTEN"] = ready[name]

    def power(self, power: Power) -> None:
        """Stop or start the server."""
        match power:
            case Power.RESTART:
                self._end_server()
                self.start_server()
            case Power.KILL:
                self._end_server(kill=True)
                self.start_server()
            case Power.STOP:
                self._end_server()
            case Power.START:
                self.start_server()

    def crashed(self) -> str | None:
        """Tell what the server said when it ended without being told to; None: it did not."""
        server = self._server
        if server is None or server.ended is None:
            return None
        return f"the server ended with {server.ended}: {server.errors[-500:].strip()}"

    def usage(self) -> Usage:
        """What the server uses now; CPU since the first start."""
        self._used = self._usage_of(self._server)
        return self._used

    def _usage_of(self, server: Child | None) -> Usage:
        """The same with this process for the server: one that is gone has used what it had."""
        now = usage(server.pid) if server is not None else Usage(0, 0.0)
        return Usage(now.rss, max(self._used.cpu, self._spent + now.cpu))

    def sizes(self) -> tuple[int, int]:
        """Octets of the log, and of all the server keeps."""
        database = octets(self.folder / "postgresql")
        return octets(self.data / "logs"), octets(self.data) + database

    def _end_server(self, *, kill: bool = False) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        self._used = self._usage_of(server)
        if kill:
            server.kill()
        else:
            server.stop()

    def _settle_settings(self) -> None:
        self.data.mkdir()
        (self.folder / "acs.toml").touch()
        (self.folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
        settings: dict[str, object] = {
            "server.data_dir": self.data,
            "cwmp.listen": "127.0.0.1:0",
            "admin.listen": "127.0.0.1:0",
            "api.listen": "127.0.0.1:0",
            "files.listen": "127.0.0.1:0",
            "auth.bootstrap_username": BOOTSTRAP,
            "auth.bootstrap_password": self.password,
            "erp.url": self.erpnext_url,
            "erp.api_key": "demo-key",
            "erp.api_secret": "demo-secret",
            "erp.mapping": self.folder / "mapping.toml",
            "erp.webhook_secret": secrets.token_urlsafe(24),
            "wakeup.networks": "127.0.0.0/8",
            # The account for connection requests that units of TP-Link leave the factory with.
            "wakeup.factory_username": "admin",
            "wakeup.factory_password": "admin",
            **_usp_settings(self._scenario),
        }
        if self._scenario.server.database is DatabaseKind.POSTGRESQL:
            cluster, url = start_cluster(self.folder)
            self._stack.callback(stop_cluster, cluster)
            settings["database.url"] = url
        settings |= self._scenario.server.settings
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ACS_")}
        self._environ = kept | {"ACS_CONFIG": str(self.folder / "acs.toml")}
        self._environ |= {_variable(name): _written(value) for name, value in settings.items()}

    # --- commands ------------------------------------------------------------------------------

    def command(self, arguments: Sequence[str]) -> str:
        """Run ``acs`` with these arguments; return its output. Raises `ChildError`."""
        words = [word.replace("{folder}", str(self.folder)) for word in arguments]
        asks = words[0] == "device" or words[:2] == ["bulk", "start"]
        if asks and "--json" not in words:
            # What follows the job of a campaign is the job's.
            words.insert(2 if words[0] == "bulk" else len(words), "--json")
        told = self._run(words)
        if asks and told.startswith("{"):
            self._note_promise(json.loads(told))
        return told

    def _run(self, words: Sequence[str], **environment: str) -> str:
        try:
            ran = subprocess.run(  # noqa: S603 - our own program
                [beside("acs"), *words],
                capture_output=True,
                text=True,
                check=False,
                timeout=COMMAND_SECONDS,
                env=self._environ | environment,
                cwd=self.folder,
            )
        except subprocess.TimeoutExpired:
            told = f"did not end within {COMMAND_SECONDS:g} s"
            raise ChildError(f"acs {' '.join(words)} {told}") from None
        if ran.returncode:
            told = (ran.stderr or ran.stdout)[-1000:].strip()
            raise ChildError(f"acs {' '.join(words)} ended with {ran.returncode}: {told}")
        return ran.stdout

    def _install(self) -> None:
        """Have ERPNext tell the server of each change."""
        url = f"http://{self._environ['ACS_API_LISTEN']}"
        self._run(["erp", "install", "--url", url, "--apply"], **_ADMINISTRATOR)

    def _note_promise(self, told: Mapping[str, Any]) -> None:
        if told.get("job"):
            self.asked.add(told["job"]["id"])
        if told.get("started"):
            self.promised[told["name"]] = told["devices"]

    def standings(self) -> dict[str, tuple[str, str, int]]:
        """Return (standing, reason, failures) of each device by its serial number."""
        told = json.loads(self.command(["device", "list", "--limit", "100000", "--json"]))
        return {
            device["serial_number"]: (device["standing"], device["reason"], device["failures"])
            for device in told["devices"]
        }

    def jobs(self) -> dict[int, JobState]:
        """Return how all jobs stand, by id."""
        found: dict[int, JobState] = {}
        page = ["job", "list", "--limit", str(JOBS_PAGE), "--json"]
        more: list[str] = []
        while True:
            jobs = json.loads(self.command([*page, *more]))["jobs"]
            for job in jobs:
                found[job["id"]] = JobState(job["state"], json.dumps(job["result"] or "")[1:-1])
            if len(jobs) < JOBS_PAGE:
                return found
            more = ["--before", str(jobs[-1]["id"])]

    def campaigns_unmet(self) -> int:
        """Return for how many devices a campaign was begun that does not know of them any more."""
        told = self._campaigns()
        return sum(
            max(0, promised - sum(told.get(name, {}).get(state, 0) for state in _TOLD))
            for name, promised in self.promised.items()
        )

    def campaigns_waiting(self) -> int:
        """Return how many devices wait for a campaign's job, or are at it."""
        waits = ("waiting", "queued", "sent")
        return sum(told[state] for told in self._campaigns().values() for state in waits)

    def _campaigns(self) -> dict[str, dict[str, int]]:
        told = json.loads(self.command(["bulk", "list", "--json"]))["campaigns"]
        return {campaign["name"]: campaign["progress"] for campaign in told}

    # --- what happens around it ------------------------------------------------------------------

    def hold_database(self, seconds: float) -> None:
        """Keep the database locked against writing, as a backup or a report does."""
        url = self._environ.get("ACS_DATABASE_URL", f"sqlite:///{self.data / 'acs.db'}")
        engine = create_engine(url, connect_args={"timeout": 30} if "sqlite" in url else {})
        lock = "BEGIN IMMEDIATE" if "sqlite" in url else "LOCK TABLE devices IN EXCLUSIVE MODE"
        try:
            with engine.connect() as connection:
                connection.execute(text(lock))
                time.sleep(seconds)
                connection.rollback()
        except OperationalError as error:
            raise ChildError(f"the database could not be locked: {error.orig}") from None
        finally:
            engine.dispose()

    def make_image(self, image: ImageTable) -> None:
        """Write a firmware image that simulated units take."""
        data = make_image(image.version, image.model, b"\x5a" * image.octets)
        (self.folder / image.file).write_bytes(data)

    # --- ERPNext ----------------------------------------------------------------------------------

    def order_fault(self, fault: str | FaultTable) -> None:
        """Let ERPNext fail, or be well again."""
        match fault:
            case "down":
                self._control("POST", "faults", {"kind": "drop"})
            case "up":
                self._control("DELETE", "faults")
            case FaultTable():
                body = {name: getattr(fault, name) for name in fault.__struct_fields__}
                self._control("POST", "faults", body)

    def change_wish(self, number: int, wish: Wish) -> None:
        """Have somebody in the office change what a customer has, also while we cannot ask."""
        self._save("save", number, fields_of(wish))

    def record(self, member: Member, wish: Wish) -> None:
        """Have a technician record a unit."""
        self._save("create", member.number, equipment_of(member, wish))

    def _save(self, action: str, number: int, fields: Mapping[str, str]) -> None:
        name = equipment_name(number)
        act = {"action": action, "doctype": EQUIPMENT, "name": name, "fields": fields}
        self._control("POST", "set", act)

    def queries(self) -> int:
        """Return how many look-ups ERPNext has answered or refused."""
        return sum(self._control("GET", "statistics")["lookups"].values())

    def _start_erpnext(self) -> None:
        seed = self.folder / "seed.toml"
        seed.write_text(seed_file(iter(members(self._scenario))), encoding="utf-8")
        slow = self._scenario.erpnext.slow
        erpnext = Child(
            [beside("erpnext-sim"), "serve", "--port", "0", "--seed-file", str(seed),
             *(("--slow", str(slow)) if slow else ())],
            folder=self.folder,
            environ=os.environ,
            ready="listening ",
        )  # fmt: skip
        self._stack.callback(erpnext.stop)
        self.erpnext_url = erpnext.first_line.removeprefix("listening ")

    def _control(self, method: str, action: str, body: Mapping[str, Any] | None = None) -> Any:
        url = f"{self.erpnext_url}/__sim__/{action}"
        answer = requests.request(method, url, json=body, timeout=60)
        if not answer.ok:
            raise ChildError(f"the stand-in of ERPNext refused {action}: {answer.text[:500]}")
        return answer.json()


def _usp_settings(scenario: Scenario) -> dict[str, object]:
    """A broker, and a port for WebSocket, where somebody in the town uses them."""
    settings: dict[str, object] = {
        "mqtt.broker": "embedded" if scenario.mtps - {Mtp.WEBSOCKET} else "off",
        "mqtt.listen": "127.0.0.1:0",
        "usp.periodic_seconds": max(1, round(scenario.pace.periodic)),
    }
    if Mtp.WEBSOCKET in scenario.mtps:
        settings |= {
            "websocket.listen": "127.0.0.1:0",
            "websocket.auth": "basic",
            "websocket.connections_per_address": scenario.count + 100,
            "auth.allow_basic_on_http": True,
        }
    return settings


def _variable(setting: str) -> str:
    section, _, name = setting.partition(".")
    return f"ACS_{section}_{name}".upper()


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
