"""Live devices of a run: ONTs that listen for connection requests, and USP agents."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.place import BOOTSTRAP
from bench.processes import Program
from bench.servers import Server
from bench.units import Unit
from bench.usp.broker import Mosquitto
from bench.usp.fleet import living

AT_ONCE = "generic-tr181"
"""A model that applies values within the session, so that the same one proves them."""
LATER = "tplink-a-xx230v"
"""One that applies them after the session: the server calls it again."""
_NEVER = "1000000"
_WITHIN = 2.0

Homes = Callable[[Server, Path, int], AbstractContextManager[object]]
"""Runs the devices of units 0 to n - 1 against a server; they have begun to start."""


def onts_of(model: str) -> Homes:
    """Simulated ONTs that call when they are asked to, and never by themselves."""

    def run(server: Server, folder: Path, count: int) -> AbstractContextManager[object]:
        return _onts(model, server, folder, count)

    return run


def _onts(model: str, server: Server, folder: Path, count: int) -> Program:
    first = Unit(0)
    options = {
        "--acs": f"http://127.0.0.1:{server.port}/",
        "--model": model,
        "--count": str(count),
        "--serial-template": f"{first.serial[:-7]}{{:07d}}",
        "--mac-start": first.mac,
        "--username": BOOTSTRAP[0],
        "--arrivals": f"storm:{_WITHIN:g}",
        "--periodic": _NEVER,
        "--listen": "127.0.0.1",
    }
    words = [word for pair in options.items() for word in pair]
    return Program(
        str(Path(sys.executable).with_name("cpe-sim")),
        "fleet",
        *words,
        folder=folder,
        environ={**os.environ, "CPE_SIM_PASSWORD": BOOTSTRAP[1]},
    )


def agents_of(broker: Mosquitto) -> Homes:
    """Simulated agents on connections of their own to ``broker``."""

    def run(_server: Server, folder: Path, count: int) -> AbstractContextManager[object]:
        return living(broker, folder, 0, count, _WITHIN)

    return run
