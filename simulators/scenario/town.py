"""The units of a scenario in this process, and what is seen of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from twisted.internet import defer

from simulators.cpe.addresses import sources
from simulators.cpe.arrivals import Arrivals, parse_arrivals
from simulators.cpe.crowd import Crowd
from simulators.cpe.device import Ont
from simulators.cpe.http import Sessions
from simulators.cpe.life import Life, Pace
from simulators.cpe.listening import listen

from .evidence import Call, Evidence, Followed, Stand
from .ports import NOWHERE, Ports
from .quarter import Quarter
from .scenario import Member, PhaseTable, Profile, Protocol, Scenario, members
from .sights import sight_of
from .wishes import Wish, unit_of, wish_for
from .wrongs import misbehaviour_of

STOPPED = "stopped"
"""Kind of a session that our own power cut ended: nobody's failure."""
_STOP_SECONDS = 15.0
_ADDRESS_OF = sources("127.64.0.0/10")
_AT_ONCE: Arrivals = parse_arrivals({"curve": "once"})


class Town:
    """All units of a scenario.

    ``clock`` tells the seconds since the scenario began, ``ports`` where the server takes USP.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        acs: str,
        account: tuple[str, str],
        own_server: bool,
        reactor: Any,
        clock: Callable[[], float],
        ports: Ports = NOWHERE,
    ) -> None:
        self.members = members(scenario)
        self.good = [member for member in self.members if member.good]
        self.seen = Evidence(len(self.members), len(self.good))
        self.open_sessions = 0
        self._scenario = scenario
        self._acs = acs
        self._account = account
        self._own_server = own_server
        self._reactor = reactor
        self._clock = clock
        self._random = Random(scenario.seed)
        self._sessions = Sessions(
            reactor,
            cnonce=self._nonce,
            keep=scenario.pace.keep_connections,
            timeout=scenario.pace.answer,
        )
        self._wishes = {m.number: wish_for(m.number, m.profile) for m in self.members}
        self._revisions = dict.fromkeys(self._wishes, 0)
        self._crowds: list[Crowd] = []
        self._over: list[defer.Deferred[None]] = []
        self._lives: dict[int, Life] = {}
        self._quarter = Quarter(
            scenario.pace,
            ports=ports,
            account=account,
            reactor=reactor,
            clock=clock,
            seen=self.seen,
            look=self._look,
            came=self._came,
        )
        self._by_serial = {unit_of(member, "", ("", "")).serial: member for member in self.members}
        self._served: set[int] = set()
        self._awaited: set[int] = set()
        """Numbers of the good units that are to call along a curve, and have not yet."""
        self._moving: set[int] = set()
        """Numbers of units that change to USP, and have not been spoken to yet."""
        self._over_now = False

    # --- what happens to it ----------------------------------------------------------------------

    def begin(self, phase: PhaseTable) -> None:
        """Switch on who joins in this phase, and have the others call where it says so."""
        curve = _AT_ONCE if phase.arrivals is None else parse_arrivals(phase.arrivals)
        if phase.events:
            self._call_all(curve, phase.events)
        for member in self.members:
            if member.moves == phase.name and member.number in self._lives:
                self._move(member)
        joining = [member for member in self.members if member.joins == phase.name]
        for protocol, join in ((Protocol.CWMP, self._join), (Protocol.USP, self._join_usp)):
            if speaking := [member for member in joining if member.protocol is protocol]:
                join(speaking, curve)

    def recorded(self, phase: PhaseTable) -> list[tuple[Member, Wish]]:
        """Return the units that somebody records in ERPNext in this phase, with their wishes."""
        return [
            (member, wish)
            for member in self.members
            if member.recorded == phase.name and (wish := self._wishes[member.number])
        ]

    def changed(self, number: int) -> None:
        """Take note that ERPNext has now changed what a unit is to have."""
        if self.members[number].good:
            self.seen.changed.setdefault(number, self._clock())

    def rewish(self, numbers: Iterable[int], profile: Profile) -> list[tuple[int, Wish]]:
        """Give units a new wish each; return what is to be written into ERPNext.

        A unit without a telephone gets a wish for its Wi-Fi.
        """
        changed = []
        for number in numbers:
            self._revisions[number] += 1
            sight = sight_of(self.members[number].model)
            possible = profile if sight and sight.telephone else Profile.WIFI
            wish = wish_for(number, possible, self._revisions[number])
            assert wish is not None
            self._wishes[number] = wish
            self._served.discard(number)
            changed.append((number, wish))
        return changed

    def chosen(self, share: float) -> list[Member]:
        """Return a share of the good units that are switched on, at least one of them."""
        there = [member for member in self.good if self._is_on(member)]
        count = min(len(there), max(1, round(share * len(there))))
        return sorted(self._random.sample(there, count), key=lambda member: member.number)

    def stop(self) -> defer.Deferred[Any]:
        """End all lives; fires when their sessions are over, at the latest after a while."""
        self._over_now = True
        self._quarter.stop()
        for crowd in self._crowds:
            crowd.stop()
        over = defer.DeferredList(self._over, consumeErrors=True)
        return over.addTimeout(_STOP_SECONDS, self._reactor, lambda *_: None)

    def serial(self, member: Member) -> str:
        """Serial number of a unit."""
        return unit_of(member, "", ("", "")).serial

    # --- how it stands ---------------------------------------------------------------------------

    @property
    def all_served(self) -> bool:
        """True when each good unit that is on has called and really has what is wished for it."""
        wanted = [m.number for m in self.good if self._is_on(m)]
        waiting = self._awaited or self._moving
        return bool(wanted) and not waiting and self._served.issuperset(wanted)

    @property
    def served(self) -> int:
        """How many good units really have what is wished for them."""
        return len(self._served)

    def stands(self, standings: dict[str, tuple[str, str, int]]) -> list[Stand]:
        """Return how each unit that was on stands; ``standings`` by serial number."""
        return [
            Stand(member, not wrong, standings.get(self.serial(member), ("", "", 0))[0], wrong)
            for member in self.members
            if self._is_on(member)
            for wrong in [self._differences(member)]
        ]

    def failing(self, standings: dict[str, tuple[str, str, int]]) -> list[str]:
        """Return what is told of the good units that are not live, for people."""
        told = []
        for member in self.good:
            serial = self.serial(member)
            standing, reason, _ = standings.get(serial, ("unknown", "", 0))
            if standing != "live" and self._is_on(member):
                told.append(f"{serial} is {standing}{': ' if reason else ''}{reason}")
        return told

    # --- behind that ---------------------------------------------------------------------------

    def _is_on(self, member: Member) -> bool:
        return member.number in self._lives or self._quarter.has(member)

    def _call_all(self, curve: Arrivals, events: Sequence[str]) -> None:
        """Have those that are there call. USP has no events but Boot!: it needs the power cut."""
        cut = "1 BOOT" in events
        self._awaited = {
            m.number for m in self.good if m.number in self._lives or (cut and self._quarter.has(m))
        }
        for crowd in self._crowds:
            crowd.call_all(curve, events)
        if cut:
            self._quarter.power_cut(curve)

    def _join_usp(self, joining: list[Member], curve: Arrivals) -> None:
        self._quarter.join(joining, curve, self._random.getrandbits(32))

    def _move(self, member: Member) -> None:
        """Let a unit end its session, restart with other firmware, and speak USP."""
        life = self._lives[member.number]
        life.stop()
        self._moving.add(member.number)
        pause = self._scenario.pace.reboot
        self._reactor.callLater(pause, self._take_over, member, life.ont)

    def _came(self, member: Member) -> None:
        self._awaited.discard(member.number)
        self._moving.discard(member.number)

    def _take_over(self, member: Member, ont: Ont) -> None:
        if not self._over_now:
            self._served.discard(member.number)
            self._quarter.take_over(member, ont, self._scenario.seed)

    def _join(self, joining: list[Member], curve: Arrivals) -> None:
        wrong = [misbehaviour_of(member.faults, member.number) for member in joining]
        numbers = [member.number for member in joining]
        pace, source = self._scenario.pace, self._source(numbers)
        crowd = Crowd(
            [unit_of(member, self._acs, self._account) for member in joining],
            sessions=self._sessions,
            reactor=self._reactor,
            pace=Pace(apply=pace.apply, reboot=pace.reboot, periodic=pace.periodic),
            seed=self._random.getrandbits(32),
            observe=self._observe,
            arrivals=curve,
            misbehaviours=wrong.__getitem__,
            source=source,
        )
        for place, (member, life) in enumerate(zip(joining, crowd.lives, strict=True)):
            if member.listens:
                address = source(place) if source else "127.0.0.1"
                listen(self._reactor, life, address, self._nonce)
        self._lives |= dict(zip(numbers, crowd.lives, strict=True))
        self._crowds.append(crowd)
        self._over.append(crowd.run())

    def _nonce(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def _source(self, numbers: list[int]) -> Callable[[int], str] | None:
        """Each unit calls from an address of its own, where this machine has so many."""
        if not (self._own_server and sys.platform == "linux"):
            return None
        return lambda place: _ADDRESS_OF(numbers[place])

    def _observe(self, ont: Ont, kind: str, fields: dict[str, Any]) -> None:
        match kind:
            case "session-start":
                self.open_sessions += 1
                member = self._by_serial[ont.identity.serial]
                self.seen.switched_on.setdefault(member.number, self._clock())
            case "session-end":
                self.open_sessions -= 1
                self._session_ended(ont, fields)
            case "applied" | "boot":
                self._look(self._by_serial[ont.identity.serial])

    def _session_ended(self, ont: Ont, fields: dict[str, Any]) -> None:
        member = self._by_serial[ont.identity.serial]
        failure = fields["kind"]
        if not failure:
            self._awaited.discard(member.number)
        if failure != STOPPED:
            self.seen.calls.append(
                Call(
                    self._clock(),
                    fields["seconds"],
                    fields["inform_seconds"],
                    failure,
                    member.good,
                )
            )
        self._look(member)

    def _look(self, member: Member) -> None:
        """Take note when a good unit comes to have what is wished."""
        number = member.number
        if not member.good or number in self._served or not self._is_on(member):
            return
        if not self._differences(member):
            self._served.add(number)
            if number in self.seen.changed:
                waited = self._clock() - self.seen.changed.pop(number)
                self.seen.followed.append(Followed(self._clock(), waited))
            began = self.seen.switched_on.get(number)
            if began is not None:
                self.seen.served_after.setdefault(number, self._clock() - began)

    def _differences(self, member: Member) -> tuple[str, ...]:
        wish = self._wishes[member.number]
        if not self._own_server:
            provisioned = self._lives[member.number].provisioned
            return () if provisioned else ("nothing that lasted was written",)
        sight = sight_of(member.model)
        assert sight is not None, member.model
        if wish is None:
            return ("ERPNext knows of no such unit",)
        if self._quarter.has(member):
            return sight.differences(wish, self._quarter.shown(member))
        return sight.differences(wish, self._lives[member.number].ont.tree.find)
