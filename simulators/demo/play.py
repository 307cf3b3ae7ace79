"""The play: starts the programs, and tells what happens as a stream of acts."""

from __future__ import annotations

import json
import os
import queue
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import requests

from simulators.demo.cast import Part, Speech, playing
from simulators.demo.words import in_words

MAPPING = """\
# What an ISP would put into its own mapping: where its telephones register.
[voice]
registrar = "sip.exemple.test"
domain = "sip.exemple.test"
"""
SETUP = {"Authorization": "token setup-key:setup-secret"}
"""Of who may record equipment in the stand-in."""
WITHOUT_BROKER = (
    "Mosquitto is not installed: the ONTs that speak USP over MQTT are left out "
    "(apt-get install mosquitto)."
)
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
        self.broker = _mosquitto()
        """Whether there is an MQTT broker to play with."""
        self.cast = playing(broker=self.broker)
        self._by_endpoint = {part.endpoint: part.serial for part in self.cast}
        self._programs: dict[str, subprocess.Popen[str]] = {}
        """By what they are, in the order they were started."""
        self._told_to_move = False
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
        for program in reversed(self._programs.values()):
            program.terminate()
        for program in reversed(self._programs.values()):
            try:
                program.wait(15)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()

    def wait(self) -> None:
        """Stay until someone interrupts, or the server ends."""
        while self._programs["acs"].poll() is None:
            time.sleep(0.5)

    @property
    def all_live(self) -> bool:
        """True when the server has proven every ONT."""
        return all(part.serial in self.live_after for part in self.cast)

    def _start(self) -> None:
        erp = self._program(["erpnext-sim", "serve", "--port", str(_port(8069))])
        self.urls["ERPNext stand-in"] = self._first(erp, "listening ").removeprefix("listening ")
        self._record_equipment()
        password = secrets.token_urlsafe(12)
        mqtt, websocket = f"127.0.0.1:{_port(7883)}", f"127.0.0.1:{_port(7884)}"
        # The settings of an installation are not the demonstration's, nor is its database.
        self._environment.setdefault("ACS_CONFIG", str(self.folder / "acs.toml"))
        self._environment |= {
            "ACS_SERVER_DATA_DIR": str(self.folder / "server"),
            "ACS_CWMP_LISTEN": f"127.0.0.1:{_port(7547)}",
            "ACS_ADMIN_LISTEN": f"127.0.0.1:{_port(7580)}",
            "ACS_API_LISTEN": f"127.0.0.1:{_port(7581)}",
            "ACS_MQTT_BROKER": "embedded" if self.broker else "off",
            "ACS_MQTT_LISTEN": mqtt,
            "ACS_WEBSOCKET_LISTEN": websocket,
            "ACS_WEBSOCKET_AUTH": "basic",
            "ACS_AUTH_ALLOW_BASIC_ON_HTTP": "true",
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
        self.urls["USP over WebSocket"] = f"ws://{ready['websocket']}/usp"
        if self.broker:
            self.urls["USP over MQTT"] = f"mqtt://{mqtt}"
        agents = [part for part in self.cast if part.speech is not Speech.CWMP]
        own = {part.serial: self._account(part) for part in agents if part.speech.needs_broker}
        self._began = time.monotonic()
        self._start_onts()
        for part in agents:
            self._start_agent(part, own.get(part.serial, password))

    def _record_equipment(self) -> None:
        """Do what a technician does: record the boxes that ERPNext does not know yet."""
        for part in self.cast:
            if part.equipment:
                box = {"equipment_type": "ONT", "status": "active", **part.equipment}
                place = f"{self.urls['ERPNext stand-in']}/api/resource/Service Equipment"
                requests.post(place, json=box, headers=SETUP, timeout=30).raise_for_status()

    def _account(self, part: Part) -> str:
        """Give an agent its account at the broker, as an operator does; its password."""
        deadline = time.monotonic() + START_LIMIT
        while True:
            added = self._command("usp", "account", "add", part.endpoint, "--json")
            if added.returncode == 0:
                return str(json.loads(added.stdout)["agent"]["Password"])
            if time.monotonic() > deadline:
                raise PlayError(f"the MQTT broker takes no account: {added.stderr}")
            time.sleep(0.2)

    def _start_onts(self) -> None:
        fleet = self._program([
            "cpe-sim", "demo", "--acs", self.urls["CWMP"], "--username", "bootstrap",
            "--periodic", str(self.periodic), "--apply-delay", "1", "--reboot-time", "5", "--json",
        ])  # fmt: skip
        self._listen(fleet)

    def _start_agent(self, part: Part, password: str) -> None:
        own = part.identity
        command = [
            "usp-sim", "run", "--model", part.model, "--serial", own.serial, "--oui", own.oui,
            "--mac", own.mac, "--product-class", own.product_class, "--boot-time", "5", "--json",
        ]  # fmt: skip
        match part.speech:
            case Speech.MQTT:
                command += ["--broker", self.urls["USP over MQTT"], "--user", "{endpoint}"]
            case Speech.WEBSOCKET:
                place = self.urls["USP over WebSocket"]
                command += ["--mtp", "websocket", "--websocket", place, "--user", "bootstrap"]
            case _:
                command = [
                    "python", "-m", "simulators.demo.moving", "--acs", self.urls["CWMP"],
                    "--broker", self.urls["USP over MQTT"], "--periodic", str(self.periodic),
                ]  # fmt: skip
        self._listen(self._program(command, part.serial, USP_SIM_PASSWORD=password))

    def _listen(self, program: subprocess.Popen[str]) -> None:
        threading.Thread(target=self._hear, args=(program.stdout,), daemon=True).start()

    def _keep_environment(self) -> None:
        """Leave the settings in a file, so that `acs` in another terminal finds the server."""
        names = sorted(name for name in self._environment if name.startswith("ACS_"))
        lines = [f"export {name}='{self._environment[name]}'\n" for name in names]
        path = self.folder / "env"
        path.touch(0o600)
        path.write_text("".join(lines))

    def _program(
        self, command: list[str], name: str = "", **environment: str
    ) -> subprocess.Popen[str]:
        """Start a program, called ``name`` if not as it is."""
        name = name or command[0]
        command[0] = _beside(command[0])
        log = (self.folder / "programs.log").open("a")
        with log:
            program = subprocess.Popen(  # noqa: S603 - our own programs
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment | environment,
                start_new_session=True,  # Ctrl-C is for us, who end them in order
            )
        self._programs[name] = program
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
            serial = event.get("serial") or self._by_endpoint[event["endpoint"]]
            for what in in_words(event):
                if not self._over:
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
        for name, program in self._programs.items():
            if program.poll() is not None:
                raise PlayError(f"{name} ended before its time; see {self.folder}")
        for device in self.ask("device", "list")["devices"]:
            self.devices[device["serial_number"]] = device
        for agent in self.ask("usp", "agents")["agents"]:
            serial = self._by_endpoint.get(agent["endpoint"], "")
            self.devices.get(serial, {}).update(
                presence=agent["presence"], evidence=agent["evidence"]
            )
        for part in self.cast:
            device = self.devices.get(part.serial, {})
            if device.get("standing") != "live":
                continue
            if device["protocol"] == part.speech.protocol:
                self.live_after.setdefault(part.serial, self._now())
            elif not self._told_to_move:
                self._move(part)

    def _move(self, part: Part) -> None:
        """Have the ONT that is proven over CWMP come back with USP."""
        self._told_to_move = True
        order = self._programs[part.serial].stdin
        assert order is not None
        order.write("move\n")
        order.flush()
        self._told.put(Act(self._now(), part.serial, "gets firmware that speaks USP, and restarts"))

    def ask(self, *words: str) -> Any:
        """What an ``acs`` command says, as its JSON. Raises `PlayError`."""
        asked = self._command(*words, "--json")
        if not asked.stdout:  # A plan with changes is no failure, and tells so by its status.
            raise PlayError(f"acs {' '.join(words)}: {asked.stderr}")
        return json.loads(asked.stdout)

    def _command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own program
            [_beside("acs"), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=self._environment,
        )

    def _now(self) -> float:
        return time.monotonic() - self._began


def _mosquitto() -> bool:
    """Tell whether the broker that `acs` starts is installed."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which("mosquitto", path=f"{path}:/usr/sbin:/usr/local/sbin") is not None


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
