"""What an open session costs in memory."""

from __future__ import annotations

import time

from bench.figures import Figure
from bench.fleet import Fleet
from bench.players import Players, playing
from bench.processes import BenchError
from bench.rates import load_of
from bench.report import Measured
from bench.servers import Server
from bench.size import Size
from bench.telling import Say


def measure_open(figure: Figure, size: Size, fleet: Fleet, echo: Server, say: Say) -> Measured:
    """KiB for each session whose Inform was answered; for the echo, each open connection.

    Afterwards every session must still be there and go on to its end.  Raises `BenchError`.
    """
    measured, began = Measured(figure), time.time()
    count = min(size.open_sessions, fleet.units)
    with fleet.place.serve() as server:
        with playing(load_of(figure, size, fleet, server), fleet.place.folder, 1) as cpes:
            mine = _kib_each(server, cpes, count, size)
        replay = load_of(figure, size, fleet, echo, replay=True)
        with playing(replay, fleet.place.folder, 1) as others:
            base = _kib_each(echo, others, count, size)
    if mine <= 0:
        raise BenchError(f"{count} open sessions took no memory that was not there before")
    # The echo may need less than can be told apart; nothing can be compared with it then.
    measured.add(mine, max(base, 0.0))
    measured.fields["sessions"] = count
    say(f"{figure.name}: {mine:.1f} KiB, echo {base:.1f} KiB, {count} open")
    fleet.check(began, count, strangers=False)
    return measured


def _kib_each(server: Server, players: Players, count: int, size: Size) -> float:
    players.play(size.warm_up)
    server.settle()
    before = server.memory()
    held = players.open(count).held
    server.settle()
    after = server.memory()
    ended = players.finish().sessions
    if held != count or ended != count:
        raise BenchError(f"of {count} sessions {held} were open and {ended} came to their end")
    return (after - before) / count
