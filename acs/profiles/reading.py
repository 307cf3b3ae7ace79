"""What must be known of a device before an intent can be compared with it, and the reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType

from acs.model import DataModel, Fault, Value
from acs.profiles.blueprint import ROW, Blueprint, Constant, Place, Setting, Voice, Wifi
from acs.profiles.blueprint_schema import VOICE_SETTINGS
from acs.profiles.intent import Intent, Security, Wan, raw_key
from acs.profiles.listing import Lists
from acs.profiles.plan import management_wishes
from acs.profiles.tree import Row, Tree, row_pattern
from acs.profiles.voice import voice_wish
from acs.profiles.wan.places import WanPlaces, places_for, told_of_rows
from acs.profiles.wifi import (
    PLAIN_SETTINGS,
    identifying,
    radio_wishes,
    rows_in_question,
    tables_in_question,
)


@dataclass(frozen=True, slots=True)
class Reads:
    """What to read: first what tells the rows apart, then the leaves of the rows in question."""

    identify: Mapping[str, tuple[str, ...]]
    """Leaves to read of every row, by the table's path (``Device.WiFi.SSID.{i}.``)."""
    leaves: Mapping[tuple[str, str], tuple[str, ...]]
    """Leaves to read of the rows that belong to a wish, by (table that holds the wish, table)."""
    paths: tuple[str, ...]
    """Fixed paths."""
    secret: frozenset[str]
    """Names, with ``{i}`` in tables, whose value is not kept."""
    optional: frozenset[str]
    """Names, with ``{i}`` in tables, that a model may lack; they are then asked for no more."""
    growing: frozenset[str] = frozenset()
    """Paths of tables in which we may create rows: they are listed though they were empty."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a device answered; secret leaves are there with an empty value."""

    values: Mapping[str, Value]
    missing: tuple[str, ...]
    """Optional leaves and unknown tables, with ``{i}``, that it does not have."""
    asked: frozenset[str]
    rows: Mapping[str, frozenset[str]]
    """Rows that exist, by the table's path, of every table that was listed, or surely has them."""
    secret: frozenset[str] = frozenset()
    """Those of ``asked`` whose value is not kept."""
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Those of ``rows`` that the device was asked for."""
    hidden: tuple[str, ...] = ()
    """Tables (final dot) that have rows which our role may not see, or that it may not list."""
    unseen: tuple[str, ...] = ()
    """What a wish needs and nothing is shown of: tables, and leaves with ``{i}``."""

    def outdates(self, path: str) -> bool:
        """Tell whether what was known of ``path`` is void: asked anew, or its row is gone."""
        return path in self.asked or any(
            path.startswith(table.partition("{i}")[0])
            and (row := row_pattern(table).match(path)) is not None
            and row[0] not in rows
            for table, rows in self.rows.items()
        )


def reads(blueprint: Blueprint, intent: Intent) -> Reads:
    """Say which tables and leaves the comparison with ``intent`` needs."""
    gathering = _Gathering(blueprint)
    for wifi in tables_in_question(intent, blueprint):
        gathering.wifi(wifi, intent)
    if intent.voice and blueprint.voice:
        gathering.voice(blueprint.voice, intent)
    if intent.wan and blueprint.wan:
        gathering.wan(blueprint.wan, intent.wan)
    wished = [name for name, _ in management_wishes(intent, blueprint)]
    for name in wished:
        gathering.setting(blueprint.management.get(name), "")
    if "connection_request_username" in wished:
        # Whom it cannot be called for wants to know when it calls by itself.
        gathering.shown(blueprint.management.get("periodic_inform_interval"))
    if intent.admin_password is not None:
        gathering.setting(blueprint.admin, "")
    if blueprint.marker:
        gathering.place(Place("", blueprint.marker), "", optional=True)
    return gathering.result()


async def read(
    device: DataModel,
    blueprint: Blueprint,
    intent: Intent,
    missing: frozenset[str],
    known: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    *,
    shows_all: bool = True,
) -> Reading | Fault:
    """List the tables, read what tells their rows apart, then the leaves the wishes are about.

    Two Gets, so that the fourteen SSIDs of a mesh router are not read for the sake of two.
    ``missing``: optional names this model is known not to have (`Reading.missing` of an
    earlier session).  A refused List of an unknown table means no rows; any other refusal
    is returned.  ``known``: rows by the table's path, which are not listed, but in tables that we
    may create rows in; where the device turns out not to have them, all is listed after all.
    ``shows_all`` False: it shows what our role may see, and is asked how many rows there are, too.
    """
    needed = reads(blueprint, intent)
    lists = Lists(device)
    rows: dict[str, list[str]] = {}
    known = {table: found for table, found in known.items() if table not in needed.growing}
    for table in needed.identify:
        absent_before = table in missing and table not in needed.growing
        if table in known:
            rows[table] = list(known[table])
            continue
        found = [] if absent_before else await lists.rows(table)
        if isinstance(found, Fault):
            return found
        rows[table] = found
    asked = {path: path for path in needed.paths if path not in missing}
    for table, leaves in needed.identify.items():
        asked.update(_ask(table, rows[table], leaves, missing))
    counts = {} if shows_all else lists.counts()
    values = await _get(device, asked | counts, needed.secret)
    taken = [table for table in needed.identify if table in known]
    if taken and (isinstance(values, Fault) or not _has_rows(values, rows, taken, needed)):
        return await read(device, blueprint, intent, missing, shows_all=shows_all)
    if isinstance(values, Fault):
        return values
    told = {table: values.pop(path).text for path, table in counts.items() if path in values}
    hidden = lists.hidden(told)
    tree = Tree(blueprint, values, chain.from_iterable(rows.values()))
    more: dict[str, str] = {}
    for base, wanted in _rows_in_question(blueprint, intent, tree):
        for (start, table), leaves in needed.leaves.items():
            row = tree.reach(table, base, wanted) if start == base else None
            if row is not None:
                more.update(_ask(blueprint.tables[table], [row.path], leaves, missing))
    more = {path: name for path, name in more.items() if path not in asked}
    rest = await _get(device, more, needed.secret)
    if isinstance(rest, Fault):
        return rest
    values |= rest
    asked |= more
    answered = {asked[path] for path in values if path in asked}
    absent = {
        table
        for table in rows
        if not rows[table] and lists.unknown(table) and table not in needed.growing
    }
    absent.update(
        path if name in answered else name
        for path, name in asked.items()
        if path not in values and name in needed.optional
    )
    return Reading(
        values,
        tuple(sorted(absent)),
        frozenset(asked),
        {table: frozenset(paths) for table, paths in rows.items()},
        frozenset(path for path, name in asked.items() if name in needed.secret),
        {table: frozenset(paths) for table, paths in rows.items() if table not in known},
        hidden,
        () if shows_all else _unseen(asked, values, needed, (*hidden, *lists.empty())),
    )


def _unseen(
    asked: Mapping[str, str],
    values: Mapping[str, Value],
    needed: Reads,
    tables: Iterable[str],
) -> tuple[str, ...]:
    # Rows of a connection are there only once it was built.
    growing = {table.removesuffix(f"{ROW}.") for table in needed.growing}
    leaves = (
        name for path, name in asked.items() if path not in values and name not in needed.optional
    )
    return tuple(dict.fromkeys((*(table for table in tables if table not in growing), *leaves)))


def _has_rows(
    values: Mapping[str, Value], rows: Mapping[str, list[str]], tables: list[str], needed: Reads
) -> bool:
    """Tell whether the device answered for each row of ``tables`` that it was asked about."""
    return all(
        any(row + leaf in values for leaf in needed.identify[table])
        for table in tables
        if needed.identify[table]
        for row in rows[table]
    )


def _ask(
    table: str, rows: Iterable[str], leaves: tuple[str, ...], missing: frozenset[str]
) -> dict[str, str]:
    """Return the paths to ask for, each with its name with ``{i}``."""
    return {
        row + leaf: table + leaf
        for row in rows
        for leaf in leaves
        if missing.isdisjoint((table + leaf, row + leaf))
    }


async def _get(
    device: DataModel, asked: Mapping[str, str], secret: frozenset[str]
) -> dict[str, Value] | Fault:
    if not asked:
        return {}
    answer = await device.get(*asked)
    if isinstance(answer, Fault):
        return answer
    return {
        path: Value("", value.type) if asked.get(path) in secret else value
        for path, value in answer.values.items()
    }


def _rows_in_question(
    blueprint: Blueprint, intent: Intent, tree: Tree
) -> Iterator[tuple[str, Row]]:
    """Yield the rows the wishes are about, each with its table."""
    for wifi in tables_in_question(intent, blueprint):
        yield from ((wifi.network, row) for row in rows_in_question(wifi, intent, tree))
    if intent.voice and (voice := blueprint.voice):
        lines = tree.rows(voice.line)
        for line in intent.voice:
            if 1 <= line.line <= len(lines):
                yield voice.line, lines[line.line - 1]


class _Gathering:
    """Collects the places that settings use."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._identify: dict[str, dict[str, None]] = {}
        self._leaves: dict[tuple[str, str], dict[str, None]] = {}
        self._paths: dict[str, None] = {}
        self._secret: set[str] = set()
        self._optional: set[str] = set()
        self._required: set[str] = set()
        self._growing: set[str] = set()

    def result(self) -> Reads:
        return Reads(
            identify={table: tuple(leaves) for table, leaves in self._identify.items()},
            leaves={tables: tuple(leaves) for tables, leaves in self._leaves.items()},
            paths=tuple(self._paths),
            secret=frozenset(self._secret),
            optional=frozenset(self._optional - self._required),
            growing=frozenset(self._growing),
        )

    def wifi(self, wifi: Wifi, intent: Intent) -> None:
        base = wifi.network
        self._witness(base, wifi.settings)
        for place in identifying(wifi):
            self._identifying(place, base)
        if wifi.steering:
            self.place(Place("", wifi.steering), base, optional=True)
        for name in PLAIN_SETTINGS:
            if any(getattr(network, name) is not None for network in intent.wifi):
                self.setting(wifi.settings.get(name), base)
        if any(network.enabled for network in intent.wifi):
            self._constants(wifi.also, base)
        for radio in intent.radios:
            for name, _ in radio_wishes(radio, wifi):
                self.setting(wifi.radio.get(name), base)
        keys = {raw_key(network.passphrase) for network in intent.wifi if network.passphrase}
        for raw in sorted(keys):
            self.setting(wifi.hex_key if raw else wifi.settings.get("passphrase"), base)
        wishes = {network.security for network in intent.wifi if network.security}
        if wishes & {Security.WPA3, Security.WPA2_WPA3}:
            self.setting(wifi.sae, base)
        if wishes and (rule := wifi.security):
            self.place(rule.mode, base)
            if rule.supported:
                self.place(rule.supported, base, optional=True)
            for wish in sorted(wishes):
                self._constants(rule.also.get(wish, ()), base)

    def voice(self, voice: Voice, intent: Intent) -> None:
        self._witness(voice.line, voice.settings)
        self._constants(voice.also, voice.line)
        for name in VOICE_SETTINGS:
            if any(voice_wish(line, name) is not None for line in intent.voice):
                self.setting(voice.settings.get(name), voice.line)

    def wan(self, wan: WanPlaces, wish: Wan) -> None:
        """Read every row that plays a part: which one is meant only shows in comparison."""
        for table in wan.tables:
            self._row_of(table, "")
            self._growing.add(self._blueprint.tables[table])
        for table, leaf in told_of_rows(wan):
            self._row_of(table, leaf)
        for place, secret in places_for(wan, wish):
            if place.table:
                self._row_of(place.table, place.leaf)
            else:
                self.place(place, "", secret=secret, optional=True)
            if secret:
                self._secret.add(self._name(place))

    def _row_of(self, table: str, leaf: str) -> None:
        leaves = self._identify.setdefault(self._blueprint.tables[table], {})
        if leaf:
            leaves[leaf] = None
            self._optional.add(self._blueprint.tables[table] + leaf)

    def setting(self, setting: Setting | None, base: str) -> None:
        if setting is None:
            return
        for place in setting.write:
            self.place(place, base, secret=setting.secret)
        for place in (*setting.first_of, *setting.if_present):
            self.place(place, base, secret=setting.secret, optional=True)
        if setting.supported:
            self.place(setting.supported, base, optional=True)
        self._constants(setting.also, base)

    def shown(self, setting: Setting | None) -> None:
        """Read a setting along that nothing is compared with."""
        for place in setting.write if setting is not None else ():
            self.place(place, "", optional=True)

    def place(
        self, place: Place, base: str, *, secret: bool = False, optional: bool = False
    ) -> None:
        if place.table:
            self._list(place.table, base)
            self._leaves.setdefault((base, place.table), {})[place.leaf] = None
        else:
            self._paths[place.leaf] = None
        name = self._name(place)
        if secret:
            self._secret.add(name)
        (self._optional if optional else self._required).add(name)

    def _constants(self, constants: Iterable[Constant], base: str) -> None:
        for constant in constants:
            self.place(constant.place, base, optional=True)

    def _witness(self, base: str, settings: Mapping[str, Setting]) -> None:
        """Read one leaf of every row: rows count in order, so all must be known."""
        self._list(base, base)
        places = (place for setting in settings.values() for place in setting.write)
        witness = next((place for place in places if place.table == base), None)
        if witness is not None:
            self._identify[self._blueprint.tables[base]][witness.leaf] = None

    def _identifying(self, place: Place, base: str) -> None:
        if not place.table:
            self.place(place, base, optional=True)
            return
        self._list(place.table, base)
        self._identify[self._blueprint.tables[place.table]][place.leaf] = None
        self._optional.add(self._name(place))

    def _list(self, table: str, base: str) -> None:
        """Have ``table`` listed, and the references read that lead to it from ``base``."""
        tables = self._blueprint.tables
        self._identify.setdefault(tables[table], {})
        if table == base or tables[base].startswith(tables[table]):
            return
        join = self._blueprint.joins[table]
        if join.reference:
            self._identifying(Place(join.start, join.reference), base)
        else:
            self._list(join.start, base)

    def _name(self, place: Place) -> str:
        return self._blueprint.tables[place.table] + place.leaf if place.table else place.leaf
