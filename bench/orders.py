"""What a load process is told, and what it answers: one JSON object on each line."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from bench.calls import Connections
from bench.dialogue import Script


class Login(StrEnum):
    """The account a unit answers a challenge with; without one it expects none."""

    NONE = ""
    OWN = "own"
    BOOTSTRAP = "bootstrap"


class Load(msgspec.Struct, frozen=True):
    """Who plays what against whom: the first line a load process reads."""

    port: int
    scripts: list[Script]
    """What each unit plays, one after the other and then again."""
    first: int
    """Number of the first unit."""
    units: int
    """Devices that take turns; 0: every session is that of a new one."""
    connections: int
    """Sessions at the same time."""
    use: Connections = Connections.SESSION
    login: Login = Login.NONE
    bootstrap: tuple[str, str] = ("", "")
    """The account that new devices share."""
    certificate: str = ""
    """Of a TLS server; empty: plain HTTP."""
    again: float = 0.0
    """Seconds after which a unit comes back whose session ended unprovisioned; 0: it does not."""
    replay: list[list[bytes]] = []
    """Play just these requests (against the echo)."""


class Play(msgspec.Struct, frozen=True, tag=True):
    """Begin sessions for so many seconds, and let those under way end."""

    seconds: float


class Open(msgspec.Struct, frozen=True, tag=True):
    """Begin so many sessions, and hold them once their Inform is answered."""

    count: int


class Finish(msgspec.Struct, frozen=True, tag=True):
    """Let the sessions that are held go on to their end."""


class Storm(msgspec.Struct, frozen=True, tag=True):
    """All units arrive once within so many seconds, most of them in the middle."""

    within: float


Order = Play | Open | Finish | Storm


class Tally(msgspec.Struct):
    """What happened: the answer to an order."""

    sessions: int = 0
    """That came to their right end."""
    requests: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    """CPU-seconds of the load itself."""
    held: int = 0
    """Sessions held."""
    refused: int = 0
    """Informs answered with 503."""
    given_up: int = 0
    """Sessions the device gave up as no answer came."""
    early: int = 0
    """Sessions the server ended before it had provisioned the device."""
    durations: list[float] = []
    """Seconds of each session, in a storm."""
    waits: list[float] = []
    """Seconds from the first try of each device to the end of its session, in a storm."""
    at: list[float] = []
    """Seconds from the begin of the storm to each end."""
    error: str = ""
