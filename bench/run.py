"""Measuring: the server and the echo by turns, round after round."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.dialogue import Script, authorization
from bench.figures import Figure, Kind
from bench.fleet import Fleet, prepare
from bench.load import Load
from bench.processes import BenchError, Player, Server, settle
from bench.report import Measured
from bench.units import Unit


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int = 3
    seconds: float = 2.5
    """Of each round, for each of the two."""
    warm_up: float = 1.5
    units: int = 2000
    """Devices known to the store, so that none is back before its last visit is written."""
    connections: int = 64


FULL = Size()
QUICK = Size(rounds=1, seconds=0.3, warm_up=0.2, units=300)


def measure(
    figures: Sequence[Figure], size: Size, say: Callable[[str], None]
) -> Iterator[Measured]:
    """Measure ``figures`` one after the other. Raises `BenchError`."""
    with tempfile.TemporaryDirectory(prefix="acs-bench-") as folder, _echo(Path(folder)) as echo:
        say(f"preparing {size.units} devices")
        fleet = prepare(Path(folder) / "fleet", size.units)
        for figure in figures:
            yield _measure(figure, size, fleet.copy(Path(folder) / figure.name), echo, say)


@contextmanager
def _echo(folder: Path) -> Iterator[Server]:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ACS_")}
    command = (sys.executable, "-m", "bench.echo")
    with Server(*command, folder=folder, environ=environ) as server:
        yield server


def _measure(
    figure: Figure, size: Size, fleet: Fleet, echo: Server, say: Callable[[str], None]
) -> Measured:
    if figure.values is not None:
        fleet.store_values(figure.values)
    script = {
        Kind.PERIODIC: fleet.scripts.periodic,
        Kind.BOOT: fleet.scripts.boot,
        Kind.FIRST_CONTACT: fleet.scripts.first_contact,
    }[figure.kind]
    strangers = figure.kind is Kind.FIRST_CONTACT
    measured = Measured(figure.name)
    began, sessions = time.time(), 0
    common: dict[str, Any] = {
        "script": script,
        "connections": size.connections,
        "warm_up": size.warm_up,
    }
    replay = Load(
        port=echo.port,
        units=fleet.units,
        kept=figure.kept,
        replay=_requests(script, digest=figure.digest),
        **common,
    )
    with (
        Player(replay, fleet.folder) as others,
        fleet.serve("digest" if figure.digest else "none") as server,
    ):
        load = Load(
            port=server.port,
            units=0 if strangers else fleet.units,
            kept=figure.kept,
            digest=figure.digest,
            **common,
        )
        with Player(load, fleet.folder) as cpes:
            others.ready()
            cpes.ready()
            settle(server)
            for turn in range(size.rounds):
                rate, count = _per_cpu_second(server, cpes, size.seconds)
                base, _ = _per_cpu_second(echo, others, size.seconds)
                sessions += count
                measured.add(rate, base)
                say(f"{figure.name} {turn + 1}/{size.rounds}: {rate:.0f}, echo {base:.0f}")
    fleet.check(began, sessions, strangers=strangers)
    return measured


def _per_cpu_second(server: Server, player: Player, seconds: float) -> tuple[float, int]:
    before = server.cpu()
    tally = player.run(seconds)
    spent = settle(server) - before
    if not tally.sessions or spent <= 0:
        raise BenchError(f"{tally.sessions} sessions in {spent:.2f} CPU-seconds tell nothing")
    return tally.sessions / spent, tally.sessions


def _requests(script: Script, *, digest: bool) -> list[bytes]:
    """What a session sends, for the echo, that of a challenged one included."""
    requests = script.requests()
    if digest:
        head = b'WWW-Authenticate: Digest realm="gigafibre-acs", nonce="%b"' % (b"0" * 48)
        unit = Unit(script.unit)
        proof = authorization(head, unit.device_id.key, unit.password)
        answered = script.inform.replace(b"\r\n\r\n", b"\r\n" + proof + b"\r\n\r\n", 1)
        requests.insert(1, answered)
    return requests
