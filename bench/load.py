"""The load: many CPEs at once in one thread, over epoll. Run as ``python -m bench.load``.

Reads a `Load` as JSON from the first line of standard input, then `Order`s, and answers each with
a `Tally`.  Every answer of the server is checked; after the first wrong one nothing more is begun.
"""

from __future__ import annotations

import ssl
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable

import msgspec

from bench.calls import Call, Calls
from bench.dialogue import Account, Dialogue, Part, Replay, Session, Wrong
from bench.orders import Finish, Load, Login, Open, Order, Play, Storm, Tally
from bench.storming import Storming
from bench.units import Unit


class Player:
    """Plays a `Load`; unlike a storm, a unit begins when another one has ended."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._begin = beginner(load)
        self._idle = deque(Unit(load.first + number) for number in range(load.units))
        self._next_stranger = load.first
        self._calls = Calls(load.port, load.use, self._ended, context=tls_of(load))
        self._until = 0.0
        self._sessions = 0

    def obey(self, order: Play | Open | Finish) -> Tally:
        """Do as told, and say what happened."""
        tally, began = Tally(), time.monotonic()
        spent, self._sessions, self._calls.requests = time.process_time(), 0, 0
        try:
            match order:
                case Play(seconds):
                    self._play(seconds)
                case Open(count):
                    self._hold(count)
                case Finish():
                    self._until = 0.0
                    self._calls.release()
                    self._drain()
        except (Wrong, OSError) as error:
            tally.error = f"{error}" or type(error).__name__
        tally.seconds = time.monotonic() - began
        tally.cpu = time.process_time() - spent
        tally.sessions, tally.requests = self._sessions, self._calls.requests
        tally.held = len(self._calls.held)
        return tally

    def _play(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        for _ in range(self._load.connections):
            self._start()
        self._drain()

    def _hold(self, count: int) -> None:
        self._until = 0.0
        self._calls.hold_after = 1
        while len(self._calls.held) < count:
            begun = self._calls.open + len(self._calls.held)
            for _ in range(min(self._load.connections - self._calls.open, count - begun)):
                self._start()
            self._calls.step(1.0)

    def _drain(self) -> None:
        while self._calls.open:
            self._calls.step(1.0)

    def _start(self, call: Call | None = None) -> None:
        if self._load.units:
            if not self._idle:
                raise Wrong("more sessions at a time than devices")
            unit = self._idle.popleft()
        else:
            unit = Unit(self._next_stranger)
            self._next_stranger += 1
        self._calls.begin(unit, self._begin(unit), call.line if call else None)

    def _ended(self, call: Call) -> None:
        self._sessions += 1
        if self._load.units:
            self._idle.append(call.unit)
        if time.monotonic() < self._until:
            self._start(call)
        elif call.line is not None:
            call.line.close()


Begin = Callable[[Unit], Dialogue]
"""Makes the dialogue of one unit's next session."""


def beginner(load: Load) -> Begin:
    """How sessions of this load begin."""
    turns: dict[int, int] = defaultdict(int)
    parts = [Part(script) for script in load.scripts]

    def begin(unit: Unit) -> Dialogue:
        turn = 0
        if len(parts) > 1:
            turn = turns[unit.number]
            turns[unit.number] = (turn + 1) % len(parts)
        if load.replay:
            return Replay(load.replay[turn])
        return Session(parts[turn], unit, _account(load, unit))

    return begin


def _account(load: Load, unit: Unit) -> Account | None:
    match load.login:
        case Login.NONE:
            return None
        case Login.OWN:
            return unit.device_id.key, unit.password
        case Login.BOOTSTRAP:
            return load.bootstrap


def tls_of(load: Load) -> ssl.SSLContext | None:
    """The client's side of TLS; it trusts the server's own certificate and nothing else."""
    return ssl.create_default_context(cafile=load.certificate) if load.certificate else None


def main() -> None:
    """Do what standard input says."""
    load = msgspec.json.decode(sys.stdin.buffer.readline(), type=Load)
    player = Player(load)
    decode = msgspec.json.Decoder(Order).decode
    for line in sys.stdin:
        match decode(line):
            case Storm(within):
                storming = Storming(load, beginner(load), tls_of(load))
                tally = storming.run(within)
            case order:
                tally = player.obey(order)
        print(msgspec.json.encode(tally).decode(), flush=True)


if __name__ == "__main__":
    main()
