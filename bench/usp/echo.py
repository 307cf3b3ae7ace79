"""The baseline: the MQTT edge with a controller that answers every record with the same octets.

Run as ``python -m bench.usp.echo``; the first line of standard input is an `Agents`.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from acs.model import Secret
from acs.reactor import install
from acs.usp.mtp import Mtp, Origin, Verdict
from bench.usp.orders import Agents

_ANSWER = b"x" * 120
"""About as long as a record with a NotifyResp."""


class Echo:
    """Implements `acs.usp.mtp.Receiver`."""

    def __init__(self) -> None:
        self.edge: Any = None

    def record(self, octets: bytes, origin: Origin) -> Verdict:
        """Answer."""
        if origin.reply is not None:
            self.edge.send(origin.reply, _ANSWER)
        return Verdict.TAKEN

    def present(self, endpoint: str, mtp: Mtp, evidence: str, address: str = "") -> None:
        """Nothing to do."""

    def absent(self, endpoint: str, mtp: Mtp, evidence: str) -> None:
        """Nothing to do."""

    def link_up(self, mtp: Mtp) -> None:
        """Say so."""
        print("ready", flush=True)

    def link_down(self, mtp: Mtp, why: str) -> None:
        """Say so."""
        print(f"down {why}", flush=True)


class _Silent:
    """Implements `acs.usp.mqtt.edge.Watcher`."""

    def rejected(self, reason: str, address: str) -> None:
        raise RuntimeError(f"{reason}: {address}")

    def bug(self, where: str, error: BaseException) -> None:
        sys.exit(f"{where}: {error}")


def main() -> None:
    """Serve until stopped."""
    agents = msgspec.json.decode(sys.stdin.buffer.readline(), type=Agents)
    install()
    from twisted.internet import reactor as installed

    from acs.usp.mqtt.edge import EdgeOptions, MqttEdge
    from acs.usp.mqtt.presence import PresenceSource
    from acs.usp.mqtt.remote import Broker
    from acs.usp.mqtt.topics import Topics

    reactor: Any = installed
    endpoint = "self::echo"
    broker = Broker(
        "127.0.0.1",
        agents.port,
        client_id=endpoint,
        endpoint=endpoint,
        username=agents.username,
        password=Secret(agents.password),
    )
    receiver = Echo()
    options = EdgeOptions(Topics(agents.prefix, endpoint), presence=PresenceSource.OFF)
    receiver.edge = MqttEdge(broker, options, receiver, reactor, _Silent())
    reactor.callWhenRunning(receiver.edge.start)
    reactor.run()


if __name__ == "__main__":
    main()
