"""What a diagnostic found, as values. None: the device does not tell, or tells nonsense."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ping:
    """Echoes sent and answered; times in milliseconds."""

    sent: int | None
    received: int | None
    loss: float | None
    """Per cent."""
    least: float | None
    average: float | None
    most: float | None
    address: str = ""
    """Address that was asked, where the device tells it."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One router on the way."""

    number: int
    host: str
    address: str
    error: int | None
    """ICMP code; 0: none."""
    times: tuple[float, ...]
    """Of the tries that were answered, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The way to a host."""

    hops: tuple[Hop, ...]
    reached: bool | None
    """Whether the last hop is the host; None: it cannot be told."""
    time: float | None
    """Of the whole way, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One of several connections of a speed test."""

    number: int
    bytes: int | None
    seconds: float | None
    mbit_s: float | None


@dataclass(frozen=True, slots=True)
class Speed:
    """A speed test: what was moved, how long it took, and the rate (TR-143)."""

    bytes: int | None
    """Octets of the test itself."""
    all_bytes: int | None
    """Octets of the interface meanwhile, other traffic among them."""
    seconds: float | None
    mbit_s: float | None
    """Million bits per second."""
    wait: float | None
    """Milliseconds from the request to the first octet."""
    connect: float | None
    """Milliseconds the TCP connection took."""
    connections: tuple[Connection, ...] = ()
    note: str = ""
    """Why there is no rate."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a DNS server."""

    ok: bool
    status: str
    """In plain words."""
    name: str
    addresses: tuple[str, ...]
    authoritative: bool | None
    server: str
    time: float | None
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A name looked up."""

    answered: int | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A Wi-Fi network of somebody else."""

    ssid: str
    """Empty: hidden."""
    bssid: str
    channel: int | None
    band: str
    width: str
    signal: float | None
    """dBm."""
    noise: float | None
    """dBm."""
    security: str
    standards: str
    radio: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Networks around, the strongest first."""

    networks: tuple[Neighbour, ...]


Result = Ping | Trace | Speed | Lookup | Neighbours


def document(result: Result) -> dict[str, Any]:
    """Turn a result into plain data, as a job keeps it."""
    return asdict(result)
