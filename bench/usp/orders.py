"""What load processes of USP are told, and what they answer: one JSON object on each line."""

from __future__ import annotations

import msgspec


class Agents(msgspec.Struct, frozen=True):
    """Who speaks with whom: the first line a load process reads."""

    port: int
    """Of the broker, on loopback."""
    username: str
    password: str
    prefix: str
    """What the controller's topics begin with."""
    controller: str
    """Its endpoint id."""
    units: int
    """Agents; the first one is unit 0."""
    version: str = "1.3"
    """Of USP, in all records."""
    connections: int = 4
    """MQTT connections that the agents share."""
    check: bool = True
    """Hold every answer against what it should be; False: any answer will do (the echo)."""


class Arrive(msgspec.Struct, frozen=True, tag=True):
    """Units ``first`` to ``first + count - 1`` say that they are there (Connect record)."""

    first: int
    count: int


class Report(msgspec.Struct, frozen=True, tag=True):
    """Agents take turns to send Notifies for so many seconds, so many unanswered at a time."""

    seconds: float
    underway: int


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Answer so many Gets; fail after so many seconds."""

    count: int
    seconds: float


Order = Arrive | Report | Answer


class Told(msgspec.Struct):
    """What happened: the answer to an order."""

    done: int = 0
    """Connect records sent, Notifies answered, or Gets answered."""
    seconds: float = 0.0
    cpu: float = 0.0
    """CPU-seconds of the load itself."""
    octets: int = 0
    """Of one record that was sent."""
    waits: list[float] = []
    """Seconds from the Notify to its answer, of some."""
    error: str = ""


class Town(msgspec.Struct, frozen=True):
    """Whole simulated agents, each with its own connection, fresh from the factory."""

    port: int
    username: str
    password: str
    controller: str
    first: int
    """Number of the first unit."""
    units: int
    within: float
    """Seconds in which they start, most of them in the middle."""


class Risen(msgspec.Struct):
    """What a town tells at its end."""

    booted: dict[int, float] = {}
    """Seconds since the epoch at which each unit first sent a record, by its number."""
    lost: int = 0
    """Connections that ended or did not come up."""
    received: int = 0
    """Records from the server."""
    cpu: float = 0.0
