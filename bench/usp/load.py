"""The load: thousands of agents over a few MQTT connections. Run as ``python -m bench.usp.load``.

Reads an `Agents` as JSON from the first line of standard input, then `Order`s, and answers each
with a `Told`.  What the server says is checked; the first wrong answer ends the order.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from selectors import EVENT_READ, DefaultSelector

import msgspec

from bench.usp.line import PATIENCE, Line, Wrong
from bench.usp.octets import FIRST_ID, Notifies, answer_packet, connect_packet, endpoint_of
from bench.usp.orders import Agents, Answer, Arrive, Order, Report, Told
from simulators.usp.mqtt_wire import Publish

_CHUNK = 50
"""Connect records between two looks at what came."""
_QUIET = 1.0
"""Seconds without a question after which all agents that came have had their visits."""
_EACH = 7
"""Of so many Notifies, the time of one is kept."""

Took = Callable[[Line, Publish], None]


class Player:
    """Speaks for all agents; those of a line are its number, and every so-manieth after it."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        self._lines = [Line(agents, number) for number in range(agents.connections)]
        self._notifies = [Notifies(agents, line.number) for line in self._lines]
        self._idle = deque(range(agents.units))
        self._next_id = FIRST_ID
        self._open: dict[str, tuple[int, bytes, float]] = {}
        """Unanswered Notifies: unit, message id and time, by endpoint."""
        self._selector = DefaultSelector()
        for line in self._lines:
            self._selector.register(line.socket, EVENT_READ, line)

    def obey(self, order: Order) -> Told:
        """Do as told, and say what happened."""
        told, began, spent = Told(), time.monotonic(), time.process_time()
        told.octets = self._notifies[0].octets
        try:
            match order:
                case Arrive(first, count):
                    self._arrive(range(first, first + count), told)
                case Report(seconds, underway):
                    self._report(began + seconds, underway, told)
                case Answer(count, seconds):
                    self._answer(count, began + seconds, told)
        except (Wrong, OSError) as error:
            told.error = f"{error}" or type(error).__name__
        told.seconds = time.monotonic() - began
        told.cpu = time.process_time() - spent
        return told

    def _arrive(self, numbers: range, told: Told) -> None:
        heard = time.monotonic()

        def asked(line: Line, message: Publish) -> None:
            nonlocal heard
            heard = time.monotonic()
            self._answer_one(line, message)

        for number in numbers:
            line = self._line(number)
            line.write(
                connect_packet(self._agents, line.number, endpoint_of(number), line.next_id())
            )
            told.done += 1
            if told.done % _CHUNK == 0:
                self._turn(0.02, asked)
        heard = time.monotonic()
        while (rest := heard + _QUIET - time.monotonic()) > 0:
            self._turn(rest, asked)

    def _report(self, until: float, underway: int, told: Told) -> None:
        def answered(_line: Line, message: Publish) -> None:
            endpoint = message.topic.rpartition("/")[2]
            number, msg_id, since = self._open.pop(endpoint)
            if self._agents.check:
                right = self._notifies[0].answer(endpoint.encode(), msg_id)
                if message.payload != right:
                    raise Wrong(f"wrong answer to a Notify: {message.payload[:200]!r}")
            now = time.monotonic()
            told.done += 1
            if told.done % _EACH == 0:
                told.waits.append(round(now - since, 4))
            self._idle.append(number)
            if now < until:
                self._tell()

        for _ in range(min(underway, len(self._idle))):
            self._tell()
        heard = time.monotonic()
        while self._open:
            before = told.done
            self._turn(1.0, answered)
            if told.done > before:
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                raise Wrong(f"{len(self._open)} Notifies were not answered")

    def _tell(self) -> None:
        number = self._idle.popleft()
        line, endpoint = self._line(number), endpoint_of(number)
        msg_id = b"%d" % self._next_id
        self._next_id += 1
        self._open[endpoint] = number, msg_id, time.monotonic()
        packets = self._notifies[line.number]
        line.write(packets.packet(endpoint.encode(), msg_id, line.next_id()))

    def _answer(self, count: int, until: float, told: Told) -> None:
        def asked(line: Line, message: Publish) -> None:
            self._answer_one(line, message)
            told.done += 1

        while told.done < count:
            if time.monotonic() > until:
                raise Wrong(f"{count - told.done} of {count} agents were not asked")
            self._turn(1.0, asked)
        self._turn(0.0, asked)

    def _answer_one(self, line: Line, message: Publish) -> None:
        endpoint = message.topic.rpartition("/")[2]
        octets, packet_id = message.payload, line.next_id()
        packet = answer_packet(self._agents, line.number, endpoint, octets, packet_id)
        if packet is None:
            raise Wrong(f"an agent that is live was asked for something else: {octets[:200]!r}")
        line.write(packet)

    def _turn(self, seconds: float, took: Took) -> None:
        for line in self._lines:
            line.flush()
        for key, _ in self._selector.select(seconds):
            line = key.data
            for message in line.read():
                took(line, message)
        for line in self._lines:
            line.flush()

    def _line(self, number: int) -> Line:
        return self._lines[number % len(self._lines)]


def main() -> None:
    """Do what standard input says."""
    player = Player(msgspec.json.decode(sys.stdin.buffer.readline(), type=Agents))
    print("ready", flush=True)
    decode = msgspec.json.Decoder(Order).decode
    for line in sys.stdin:
        print(msgspec.json.encode(player.obey(decode(line))).decode(), flush=True)


if __name__ == "__main__":
    main()
