"""The play: who is started with what, and how the server sees the ONTs."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from simulators.demo.cast import MOVING, Part, Speech, playing
from simulators.demo.happenings import Happenings
from simulators.demo.hub import Hub
from simulators.demo.office import KEY, SECRET, Office
from simulators.demo.programs import START_LIMIT, PlayError, Programs, free_port
from simulators.demo.words import in_words

MAPPING = """\
# What an ISP would put into its own mapping: where its telephones register.
[voice]
registrar = "sip.exemple.test"
domain = "sip.exemple.test"
"""
WITHOUT_BROKER = (
    "Mosquitto is not installed: the ONTs that speak USP over MQTT are left out "
    "(apt-get install mosquitto)."
)
LOOK_SECONDS = 3.0
"""How often the server is asked how it sees the ONTs while it tells nothing of them."""
APPLY_SECONDS = 0.5
"""Until an ONT puts into effect what it was given."""
SETTLE_SECONDS = 3.0
"""After which the server looks whether it did. On real ONTs both take longer."""
MOVER_PERIODIC = 3.0
"""Seconds between two Informs of the ONT that changes its protocol; it cannot be called."""


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
        self.installed: list[str] = []
        """What `acs erp install` did to the site."""
        self.broker = _mosquitto()
        """Whether there is an MQTT broker to play with."""
        self.cast = playing(broker=self.broker)
        self.happenings = Happenings()
        self.programs = Programs(self.folder)
        self.hub = Hub(self._heard)
        self._by_endpoint = {part.endpoint: part.serial for part in self.cast}
        self._news = threading.Event()
        self._told_to_move = False

    # --- life ------------------------------------------------------------------------

    def __enter__(self) -> Play:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.programs.stop()
        self.hub.stop()

    @property
    def all_live(self) -> bool:
        """True when the server has proven every ONT."""
        return all(part.serial in self.live_after for part in self.cast)

    def _start(self) -> None:
        programs, urls = self.programs, self.urls
        site = programs.start(["erpnext-sim", "serve", "--port", str(free_port(8069))])
        urls["ERPNext stand-in"] = programs.first(site, "listening ").removeprefix("listening ")
        self.office = Office(urls["ERPNext stand-in"])
        for part in self.cast:
            self.record(part)
        password, webhook_secret = secrets.token_urlsafe(12), secrets.token_urlsafe(24)
        mqtt, websocket = f"127.0.0.1:{free_port(7883)}", f"127.0.0.1:{free_port(7884)}"
        # The settings of an installation are not the demonstration's, nor is its database.
        programs.environment.setdefault("ACS_CONFIG", str(self.folder / "acs.toml"))
        programs.environment |= {
            "ERPNEXT_SIM_URL": urls["ERPNext stand-in"],
            "ACS_SERVER_DATA_DIR": str(self.folder / "server"),
            "ACS_CWMP_LISTEN": f"127.0.0.1:{free_port(7547)}",
            "ACS_ADMIN_LISTEN": f"127.0.0.1:{free_port(7580)}",
            "ACS_API_LISTEN": f"127.0.0.1:{free_port(7581)}",
            "ACS_MQTT_BROKER": "embedded" if self.broker else "off",
            "ACS_MQTT_LISTEN": mqtt,
            "ACS_WEBSOCKET_LISTEN": websocket,
            "ACS_WEBSOCKET_AUTH": "basic",
            "ACS_AUTH_ALLOW_BASIC_ON_HTTP": "true",
            "ACS_ERP_URL": urls["ERPNext stand-in"],
            "ACS_ERP_API_KEY": "demo-key",
            "ACS_ERP_API_SECRET": "demo-secret",
            "ACS_ERP_WEBHOOK_SECRET": webhook_secret,
            "ACS_ERP_MAPPING": str(self.folder / "mapping.toml"),
            "ACS_PROVISIONING_SETTLE_SECONDS": str(SETTLE_SECONDS),
            "ACS_WAKEUP_NETWORKS": "127.0.0.0/8",
            # The account for connection requests that TP-Link units leave the factory with.
            "ACS_WAKEUP_FACTORY_USERNAME": "admin",
            "ACS_WAKEUP_FACTORY_PASSWORD": "admin",
            "ACS_AUTH_BOOTSTRAP_PASSWORD": password,
            "CPE_SIM_PASSWORD": password,
        }
        (self.folder / "mapping.toml").write_text(MAPPING)
        (self.folder / "acs.toml").touch()
        self._keep_environment()
        ready = json.loads(programs.first(programs.start(["acs", "serve", "--ready"]), "{"))
        urls["CWMP"] = f"http://{ready['http']}/"
        urls["health and metrics"] = f"http://{ready['admin']}/"
        urls["REST, webhooks"] = f"http://{ready['api']}/"
        urls["USP over WebSocket"] = f"ws://{ready['websocket']}/usp"
        if self.broker:
            urls["USP over MQTT"] = f"mqtt://{mqtt}"
        agents = [part for part in self.cast if part.speech is not Speech.CWMP]
        with_account = [part for part in agents if part.speech.needs_broker]
        with ThreadPoolExecutor() as pool:
            set_up = pool.submit(self._set_up_site, urls["REST, webhooks"])
            subscription = pool.submit(programs.ask, "events", "subscribe", self.hub.url)
            passwords = list(pool.map(self._account, with_account))
        set_up.result()
        self.hub.secret = subscription.result()["secret"]
        own = dict(zip((part.serial for part in with_account), passwords, strict=True))
        self.happenings.begin()
        self._start_onts()
        for part in agents:
            self._start_agent(part, own.get(part.serial, password))

    def _set_up_site(self, url: str) -> None:
        """Have the site call the server at ``url`` when something changes, as an administrator."""
        done = self.programs.ask(
            *("erp", "install", "--url", url, "--apply"),
            ACS_ERP_ADMIN_KEY=KEY,
            ACS_ERP_ADMIN_SECRET=SECRET,
        )
        if done["left"]:
            raise PlayError(f"acs erp install left this: {done['left']}")
        self.installed = [step["step"] for step in done["steps"]]

    def record(self, part: Part, **fields: str) -> None:
        """Do what a technician does: record a box that ERPNext does not know yet.

        ``fields`` are those that come out differently.
        """
        if part.equipment:
            box = {"equipment_type": "ONT", "status": "active", **part.equipment, **fields}
            self.office.create("Service Equipment", **box)

    def _account(self, part: Part) -> str:
        """Give an agent its account at the broker, as an operator does; its password."""
        deadline = time.monotonic() + START_LIMIT
        while True:
            added = self.programs.acs("usp", "account", "add", part.endpoint, "--json")
            if added.returncode == 0:
                return str(json.loads(added.stdout)["agent"]["Password"])
            if time.monotonic() > deadline:
                raise PlayError(f"the MQTT broker takes no account: {added.stderr}")
            time.sleep(0.2)

    def _start_onts(self) -> None:
        self._listen(self.programs.start(["cpe-sim", "demo", *self._manner()]))

    def plug_in(self, part: Part) -> None:
        """Power on one more ONT that speaks CWMP."""
        own = part.identity
        self._listen(
            self.programs.start(
                ["cpe-sim", "run", "--model", part.model, "--serial", own.serial,
                 "--oui", own.oui, "--mac", own.mac, "--product-class", own.product_class,
                 *self._manner()],
                own.serial,
            )
        )  # fmt: skip

    def _manner(self) -> list[str]:
        return [
            "--acs", self.urls["CWMP"], "--username", "bootstrap", "--listen", "127.0.0.1",
            "--periodic", str(self.periodic), "--apply-delay", str(APPLY_SECONDS),
            "--reboot-time", "5", "--json",
        ]  # fmt: skip

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
                    "--broker", self.urls["USP over MQTT"], "--periodic", str(MOVER_PERIODIC),
                ]  # fmt: skip
        self._listen(self.programs.start(command, part.serial, USP_SIM_PASSWORD=password))

    def _listen(self, program: subprocess.Popen[str]) -> None:
        threading.Thread(target=self._hear, args=(program.stdout,), daemon=True).start()

    def _hear(self, told: IO[str]) -> None:
        """Tell of the ONTs' own events."""
        for line in told:
            event = json.loads(line)
            serial = event.get("serial") or self._by_endpoint[event["endpoint"]]
            for what in in_words(event):
                self.happenings.tell(serial, what)

    def _heard(self, serial: str, kind: str, text: str) -> None:
        """Tell of an event of the server; the ONT that is to move does so once it is proven."""
        self.happenings.tell(serial, f"the hub hears: {kind}, {text}")
        self._news.set()
        if (serial, kind) == (MOVING.serial, "device.provisioned") and not self._told_to_move:
            self._told_to_move = True
            self.happenings.tell(serial, "gets firmware that speaks USP, and restarts")
            self.programs.order(serial, "move")

    def _keep_environment(self) -> None:
        """Leave the settings in a file, so that `acs` in another terminal finds the server."""
        environment = self.programs.environment
        names = sorted(name for name in environment if name.startswith(("ACS_", "ERPNEXT_SIM_")))
        path = self.folder / "env"
        path.touch(0o600)
        path.write_text("".join(f"export {name}='{environment[name]}'\n" for name in names))

    # --- the first act ---------------------------------------------------------------

    def bring_up(self, limit: float) -> None:
        """Look how the server sees the ONTs until all are live or ``limit`` seconds are over."""
        self.happenings.watch(*(part.serial for part in self.cast))
        while self.happenings.now() < limit:
            self._ask()
            self.happenings.tell("ACS", "looked", dict(self.devices))
            if self.all_live:
                return
            self._news.wait(LOOK_SECONDS)
            self._news.clear()

    def _ask(self) -> None:
        self.programs.check()
        devices, agents = self.programs.ask_all(("device", "list"), ("usp", "agents"))
        for device in devices["devices"]:
            self.devices[device["serial_number"]] = device
        for agent in agents["agents"]:
            serial = self._by_endpoint.get(agent["endpoint"], "")
            self.devices.get(serial, {}).update(
                presence=agent["presence"], evidence=agent["evidence"]
            )
        for part in self.cast:
            device = self.devices.get(part.serial, {})
            if device.get("standing") == "live" and device["protocol"] == part.speech.protocol:
                self.live_after.setdefault(part.serial, self.happenings.now())


def _mosquitto() -> bool:
    """Tell whether the broker that `acs` starts is installed."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which("mosquitto", path=f"{path}:/usr/sbin:/usr/local/sbin") is not None
