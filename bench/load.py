"""The load: many CPEs at once in one thread, over epoll. Run as ``python -m bench.load``.

Reads a `Load` as JSON from the first line of standard input, warms the server up, says ``ready``,
and for each further line runs for as many seconds as it says and answers with a `Tally`.  Every
answer is checked; after the first wrong one nothing more is begun.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections import deque

import msgspec

from bench.dialogue import Begin, Dialogue, Replay, Script, Session, Wrong
from bench.units import STRANGERS, Unit

PATIENCE = 15.0
"""Seconds without any answer at all after which the load gives up."""
_CHUNK = 65536
_MAX_HEAD = 16 * 1024


class Load(msgspec.Struct, frozen=True):
    """What to play against whom."""

    port: int
    script: Script
    connections: int
    units: int
    """Devices that take turns; 0: every session is a stranger's first."""
    kept: bool = False
    """Sessions follow each other on one connection; else each has its own."""
    digest: bool = False
    replay: list[bytes] = []
    """Play just these requests (against the echo)."""
    warm_up: float = 1.0


class Tally(msgspec.Struct):
    """What happened in one run."""

    sessions: int = 0
    requests: int = 0
    seconds: float = 0.0
    error: str = ""


class _Slot:
    """One connection with the session it carries."""

    __slots__ = ("data", "dialogue", "socket", "unit")

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.dialogue: Dialogue | None = None
        self.unit = Unit(0)
        self.data = b""


class Player:
    """Plays a `Load`."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._begin = _beginner(load)
        self._idle = deque(Unit(number) for number in range(load.units))
        self._next_stranger = STRANGERS
        self._epoll = select.epoll()
        self._slots: dict[int, _Slot] = {}
        self._kept = [_Slot() for _ in range(load.connections)]
        self._open = 0
        self._until = 0.0
        self._tally = Tally()

    def run(self, seconds: float) -> Tally:
        """Begin sessions for ``seconds``, let those under way end, and say what happened."""
        self._tally = tally = Tally()
        started = last = time.monotonic()
        self._until = started + seconds
        try:
            for slot in self._kept:
                self._start(slot)
            while self._open:
                events = self._epoll.poll(1.0)
                now = time.monotonic()
                if events:
                    last = now
                elif now - last > PATIENCE:
                    raise Wrong(f"{self._open} sessions without an answer for {PATIENCE:.0f} s")
                for number, _ in events:
                    self._receive(self._slots[number])
        except (Wrong, OSError) as error:
            tally.error = f"{error}" or type(error).__name__
        tally.seconds = time.monotonic() - started
        return tally

    def _start(self, slot: _Slot) -> None:
        if self._idle:
            slot.unit = self._idle.popleft()
        else:
            slot.unit = Unit(self._next_stranger)
            self._next_stranger += 1
        slot.dialogue = self._begin(slot.unit)
        self._open += 1
        if slot.socket is None:
            self._connect(slot)
        self._send(slot, slot.dialogue.begin())

    def _connect(self, slot: _Slot) -> None:
        # On loopback a connection is made within the call, so it need not be awaited.
        opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        opened.settimeout(PATIENCE)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._load.kept:
            opened.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            opened.bind((slot.unit.address, 0))
        opened.connect(("127.0.0.1", self._load.port))
        opened.setblocking(False)
        slot.socket = opened
        self._slots[opened.fileno()] = slot
        self._epoll.register(opened.fileno(), select.EPOLLIN)

    def _send(self, slot: _Slot, request: bytes) -> None:
        assert slot.socket is not None
        if slot.socket.send(request) != len(request):
            raise Wrong("the server does not read")  # a few KB fit any socket buffer
        self._tally.requests += 1

    def _receive(self, slot: _Slot) -> None:
        assert slot.socket is not None and slot.dialogue is not None
        data = slot.socket.recv(_CHUNK)
        if not data:
            raise Wrong("the server closed the connection within a session")
        slot.data += data
        answer = split(slot.data)
        if answer is None:
            return
        slot.data = b""
        request = slot.dialogue.answer(*answer)
        if request is not None:
            self._send(slot, request)
        else:
            self._end(slot)

    def _end(self, slot: _Slot) -> None:
        self._open -= 1
        self._tally.sessions += 1
        if self._load.units:
            self._idle.append(slot.unit)
        if not self._load.kept and slot.socket is not None:
            del self._slots[slot.socket.fileno()]
            slot.socket.close()
            slot.socket = None
        if time.monotonic() < self._until:
            self._start(slot)


_BIND_ADDRESS_NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT of linux/in.h: a port is chosen at connect


def _beginner(load: Load) -> Begin:
    if load.replay:
        return lambda _unit: Replay(load.replay)
    return lambda unit: Session(load.script, unit, digest=load.digest)


def split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Status, head and body of one whole answer; None while it is not whole. Raises `Wrong`."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > _MAX_HEAD:
            raise Wrong("the head of an answer does not end")
        return None
    head, body = data[:end], data[end + 4 :]
    if not head.startswith(b"HTTP/1.1 ") or not head[9:12].isdigit():
        raise Wrong(f"not an HTTP answer: {head[:40]!r}")
    at = head.find(b"\r\nContent-Length: ")
    length, _, _ = head[at + 18 :].partition(b"\r\n")
    if at < 0 or not length.isdigit():
        raise Wrong("an answer without Content-Length")
    if len(body) < int(length):
        return None
    if len(body) > int(length):
        raise Wrong("octets after the end of an answer")
    return int(head[9:12]), head, body


def main() -> None:
    """Play what standard input says."""
    load = msgspec.json.decode(sys.stdin.buffer.readline(), type=Load)
    player = Player(load)
    warm = player.run(load.warm_up)
    print("ready" if not warm.error else f"failed {warm.error}", flush=True)
    for line in sys.stdin:
        print(msgspec.json.encode(player.run(float(line))).decode(), flush=True)


if __name__ == "__main__":
    main()
