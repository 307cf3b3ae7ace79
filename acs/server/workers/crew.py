"""Who is to be started, who is to leave, and who does what is done once. No I/O, no clock.

Each worker's number is a post; its successive processes are members.  Told what happens, the crew
says what to do.  Times are seconds that only grow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from acs.server.workers.names import name_of

STEADY_SECONDS = 60.0
"""Who lived so long did not die of his start: the next one is started at once."""
LONGEST_PAUSE = 30.0
"""Seconds between two starts of a worker that dies over and over."""


class Start(NamedTuple):
    """Start a process, ``after`` seconds."""

    number: int
    name: str
    after: float = 0.0


class Drain(NamedTuple):
    """Have this one end when its sessions have."""

    name: str


class Duties(NamedTuple):
    """Have this one do what is done once."""

    name: str


class Serving(NamedTuple):
    """All serve for the first time."""


class GiveUp(NamedTuple):
    """They cannot serve at all: the first of them has just said why."""


class NotRenewed(NamedTuple):
    """The restart has ended early: this new one does not serve, the old ones go on."""

    name: str


Action = Start | Drain | Duties | Serving | GiveUp | NotRenewed


class Stage(Enum):
    """How far a member is."""

    STARTING = auto()
    SERVING = auto()
    LEAVING = auto()


@dataclass(slots=True)
class Member:
    """One process."""

    name: str
    number: int
    stage: Stage = Stage.STARTING
    since: float = 0.0
    """When it began to serve."""


@dataclass(slots=True)
class _Post:
    """The processes of one number."""

    number: int
    life: int = 0
    failures: int = 0
    """Deaths in a row."""


@dataclass(slots=True)
class Crew:
    """The processes of one server."""

    workers: int
    members: dict[str, Member] = field(default_factory=dict)
    """Those that are to be started, run, or leave, by name."""
    deaths: int = 0
    """Ends that nobody asked for."""
    stopping: bool = False
    _posts: dict[int, _Post] = field(default_factory=dict)
    _has_served: bool = False
    _dutiful: str = ""
    _to_renew: deque[int] = field(default_factory=deque)
    """Posts that the restart under way has still to see to, the present one first."""

    def begin(self) -> Iterator[Action]:
        """Start them all."""
        for number in range(1, self.workers + 1):
            self._posts[number] = _Post(number)
            yield self._start(number)

    def ready(self, name: str, now: float) -> Iterator[Action]:
        """A process serves."""
        member = self.members[name]
        if member.stage is not Stage.STARTING:
            return
        member.stage, member.since = Stage.SERVING, now
        if self._has_served and self._to_renew and self._to_renew[0] == member.number:
            for old in self._serving(member.number):
                if old is not member:
                    yield from self._leave(old)
            self._to_renew.popleft()
            yield from self._renew()
        yield from self._assign()
        if not self._has_served and len(self.serving) == self.workers:
            self._has_served = True
            yield Serving()
            yield from self._renew()

    def ended(self, name: str, now: float) -> Iterator[Action]:
        """A process has ended, whatever the reason."""
        member = self.members.pop(name)
        if self._dutiful == name:
            self._dutiful = ""
        if self.stopping:
            return
        if not self._has_served:
            self.stopping = True
            yield GiveUp()
            return
        if member.stage is not Stage.LEAVING:
            self.deaths += 1
            yield from self._replace(member, now)
        yield from self._assign()

    def leaves(self, name: str) -> Iterator[Action]:
        """A process has begun to leave, because somebody else told it to."""
        member = self.members[name]
        if self.stopping or not self._has_served or member.stage is Stage.LEAVING:
            return
        self._part(member)
        if all(each.stage is Stage.LEAVING for each in self._holding(member.number)):
            yield self._start(member.number)
        yield from self._assign()

    def restart(self) -> Iterator[Action]:
        """Put a new process in the place of each, one after the other."""
        if self.stopping:
            return
        if not self._to_renew:
            self._to_renew.extend(self._posts)
            if self._has_served:
                yield from self._renew()
        elif self._has_served:
            # Those that were renewed already know nothing of what is new by now.
            present = self._to_renew[0]
            others = (number for number in self._posts if number != present)
            self._to_renew = deque([present, *others, present])

    def stop(self) -> Iterator[Action]:
        """Have all of them end."""
        self.stopping = True
        for member in list(self.members.values()):
            if member.stage is not Stage.LEAVING:
                yield from self._leave(member)

    @property
    def serving(self) -> list[Member]:
        """Those that take sessions."""
        return [each for each in self.members.values() if each.stage is Stage.SERVING]

    def _holding(self, number: int) -> list[Member]:
        return [each for each in self.members.values() if each.number == number]

    def _serving(self, number: int) -> list[Member]:
        return [each for each in self.serving if each.number == number]

    def _start(self, number: int, after: float = 0.0) -> Start:
        post = self._posts[number]
        name = name_of(number, post.life)
        post.life += 1
        self.members[name] = Member(name, number)
        return Start(number, name, after)

    def _leave(self, member: Member) -> Iterator[Action]:
        self._part(member)
        yield Drain(member.name)

    def _part(self, member: Member) -> None:
        member.stage = Stage.LEAVING
        if self._dutiful == member.name:
            self._dutiful = ""

    def _replace(self, member: Member, now: float) -> Iterator[Action]:
        if self._serving(member.number):
            # It was to take the place of one that still serves.
            self._to_renew.clear()
            yield NotRenewed(member.name)
            return
        if any(each.stage is Stage.STARTING for each in self._holding(member.number)):
            return  # The one that was to take its place.
        post = self._posts[member.number]
        steady = member.stage is Stage.SERVING and now - member.since >= STEADY_SECONDS
        post.failures = 1 if steady else post.failures + 1
        pause = 0.0 if post.failures == 1 else min(LONGEST_PAUSE, 2.0 ** (post.failures - 2))
        yield self._start(member.number, pause)

    def _renew(self) -> Iterator[Action]:
        while self._to_renew:
            if self._serving(self._to_renew[0]):
                yield self._start(self._to_renew[0])
                return
            # It has died, and its next life is a new one anyway.
            self._to_renew.popleft()

    def _assign(self) -> Iterator[Action]:
        if not self._dutiful and not self.stopping and self.serving:
            self._dutiful = self.serving[0].name
            yield Duties(self._dutiful)
