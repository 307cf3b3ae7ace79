"""From the wish for a connection to the steps that bring the device there.

What is there is used: first the rows we built ourselves, then a connection of the wanted mode and
service.  Only where there is none is one built.  A connection that carries our session is not
switched off, and not moved to another VLAN or mode unless that is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from acs.devices.record import Unfinished
from acs.model import Value
from acs.profiles.blueprint import ROW, Blueprint
from acs.profiles.blueprint_schema import WAN_SETTINGS
from acs.profiles.changes import Comparison, PlannedChange, Step, in_order
from acs.profiles.intent import Problem, Wan
from acs.profiles.tree import Tree, row_pattern
from acs.profiles.wan.account import KEPT, judged
from acs.profiles.wan.chain import WHERE, Chain
from acs.profiles.wan.connections import (
    Connection,
    find_connections,
    find_ground,
    is_enabled,
    rows_at_risk,
    served_apart,
)
from acs.profiles.wan.places import BuildStep, WanPlaces
from acs.profiles.wants import Spot, Want, want_setting


@dataclass(frozen=True, slots=True)
class Site:
    """The device a wish is for, as far as its connections go."""

    places: WanPlaces
    blueprint: Blueprint
    tree: Tree
    comparison: Comparison
    carrier: str = ""
    """Path of the connection that carries our session; empty: unknown, so any of them may."""
    change_carrier: bool = False
    unfinished: Unfinished | None = None


@dataclass(slots=True)
class WanPlan:
    """What is to be done about the connection, in order."""

    steps: list[Step] = field(default_factory=list)
    kept: list[PlannedChange] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def unseen_table(site: Site, hidden: Iterable[str]) -> str:
    """Return a table of connections that is not shown whole; empty: all of them are.

    ``hidden``: tables with rows that are known not to be shown.  Every device has an IP interface
    towards its LAN: where not one connection shows, our role may see none.
    """
    tables = site.blueprint.tables
    stems = [row_pattern(tables[name].removesuffix(f"{ROW}.")) for name in site.places.tables]
    for table in hidden:
        if any(stem.fullmatch(table) for stem in stems):
            return table
    if any(site.tree.rows(name) for name in site.places.connections):
        return ""
    return tables[site.places.connections[0]].removesuffix(f"{ROW}.")


def plan_wan(wish: Wan, site: Site) -> WanPlan:
    """Say which rows are created and which leaves are written, and why a wish cannot be met."""
    return _Planner(wish, site).plan()


class _Planner:
    """Plans one wish on one device."""

    def __init__(self, wish: Wan, site: Site) -> None:
        self._wish = wish
        self._site = site
        self._places = site.places
        self._plan = WanPlan()
        self._ground = find_ground(site.places, site.tree)
        self._connections = list(
            find_connections(site.places, site.blueprint, site.tree, self._ground, site.carrier)
        )
        self._at_risk = rows_at_risk(site.places, site.blueprint, site.tree, site.carrier)

    def plan(self) -> WanPlan:
        steps = self._build_steps()
        chain = self._chain(steps)
        ours = any(table in chain.rows for table in self._places.connections)
        if steps and (ours or self._resumes(steps)):
            self._build(steps, chain)
        elif (found := self._choose()) is not None:
            self._change(found)
        elif not self._plan.problems:
            self._create(steps, chain)
        if self._plan.problems:
            # What the device has is better than half of a change.
            return WanPlan(problems=self._plan.problems, notes=self._plan.notes)
        self._replace_others()
        self._clear(chain)
        return self._plan

    def _chain(self, steps: tuple[BuildStep, ...]) -> Chain:
        site = self._site
        ground = {self._ground.medium.table: self._ground.row} if self._ground else {}
        name = self._places.name_for(self._wish.mode or "")
        found = Chain(self._places, site.blueprint, site.tree, steps, name, ground)
        found.find(site.unfinished)
        ours = [row.path for row in found.rows.values()]
        served = served_apart(site.places, site.blueprint, site.tree, site.carrier, ours)
        return Chain(self._places, site.blueprint, site.tree, steps, name, found.rows, served)

    def _build_steps(self) -> tuple[BuildStep, ...]:
        mode, ground = self._wish.mode, self._ground
        if mode is None or (self._places.media and ground is None):
            return ()
        return tuple(
            step
            for step in self._places.build
            if (not step.modes or mode in step.modes)
            and (not step.medium or (ground is not None and step.medium == ground.medium.name))
            and all(map(self._wished, step.needs))
        )

    def _wished(self, name: str) -> bool:
        value = getattr(self._wish, name)
        # IPv6 is built as the family does it, unless it is not wanted.
        return value is not False if name == "ipv6" else value is not None

    def _resumes(self, steps: tuple[BuildStep, ...]) -> bool:
        unfinished = self._site.unfinished
        tables = {step.add for step in steps if step.add}
        return unfinished is not None and bool({*unfinished.rows, unfinished.adding} & tables)

    # --- a connection that is there

    def _choose(self) -> Connection | None:
        """Return the connection the wish is about, or none; a problem when it could be several."""
        mode, site = self._wish.mode, self._site
        service = self._places.service.wanted if self._places.service else ""
        fitting = [
            connection
            for connection in self._connections
            if (mode is None or connection.mode == mode) and connection.serves(service)
        ]
        if len(fitting) > 1:
            best = max(map(self._rank, fitting))
            leading = [c for c in fitting if self._rank(c) == best]
            if len(leading) > 1 and leading[0].services is None:
                names = ", ".join(connection.path for connection in leading)
                reason = f"more than one connection could be meant: {names}"
                self._problem("connection", reason)
                return None
            return leading[0]
        if not fitting and self._ground is None and self._places.media and not site.carrier:
            self._problem("connection", "the device does not show which interface leads outside")
        return fitting[0] if fitting else None

    def _rank(self, connection: Connection) -> tuple[bool, bool, bool]:
        spot = self._spot(connection)
        setting = self._places.settings.get("vlan")
        places = setting.places if setting else ()
        vlans = {spot.text(place) for place in places}
        return (
            str(self._wish.vlan) in vlans,
            connection.path == self._site.carrier,
            connection.enabled,
        )

    def _change(self, connection: Connection) -> None:
        """Bring a connection that somebody else made to what is wanted of it."""
        spot = self._spot(connection)
        vlan: list[Want] = []
        others: list[Want] = []
        for name in WAN_SETTINGS:
            value = getattr(self._wish, name)
            if value is None:
                continue
            for found in want_setting(value, self._places.settings.get(name), spot, WHERE, name):
                match found:
                    case Problem():
                        self._plan.problems.append(found)
                    case Want():
                        (vlan if name == "vlan" else others).append(found)
        chain = Chain(self._places, self._site.blueprint, self._site.tree, (), "", connection.rows)
        account = self._open(others, connection.path)
        self._modify(connection.table, chain, self._open(vlan), account)

    def _modify(
        self,
        table: str,
        chain: Chain,
        vlan: list[PlannedChange],
        others: list[PlannedChange],
    ) -> None:
        """Write what differs: off first where it runs, and on at the end."""
        places, path = self._places, chain.rows[table].path
        running = is_enabled(places, self._site.tree, table, chain.rows)
        switches = self._open(list(chain.switches(places.enable, on=True)))
        if self._endangers(chain, vlan, others):
            return
        if path in self._at_risk or self._touching(chain, [*vlan, *others]):
            # One request that holds as a whole or not at all: it is never off by itself.
            self._request("changed in one request", [*vlan, *others, *switches])
            return
        if not (vlan or others):
            self._request("on", switches)
            return
        off = self._planned(chain.switches(places.disable, on=False)) if running else []
        if off:
            self._request("off before it is changed", off)
            again = {change.path: change for change in switches}
            for change in self._planned(chain.switches(places.disable, on=True)):
                was = Value(off[0].wanted.text, change.wanted.type)
                again[change.path] = replace(change, current=was)
            switches = list(again.values())
        if places.separate:
            self._request("vlan", vlan)
            self._request("account", others)
            self._request("on again" if off else "on", switches)
        else:
            self._request("changed and on", [*vlan, *others, *switches])

    # --- a connection of our own

    def _create(self, steps: tuple[BuildStep, ...], chain: Chain) -> None:
        mode = self._wish.mode
        if mode is None:
            self._problem("mode", "is missing: there is no connection, and a new one needs it")
        elif self._ground is None and self._places.media:
            self._problem("mode", "the device does not show which interface leads outside")
        elif not any(step.add for step in steps):
            self._problem(
                "mode", f"the device has no {mode} connection, and its blueprint builds none"
            )
        else:
            self._build(steps, chain)

    def _build(self, steps: tuple[BuildStep, ...], chain: Chain) -> None:
        """Create the rows that are missing, set what differs, and switch all on in the end."""
        written = {name for step in steps for name in step.wish}
        for name in ("vlan", "username", "password", "mtu"):
            if getattr(self._wish, name) is not None and name not in written:
                reason = "the blueprint does not say where it goes in a connection that is built"
                self._problem(name, reason)
        if self._wish.mode == "pppoe" and self._wish.username is None:
            self._problem("username", "is missing: a PPPoE connection that is built needs one")
        table = next((step.add for step in steps if step.add in self._places.connections), None)
        if table is None:
            self._problem("mode", "the blueprint builds no row of a connection")
        if table is None or self._plan.problems:
            return
        complete = all(step.add in chain.rows for step in steps if step.add)
        built: list[Step] = []
        vlan: list[PlannedChange] = []
        others: list[PlannedChange] = []
        for step in steps:
            why = f"{WHERE}: {step.name}"
            if step.add and step.add not in chain.rows:
                built.append(Step(why, create=chain.creation(step.add)))
            wants: list[Want] = []
            for found in chain.wants(step, self._wish):
                match found:
                    case Problem():
                        self._plan.problems.append(found)
                    case Want():
                        wants.append(found)
            changes = self._open(wants, chain.rows[table].path if table in chain.rows else "")
            if changes:
                built.append(Step(why, changes=in_order(changes)))
            for change in changes:
                (vlan if step.needs == ("vlan",) or _is_vlan(change) else others).append(change)
        if complete:
            self._modify(table, chain, vlan, others)
            return
        if self._endangers(chain, vlan, others):
            return
        self._plan.steps.extend(built)
        self._request("on", self._open(list(chain.switches(self._places.enable, on=True))))

    # --- the others

    def _replace_others(self) -> None:
        """Switch off what the wish replaces: the same service in another mode, same medium."""
        rule = self._places.service
        for other in self._connections:
            if self._wish.mode in (None, other.mode) or not other.enabled:
                continue
            if self._ground is not None and self._ground.row not in other.rows.values():
                continue
            if rule is None or other.services is None:
                self._plan.notes.append(f"wan: {other.path} ({other.mode}) stays on")
                continue
            if rule.wanted not in other.services:
                continue
            more = sorted(other.services - {rule.wanted, *rule.keep})
            if more:
                reason = f"{other.path} ({other.mode}) serves {', '.join(more)} too and stays on"
                self._problem("mode", reason)
            elif other.path in self._at_risk and not (
                # Even where it is allowed, it is not switched off by itself.
                self._site.change_carrier and self._plan.steps
            ):
                reason = (
                    f"{other.path} ({other.mode}) {self._sure} our session and stays on; it is "
                    "switched off once the device calls by the new one"
                )
                self._problem("mode", reason)
            else:
                self._switch_off(other)

    def _switch_off(self, other: Connection) -> None:
        chain = Chain(self._places, self._site.blueprint, self._site.tree, (), "", other.rows)
        places = tuple(p for p in self._places.enable if p.table == other.table)
        off = self._planned(chain.switches(places or self._places.disable, on=False))
        if not off:
            self._plan.notes.append(f"wan: {other.path} ({other.mode}) has no switch and stays on")
            return
        why = f"{WHERE}: replaces {other.path}"
        if not self._plan.steps:
            self._plan.steps.append(Step(why, changes=tuple(off), follows=True))
            return
        # With the last request, so that one takes over from the other or nothing changes.
        last = self._plan.steps.pop()
        self._plan.steps.append(
            replace(last, why=f"{last.why}, {why}", changes=in_order((*off, *last.changes)))
        )

    def _clear(self, chain: Chain) -> None:
        """Remove what a build for another mode has left, unless something that is on stands there.

        An unfinished build is the only one of which every row is known to be ours.
        """
        site = self._site
        if site.unfinished is None:
            return
        busy = self._at_risk | rows_at_risk(site.places, site.blueprint, site.tree, "")
        steps = [
            Step(f"{WHERE}: left by an unfinished build", remove=row.path)
            for row in chain.left_over(site.unfinished)
            if row.path not in busy and not any(path.startswith(row.path) for path in busy)
        ]
        self._plan.steps[:0] = steps

    # --- pieces

    def _spot(self, connection: Connection) -> Spot:
        site = self._site
        return Spot(site.blueprint, site.tree, connection.table, connection.row, connection.rows)

    def _planned(self, wants: Iterable[Want]) -> list[PlannedChange]:
        return [self._site.comparison.planned(want) for want in wants]

    def _open(self, wants: Iterable[Want], connection: str = "") -> list[PlannedChange]:
        """Return what is not so yet; the rest is noted as kept. ``connection``: whose it is."""
        found: list[PlannedChange] = []
        comparison, carrier = self._site.comparison, self._site.carrier
        carries = bool(carrier) and connection == carrier
        for change, settled in judged(self._planned(wants), comparison, carries=carries):
            (self._plan.kept if settled else found).append(change)
            if change.works and comparison.never_written(change):
                self._plan.notes.append(KEPT)
        return found

    def _request(self, why: str, changes: Iterable[PlannedChange]) -> None:
        once = {change.path: change for change in changes}
        if once:
            step = Step(f"{WHERE}: {why}", changes=in_order(once.values()))
            self._plan.steps.append(step)

    def _problem(self, setting: str, reason: str) -> None:
        self._plan.problems.append(Problem(WHERE, setting, reason))

    # --- what our session stands on

    def _endangers(
        self, chain: Chain, vlan: list[PlannedChange], others: list[PlannedChange]
    ) -> bool:
        """Tell whether this would move the carrier though that is not allowed, and refuse it."""
        if self._site.change_carrier:
            return False
        modes = {place.leaf for place in self._places.mode.places}
        moves = {
            "vlan": ("the VLAN of", vlan),
            "connection": ("what stands below", [c for c in others if c.reference]),
            "mode": ("the mode of", [c for c in others if c.path.rpartition(".")[2] in modes]),
        }
        for setting, (what, changes) in moves.items():
            if touched := self._touching(chain, changes):
                mine = (r.path for t, r in chain.rows.items() if t in self._places.connections)
                path = next((path for path in mine if path in self._at_risk), touched[0])
                reason = (
                    f"{path} {self._sure} our session; {what} such a connection is changed "
                    "only with provisioning.change_carrier"
                )
                self._problem(setting, reason)
                return True
        return False

    def _touching(self, chain: Chain, changes: Iterable[PlannedChange]) -> list[str]:
        """Return the rows among those that are written that our session may depend on."""
        rows = [row.path for row in chain.rows.values()]
        written = (
            max((row for row in rows if change.path.startswith(row)), key=len, default="")
            for change in changes
        )
        return [row for row in written if row in self._at_risk]

    @property
    def _sure(self) -> str:
        return "carries" if self._site.carrier else "may carry"


def _is_vlan(change: PlannedChange) -> bool:
    return change.why == f"{WHERE}: vlan"
