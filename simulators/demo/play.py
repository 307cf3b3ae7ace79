"""The play: starts the three programs, and tells what happens as a stream of acts."""

from __future__ import annotations

import json
import os
import queue
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

PROGRAMS = ("erpnext-sim", "acs", "cpe-sim")
"""In the order they are started."""
MAPPING = """\
# What an ISP would put into its own mapping: where its telephones register.
[voice]
registrar = "sip.exemple.test"
domain = "sip.exemple.test"
"""
ONTS = ("22275A7000001", "2226469000002", "225C1CU000003")
START_LIMIT = 60.0
POLL_SECONDS = 1.0


class PlayError(RuntimeError):
    """A program of the play did not come up, or ended before its time."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happened: seconds since the start, who, what, and the server's view."""

    at: float
    who: str
    what: str
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)


class Play:
    """Everything that runs; a context manager that ends what it started."""

    def __init__(self, folder: Path, periodic: float) -> None:
        self.folder = folder.resolve()
        self.periodic = periodic
        self.devices: dict[str, dict[str, Any]] = {}
        """The server's view of each ONT, by serial number."""
        self.live_after: dict[str, float] = {}
        """Seconds from power-on to proven live, by serial number."""
        self.urls: dict[str, str] = {}
        self._began = time.monotonic()
        self._programs: list[subprocess.Popen[str]] = []
        self._told: queue.Queue[Act | BaseException | None] = queue.Queue()
        self._over = False
        self._environment = dict(os.environ)

    # --- life ------------------------------------------------------------------------

    def __enter__(self) -> Play:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for program in reversed(self._programs):
            program.terminate()
        for program in reversed(self._programs):
            try:
                program.wait(15)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()

    def wait(self) -> None:
        """Stay until someone interrupts, or the server ends."""
        while self._programs[1].poll() is None:
            time.sleep(0.5)

    @property
    def all_live(self) -> bool:
        """True when the server has proven every ONT."""
        return set(self.live_after) == set(ONTS)

    def _start(self) -> None:
        erp = self._program(["erpnext-sim", "serve", "--port", str(_port(8069))])
        self.urls["ERPNext stand-in"] = self._first(erp, "listening ").removeprefix("listening ")
        password = secrets.token_urlsafe(12)
        # The settings of an installation are not the demonstration's, nor is its database.
        self._environment.setdefault("ACS_CONFIG", str(self.folder / "acs.toml"))
        self._environment |= {
            "ACS_SERVER_DATA_DIR": str(self.folder / "server"),
            "ACS_CWMP_LISTEN": f"127.0.0.1:{_port(7547)}",
            "ACS_ADMIN_LISTEN": f"127.0.0.1:{_port(7580)}",
            "ACS_ERP_URL": self.urls["ERPNext stand-in"],
            "ACS_ERP_API_KEY": "demo-key",
            "ACS_ERP_API_SECRET": "demo-secret",
            "ACS_ERP_MAPPING": str(self.folder / "mapping.toml"),
            "ACS_AUTH_BOOTSTRAP_PASSWORD": password,
            "CPE_SIM_PASSWORD": password,
        }
        (self.folder / "mapping.toml").write_text(MAPPING)
        (self.folder / "acs.toml").touch()
        self._keep_environment()
        server = self._program(["acs", "serve", "--ready"])
        ready = json.loads(self._first(server, "{"))
        self.urls["CWMP"] = f"http://{ready['http']}/"
        self.urls["health and metrics"] = f"http://{ready['admin']}/"
        self._began = time.monotonic()
        fleet = self._program([
            "cpe-sim", "demo", "--acs", self.urls["CWMP"], "--username", "bootstrap",
            "--periodic", str(self.periodic), "--apply-delay", "1", "--reboot-time", "5", "--json",
        ])  # fmt: skip
        threading.Thread(target=self._hear, args=(fleet.stdout,), daemon=True).start()

    def _keep_environment(self) -> None:
        """Leave the settings in a file, so that `acs` in another terminal finds the server."""
        names = sorted(name for name in self._environment if name.startswith("ACS_"))
        lines = [f"export {name}='{self._environment[name]}'\n" for name in names]
        path = self.folder / "env"
        path.touch(0o600)
        path.write_text("".join(lines))

    def _program(self, command: list[str]) -> subprocess.Popen[str]:
        command[0] = _beside(command[0])
        log = (self.folder / "programs.log").open("a")
        with log:
            program = subprocess.Popen(  # noqa: S603 - our own programs
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for us, who end them in order
            )
        self._programs.append(program)
        return program

    def _first(self, program: subprocess.Popen[str], prefix: str) -> str:
        """The first line that begins with ``prefix``."""
        assert program.stdout is not None
        late = threading.Timer(START_LIMIT, program.kill)
        late.start()
        try:
            for line in program.stdout:
                if line.startswith(prefix):
                    return line.strip()
        finally:
            late.cancel()
        told = (self.folder / "programs.log").read_text()[-2000:]
        raise PlayError(f"a program of the demonstration did not start:\n{told}")

    # --- acts ----------------------------------------------------------------------------

    def acts(self, limit: float) -> Iterator[Act]:
        """What happens, as it happens, until every ONT is live or ``limit`` seconds are over."""
        threading.Thread(target=self._look, args=(limit,), daemon=True).start()
        while (told := self._told.get()) is not None:
            if isinstance(told, BaseException):
                raise told
            yield told

    def _hear(self, told: IO[str]) -> None:
        """Turn the ONTs' own events into acts."""
        for line in told:
            event = json.loads(line)
            what = _in_words(event)
            if what and not self._over:
                serial = str(event["serial"])
                self._told.put(Act(self._now(), serial, what))

    def _look(self, limit: float) -> None:
        """Ask the server how it sees the ONTs, until all are live."""
        try:
            while self._now() < limit and not self.all_live:
                self._ask()
                self._told.put(Act(self._now(), "", "", dict(self.devices)))
                time.sleep(POLL_SECONDS)
        except Exception as error:
            self._told.put(error)
        self._over = True
        self._told.put(None)

    def _ask(self) -> None:
        for name, program in zip(PROGRAMS, self._programs, strict=True):
            if program.poll() is not None:
                raise PlayError(f"{name} ended before its time; see {self.folder}")
        asked = subprocess.run(  # noqa: S603 - our own program
            [_beside("acs"), "device", "list", "--json"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
            env=self._environment,
        )
        for device in json.loads(asked.stdout)["devices"]:
            serial = device["serial_number"]
            self.devices[serial] = device
            if device["standing"] == "live":
                self.live_after.setdefault(serial, self._now())

    def _now(self) -> float:
        return time.monotonic() - self._began


def _beside(name: str) -> str:
    """A command of this installation."""
    return str(Path(sys.executable).with_name(name))


def _port(wanted: int) -> int:
    """The usual port, or any free one when it is taken."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", wanted))
        except OSError:
            trial.close()
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                return int(other.getsockname()[1])
        return wanted


def _in_words(event: dict[str, Any]) -> str:
    """One event of an ONT for people; empty for what is not worth a line."""
    match event.get("event"):
        case "boot":
            return "is powered on"
        case "session-start":
            return f"calls its ACS ({', '.join(event.get('events', []))})"
        case "set":
            return f"is given {event.get('name', '')} = {event.get('value', '')}"
        case "applied":
            return "puts what it was given into effect"
        case "session-end" if event.get("end") not in ("complete", None):
            return f"session: {event['end']}"
        case _:
            return ""
