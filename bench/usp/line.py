"""One MQTT connection that many agents of the load share."""

from __future__ import annotations

import socket

from bench.usp.orders import Agents
from simulators.usp import mqtt_wire as wire
from simulators.usp.mqtt_reasons import reason_text

PATIENCE = 20.0
"""Seconds without a sign of the broker after which the load gives up."""
_READ = 262_144


class Wrong(RuntimeError):  # noqa: N818 - what was met
    """The broker or the server did not do as it should."""


class Line:
    """Connected and subscribed from the start; blocking."""

    def __init__(self, agents: Agents, number: int) -> None:
        self.number = number
        self._reader = wire.Reader(wire.Version.V5)
        self._out = bytearray()
        self._last_id = 0
        self.socket = socket.create_connection(("127.0.0.1", agents.port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = f"load-{agents.prefix.replace('/', '-')}-{number}"
        self.socket.sendall(
            wire.connect(
                wire.Version.V5,
                client,
                keep_alive=0,
                username=agents.username,
                password=agents.password,
            )
        )
        self._await(wire.Connack)
        filters = (f"{agents.prefix}/agent/{number}/+",)
        self.socket.sendall(wire.subscribe(wire.Version.V5, 1, filters, 1))
        self._await(wire.Suback)

    def next_id(self) -> int:
        """A packet id; thousands lie between two uses of the same one."""
        self._last_id = self._last_id % 0xFFFF + 1
        return self._last_id

    def write(self, packet: bytes) -> None:
        """Send with the next `flush`."""
        self._out += packet

    def flush(self) -> None:
        """Send what was written."""
        if self._out:
            self.socket.sendall(self._out)
            self._out.clear()

    def read(self) -> list[wire.Publish]:
        """The messages that came, which are acknowledged with the next `flush`.

        Raises `Wrong` when the broker ends the connection or refuses a message.
        """
        came = []
        for packet in self._packets():
            match packet:
                case wire.Publish(packet_id=packet_id):
                    self._out += wire.puback(packet_id)
                    came.append(packet)
                case wire.Puback(reason=reason) if reason:
                    raise Wrong(f"the broker: {reason_text(wire.Version.V5, reason)}")
                case wire.Puback():
                    pass
                case _:
                    raise Wrong(f"the broker sent {packet}")
        return came

    def _packets(self) -> list[wire.Packet]:
        data = self.socket.recv(_READ)
        if not data:
            raise Wrong("the broker closed the connection")
        return list(self._reader.feed(data))

    def _await(self, kind: type[wire.Connack | wire.Suback]) -> None:
        (packet,) = self._packets()
        fine = isinstance(packet, kind) and not (
            (isinstance(packet, wire.Connack) and packet.reason)
            or (isinstance(packet, wire.Suback) and max(packet.reasons) >= 0x80)
        )
        if not fine:
            raise Wrong(f"the broker refused us: {packet}")
