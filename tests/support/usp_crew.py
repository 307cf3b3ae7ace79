"""Simulated USP agents in a reactor of their own thread, beside a running server."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from homes import KEY, MAIN, SSID, Home
from running_acs import BOOTSTRAP, RunningAcs, wait_for
from twisted.internet.epollreactor import EPollReactor

from acs.devices.record import Device, Standing
from acs.model import Secret
from acs.usp.mqtt.accounts import AccountError, Door, add_account
from acs.usp.mqtt.broker import BROKER_FOLDER, read_passwords
from acs.usp.mqtt.mosquitto import ACCOUNTS
from simulators.cpe.alarms import Alarms
from simulators.cpe.fleet import Unit
from simulators.usp.agent import Agent
from simulators.usp.dialling import Dialler, parse_address
from simulators.usp.life import Life, Retry
from simulators.usp.links import Way
from simulators.usp.mqtt_client import MqttWay
from simulators.usp.mqtt_session import MqttOptions
from simulators.usp.mqtt_wire import Version
from simulators.usp.options import AgentOptions
from simulators.usp.setting_up import make_agent
from simulators.usp.websocket_client import WebSocketOptions, WebSocketWay

T = TypeVar("T")

RETRY_SECONDS = 0.1
"""Least wait of a link that was lost."""
PATIENCE = 20.0


@dataclass
class AgentAtHome:
    """The USP agent of a home; what it does is done in its reactor."""

    crew: Crew
    home: Home
    agent: Agent
    life: Life

    @property
    def endpoint(self) -> str:
        """Its endpoint id."""
        return self.agent.endpoint

    def shows(self, path: str) -> str:
        """What it really holds, passwords too."""
        return self.crew.call(lambda: self.agent.value(path))

    @property
    def is_served(self) -> bool:
        """It really has what its customer was promised."""
        wanted = (self.home.ssid, self.home.key)
        return all((self.shows(SSID.format(i)), self.shows(KEY.format(i))) == wanted for i in MAIN)

    def restart(self, cause: str = "LocalReboot") -> None:
        """Have it start anew."""

        def restart() -> None:
            now = self.life.clock()
            self.life.cut(now + RETRY_SECONDS)
            self.agent.reboot(now, cause=cause)

        self.crew.call(restart)

    def counted(self, name: str) -> int:
        """What it counted, see `Agent.counters`."""
        return self.crew.call(lambda: self.agent.counters[name])

    def live(self) -> Device:
        """Wait until the server has proven it, and it is as promised; what is kept of it."""

        def look() -> Device | None:
            device = self.home.acs.find(self.home.serial)
            served = device is not None and device.standing is Standing.LIVE and self.is_served
            return device if served else None

        return wait_for(f"{self.endpoint} to be live", look)


class Crew:
    """Agents of one server."""

    def __init__(self, acs: RunningAcs) -> None:
        self._acs = acs
        self._reactor: Any = EPollReactor()
        self._alarms = Alarms(self._reactor)
        self._lives: list[Life] = []
        self._thread = threading.Thread(target=self._reactor.run, args=(False,), daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """Do something in the reactor's thread."""
        box: queue.Queue[T | BaseException] = queue.Queue()

        def run() -> None:
            try:
                box.put(function())
            except BaseException as error:
                box.put(error)

        self._reactor.callFromThread(run)
        found = box.get(timeout=PATIENCE)
        if isinstance(found, BaseException):
            raise found
        return found

    def now(self) -> float:
        """Seconds of the reactor's clock."""
        return float(self._reactor.seconds())

    def account(self, endpoint: str) -> str:
        """Give an agent an account at the broker; its password."""

        _, secret = read_passwords(self._acs.data_dir / BROKER_FOLDER)
        door = Door("127.0.0.1", self._acs.port("mqtt"), ACCOUNTS, secret)
        password = f"Own-{endpoint}"

        def added() -> bool:
            with suppress(AccountError):  # the broker may just be coming back
                add_account(door, endpoint, Secret(password))
                return True
            return False

        wait_for("an account at the broker", added)
        return password

    def way(self, mtp: str, password: str = "") -> Way:
        """``mqtt5``, ``mqtt3`` or ``websocket``; without a password with the shared account."""
        if mtp == "websocket":
            address = parse_address(f"ws://127.0.0.1:{self._acs.port('websocket')}/usp", ("ws",))
            options = WebSocketOptions(address, *BOOTSTRAP)
            return WebSocketWay(options, Dialler(self._reactor, address), self._reactor)
        own = MqttOptions(
            version=Version.V5 if mtp == "mqtt5" else Version.V3_1_1,
            username="{endpoint}" if password else BOOTSTRAP[0],
            password=password or BOOTSTRAP[1],
            controller=f"usp/v1/{'controller' if password else 'onboard'}/{{endpoint}}",
        )
        broker = f"mqtt://127.0.0.1:{self._acs.port('mqtt')}"
        dial = Dialler(self._reactor, parse_address(broker, ("mqtt",)))
        return MqttWay(own, dial, self._reactor, self._alarms)

    def begin(
        self, home: Home, way: Way, agent: Agent | None = None, **options: Any
    ) -> AgentAtHome:
        """Power the agent of a home on; ``options`` are those of `AgentOptions`."""
        options = {"boot_time": 0.2, "transfer_time": 0.2, "flash_time": 0.2} | options
        unit = Unit(home.model, home.serial, "", home.mac, home.product_class)

        def begin() -> AgentAtHome:
            made = agent or make_agent(unit, AgentOptions(**options), seed=1, now=self.now())
            life = Life(
                made,
                way,
                clock=self._reactor.seconds,
                alarms=self._alarms,
                observe=lambda *_: None,
                retry=Retry(RETRY_SECONDS),
                seed=1,
                first=self.now(),
            )
            self._lives.append(life)
            return AgentAtHome(self, home, made, life)

        return self.call(begin)

    def close(self) -> None:
        """Have all leave."""

        def leave() -> None:
            for life in self._lives:
                life.stop()

        self.call(leave)
        self._reactor.callFromThread(self._reactor.stop)
        self._thread.join(PATIENCE)
