"""Whole simulated agents, fresh from the factory. Run as ``python -m bench.usp.town``.

The first line of standard input is a `Town`. Its agents start, and live on until standard input
ends; then a `Risen` is told.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import msgspec
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from bench.recording import MODEL
from bench.storming import arrival_times, mixed
from bench.units import OUI, PRODUCT_CLASS, Unit
from bench.usp.orders import Risen, Town

_RETRY_SECONDS = 5.0


@implementer(IReadDescriptor)
class _Input:
    """Stops the reactor when standard input ends."""

    def __init__(self, reactor: Any) -> None:
        self.ended = False
        self._reactor = reactor

    def fileno(self) -> int:
        return sys.stdin.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        return "input"

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        os.read(sys.stdin.fileno(), 1024)

    def connectionLost(self, _reason: object) -> None:  # noqa: N802 - Twisted's name
        self.ended = True
        self._reactor.stop()


def main() -> None:
    """Live until standard input ends."""
    town = msgspec.json.decode(sys.stdin.buffer.readline(), type=Town)
    from twisted.internet import reactor as installed

    from simulators.cpe.alarms import Alarms
    from simulators.cpe.fleet import Unit as SimulatedUnit
    from simulators.usp.dialling import Dialler, parse_address
    from simulators.usp.life import Life, Retry
    from simulators.usp.mqtt_client import MqttWay
    from simulators.usp.mqtt_session import MqttOptions
    from simulators.usp.options import AgentOptions
    from simulators.usp.setting_up import make_agent

    reactor: Any = installed
    alarms = Alarms(reactor)
    address = parse_address(f"mqtt://127.0.0.1:{town.port}", ("mqtt",))
    options = MqttOptions(
        username=town.username,
        password=town.password,
        controller="usp/v1/onboard/{endpoint}",
        keep_alive=300,
    )
    way = MqttWay(options, Dialler(reactor, address), reactor, alarms)
    risen = Risen()
    numbers: dict[str, int] = {}
    reads = _Input(reactor)

    def observe(life: Life, kind: str, _fields: dict[str, Any]) -> None:
        match kind:
            case "sent":
                number = numbers[life.agent.endpoint]
                risen.booted.setdefault(number, time.time())
            case "received":
                risen.received += 1
            case "down" if not reads.ended:
                risen.lost += 1

    began = reactor.seconds()
    lives = []
    order = mixed(range(town.first, town.first + town.units))
    for number, after in zip(order, arrival_times(town.units, town.within), strict=True):
        unit = Unit(number)
        told = SimulatedUnit(
            MODEL, serial=unit.serial, oui=OUI, mac=unit.mac, product_class=PRODUCT_CLASS
        )
        settings = AgentOptions(
            controller=town.controller, controller_topic=options.controller, hardened=True
        )
        agent = make_agent(told, settings, seed=number, now=began)
        numbers[agent.endpoint] = number
        life = Life(
            agent,
            way,
            clock=reactor.seconds,
            alarms=alarms,
            observe=observe,
            retry=Retry(_RETRY_SECONDS),
            seed=number,
            first=began + after,
        )
        lives.append(life)
    reactor.addReader(reads)
    reactor.callWhenRunning(print, "ready", flush=True)
    reactor.run()
    risen.cpu = time.process_time()
    print(msgspec.json.encode(risen).decode(), flush=True)


if __name__ == "__main__":
    main()
