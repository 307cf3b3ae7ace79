"""What was seen of a run, as values: sessions, samples, and how all stood at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from .scenario import Member


class Call(NamedTuple):
    """One session as its unit saw it; times in seconds since the scenario began."""

    ended: float
    seconds: float
    inform_seconds: float | None
    """Until the InformResponse had come; None: it never came."""
    failure: str
    """Kind of failure, empty: the session was complete."""
    good: bool
    """Of a unit that does nothing wrong."""


class Notified(NamedTuple):
    """A Notify of an agent that was answered; seconds from its first try, and when it ended."""

    ended: float
    seconds: float
    good: bool


class Followed(NamedTuple):
    """A good unit came to have what was changed in ERPNext, ``seconds`` after that."""

    ended: float
    seconds: float


class LostLink(NamedTuple):
    """A link of an agent that failed or was lost, and not of its own accord."""

    ended: float
    why: str
    good: bool


class Sample(NamedTuple):
    """The server's processes and files at one moment."""

    at: float
    rss: int
    """Octets in memory, of all its processes."""
    cpu: float
    """CPU-seconds so far, of all its processes since the scenario began."""
    log: int
    """Octets of its log files."""
    disk: int
    """Octets of its whole data directory, log and database included."""
    open_sessions: int
    """Sessions that the units have begun and not ended."""


class JobState(NamedTuple):
    """A job as the server tells of it at the end."""

    state: str
    reason: str
    """What it says of a failure."""


@dataclass(frozen=True, slots=True)
class Stand:
    """How one unit stands at the end."""

    member: Member
    right: bool
    """It really has what is wished for it; never so where nothing is."""
    standing: str
    """What the server calls it, such as ``live``; empty: not known to it."""
    wrong: tuple[str, ...] = ()
    """Names of the parameters that are not as wished, or why none can be; no values."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known only when all is over; None where it could not be asked."""

    stands: Sequence[Stand] = ()
    jobs: Mapping[int, JobState] | None = None
    """By id: all jobs the server tells of."""
    asked: frozenset[int] = frozenset()
    """Ids of the jobs that the scenario asked for and was promised."""
    promised: int = 0
    """Devices that campaigns of the scenario were begun for."""
    campaigns_unmet: int = 0
    """Those of them that are nowhere in the campaign's own count."""
    faults: int | None = None
    """Devices on which the server reports a failure."""
    queries: int | None = None
    """Look-ups that the stand-in of ERPNext was asked for."""
    watched: bool = True
    """The server is the scenario's own, so that it could be looked at."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time of the run."""

    name: str
    start: float
    end: float


@dataclass(slots=True)
class Evidence:
    """All that was seen."""

    devices: int
    good: int
    calls: list[Call] = field(default_factory=list)
    notifies: list[Notified] = field(default_factory=list)
    lost_links: list[LostLink] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    served_after: dict[int, float] = field(default_factory=dict)
    """By number of a good unit: seconds from being switched on to really having its wish."""
    switched_on: dict[int, float] = field(default_factory=dict)
    """By number of a unit: when it first called."""
    changed: dict[int, float] = field(default_factory=dict)
    """By number of a good unit that has not followed yet: when ERPNext changed what it has."""
    followed: list[Followed] = field(default_factory=list)
    failed_restarts: int = 0
    """How often the server ended without being told to."""
    notes: list[tuple[float, str]] = field(default_factory=list)
    """What was done and what happened, for people."""
    ending: Ending | None = None

    @property
    def length(self) -> float:
        """Seconds the run took."""
        return self.stretches[-1].end if self.stretches else 0.0

    def failures(self) -> Counter[str]:
        """How many sessions failed, by kind."""
        return Counter(call.failure for call in self.calls if call.failure)

    def during(self, stretch: Stretch) -> Evidence:
        """What was seen in a stretch of time; the ending is not part of it."""
        start, end = stretch.start, stretch.end
        return replace(
            self,
            calls=[call for call in self.calls if start <= call.ended < end],
            notifies=[each for each in self.notifies if start <= each.ended < end],
            lost_links=[each for each in self.lost_links if start <= each.ended < end],
            changed={number: at for number, at in self.changed.items() if start <= at < end},
            followed=[each for each in self.followed if start <= each.ended < end],
            samples=[sample for sample in self.samples if start <= sample.at <= end],
            stretches=[stretch],
            ending=None,
        )
