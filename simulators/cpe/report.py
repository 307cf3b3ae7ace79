"""What happened in one session, for tests and for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .render import Event


class End(StrEnum):
    """How a session ended."""

    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    """The ACS or the network broke the rules; ``reason`` says how. The CPE tries again."""
    HUNG_UP = "hung up"
    """The CPE broke off because it was told to misbehave."""


class Lost(StrEnum):
    """What kept a session from its end, as a word that can be counted."""

    STATUS = "refused"
    """The ACS answered with an HTTP status that ends the session."""
    UNPROVEN = "not authenticated"
    TIMED_OUT = "timed out"
    NO_CONNECTION = "connection refused"
    RESET = "connection reset"
    CLOSED = "closed without an answer"
    RULES = "broken answer"
    """What the ACS sent breaks the rules of HTTP, SOAP or TR-069."""
    STOPPED = "stopped"
    OWN = "hung up on purpose"


@dataclass(frozen=True, slots=True)
class Rpc:
    """One request of the ACS and what became of it."""

    method: str
    names: tuple[str, ...] = ()
    """Paths it asked for, wrote, added or deleted."""
    values: dict[str, str] = field(default_factory=dict, repr=False)
    """What it wrote, secrets in clear: for assertions, never for output."""
    fault: int = 0
    status: int = 0
    """Status of the answer: 1 means applied later."""
    instance: int = 0
    """Number of the row that AddObject made."""
    key: str = ""
    """CommandKey it came with."""
    drawn: bool = False
    """The fault was drawn on demand."""


@dataclass(frozen=True, slots=True)
class Told:
    """One request of the CPE that the ACS answered."""

    method: str
    key: str = ""
    fault: str = ""
    """Fault code of the answer."""


@dataclass(slots=True)
class SessionReport:
    """One session from the CPE's side."""

    events: tuple[Event, ...]
    retry_count: int = 0
    rpcs: list[Rpc] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    """What the CPE asked or told the ACS after its Inform."""
    end: End = End.RUNNING
    reason: str = ""
    lost: Lost | None = None
    """Sort of ``reason``, where the session failed."""
    status: int = 0
    """HTTP status that ended the session, 0: none did."""
    retry_after: float = 0.0
    """Seconds after which the ACS wants to be asked again (Retry-After), 0: it did not say."""
    seconds: float = 0.0
    """From the first connect to the end, where an edge measures it."""
    inform_seconds: float | None = None
    """From the first octet of the Inform to the last of its InformResponse."""
    informed: bool = False
    """The ACS answered the Inform."""
    authentication: str = "none"
    """``none``, ``basic`` or ``digest``."""
    username: str = ""
    requests: int = 0
    """HTTP requests sent, challenged ones included."""
    connections: int = 0

    @property
    def complete(self) -> bool:
        """True when the session ended as it should."""
        return self.end is End.COMPLETE

    @property
    def kind(self) -> str:
        """How it failed, to be counted: ``refused 503``, ``timed out``; empty when complete."""
        match self.end, self.lost:
            case End.COMPLETE | End.RUNNING, _:
                return ""
            case End.HUNG_UP, _:
                return Lost.OWN.value
            case _, Lost.STATUS:
                return f"{Lost.STATUS} {self.status}"
            case _, lost:
                return (lost or Lost.RULES).value

    @property
    def methods(self) -> list[str]:
        """Methods the ACS called, in order."""
        return [rpc.method for rpc in self.rpcs]

    @property
    def faults(self) -> list[Rpc]:
        """Requests that were answered with a fault."""
        return [rpc for rpc in self.rpcs if rpc.fault]

    @property
    def written(self) -> dict[str, str]:
        """All values the ACS wrote with success, the last of each; secrets in clear."""
        written: dict[str, str] = {}
        for rpc in self.rpcs:
            if not rpc.fault:
                written.update(rpc.values)
        return written

    def named(self, method: str) -> list[Rpc]:
        """Return the requests of one method."""
        return [rpc for rpc in self.rpcs if rpc.method == method]
