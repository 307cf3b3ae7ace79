"""An ONT that speaks CWMP until it is told to move, and USP from then on, as after an upgrade.

Run as ``python -m simulators.demo.moving``; a line on standard input has it move.  It keeps what
it was given.  The password of its MQTT account is in ``USP_SIM_PASSWORD``, that of its CWMP account
in ``CPE_SIM_PASSWORD``.  Each event is a JSON object on standard output, as from `cpe-sim` and
`usp-sim`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from random import Random
from typing import Any

import click
from twisted.internet import reactor, stdio
from twisted.protocols.basic import LineReceiver

from simulators.cpe.alarms import Alarms
from simulators.cpe.device import Ont
from simulators.cpe.http import Sessions
from simulators.cpe.life import Life as CwmpLife
from simulators.cpe.life import Pace
from simulators.demo.cast import MOVING, Part
from simulators.demo.upgraded import agent_of
from simulators.usp.dialling import Dialler, parse_address
from simulators.usp.life import Life as UspLife
from simulators.usp.life import Retry
from simulators.usp.links import Way
from simulators.usp.mqtt_client import MqttWay
from simulators.usp.mqtt_session import MqttOptions
from simulators.usp.run import watch
from simulators.usp.setting_up import PASSWORD_VARIABLE

SEED = 1


@click.command()
@click.option("--acs", required=True, metavar="URL", help="Where it calls over CWMP.")
@click.option("--broker", required=True, metavar="URL", help="Where it connects over USP.")
@click.option("--periodic", default=3.0, help="Seconds between two Informs.")
@click.option("--boot-time", default=2.0, help="Seconds it is away while it moves.")
def moving(acs: str, broker: str, periodic: float, boot_time: float) -> None:
    """Run the ONT of the demonstration that moves from CWMP to USP."""
    engine: Any = reactor
    ont = _ont(MOVING, acs)
    chance = Random(SEED)
    sessions = Sessions(engine, cnonce=lambda: f"{chance.getrandbits(64):016x}")
    pace = Pace(apply=1.0, reboot=5.0, periodic=periodic)
    cwmp = CwmpLife(ont, sessions, engine, pace=pace, seed=SEED, observe=_tell)
    alarms = Alarms(engine)

    def move(_: object) -> None:
        UspLife(
            agent_of(ont, boot_time, engine.seconds(), SEED),
            _way(broker, engine, alarms),
            clock=engine.seconds,
            alarms=alarms,
            observe=watch(as_json=True),
            retry=Retry(1.0),
            seed=SEED,
            first=engine.seconds() + boot_time,
        )

    def begin() -> None:
        cwmp.run().addCallback(move)
        stdio.StandardIO(_Order(cwmp.stop))

    engine.callWhenRunning(begin)
    engine.run()


class _Order(LineReceiver):
    """Reads the line that has it move."""

    delimiter = b"\n"

    def __init__(self, move: Callable[[], None]) -> None:
        self._move = move

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        self._move()


def _ont(part: Part, acs: str) -> Ont:
    password = os.environ.get("CPE_SIM_PASSWORD", "")
    return Ont(part.model, part.identity, acs_url=acs, username="bootstrap", password=password)


def _way(broker: str, engine: Any, alarms: Alarms) -> Way:
    options = MqttOptions(username="{endpoint}", password=os.environ.get(PASSWORD_VARIABLE, ""))
    return MqttWay(options, Dialler(engine, parse_address(broker, ("mqtt",))), engine, alarms)


def _tell(ont: Ont, kind: str, fields: dict[str, Any]) -> None:
    click.echo(json.dumps({"serial": ont.identity.serial, "event": kind, **fields}))


if __name__ == "__main__":
    moving()
