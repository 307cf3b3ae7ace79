"""What must be known of a device before an intent can be compared with it, and the reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from acs.model import DataModel, Fault, Value
from acs.profiles.blueprint import ROW, Blueprint, Constant, Place, Setting
from acs.profiles.blueprint_schema import VOICE_SETTINGS
from acs.profiles.intent import Intent, Security, raw_key
from acs.profiles.plan import management_wishes
from acs.profiles.tree import row_pattern
from acs.profiles.voice import voice_wish
from acs.profiles.wifi import identifying

MAX_ROWS = 64
"""Rows of one table that are looked at; a device that claims more is read no further."""
ABSENT = frozenset((9005, 7010, 7016, 7026))
"""Faults that mean there is no such path (TR-069 A.5, TR-369 error codes)."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Leaves to read: of every row of some tables, and at fixed paths."""

    tables: Mapping[str, tuple[str, ...]]
    """Leaves by the path of the table, ``Device.WiFi.SSID.{i}.``."""
    paths: tuple[str, ...]
    secret: frozenset[str]
    """Those of both, in the form with ``{i}``, whose value is not kept."""
    optional: frozenset[str]
    """Those a model may lack; once known, they are asked for no more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a device answered; secret leaves are there with an empty value."""

    values: Mapping[str, Value]
    missing: tuple[str, ...]
    """Optional leaves and tables it does not have, in the form with ``{i}``."""


def reads(blueprint: Blueprint, intent: Intent) -> Reads:
    """Say which tables and leaves the comparison with ``intent`` needs."""
    gathering = _Gathering(blueprint)
    if intent.wifi and blueprint.wifi:
        gathering.wifi(intent)
    if intent.voice and blueprint.voice:
        gathering.voice(intent)
    for name, _ in management_wishes(intent):
        gathering.setting(blueprint.management.get(name), "")
    if intent.admin_password is not None:
        gathering.setting(blueprint.admin, "")
    if blueprint.marker:
        gathering.place(Place("", blueprint.marker), "", optional=True)
    return gathering.result()


async def read(device: DataModel, needed: Reads, missing: frozenset[str]) -> Reading | Fault:
    """Enumerate the tables, then read all leaves with one Get.

    ``missing``: optional names this model is known not to have (`Reading.missing` of an
    earlier session).  A refused List of an unknown table means no rows; any other refusal
    is returned.
    """
    asked: dict[str, str] = {}
    absent: set[str] = set()
    lists = _Lists(device)
    for table, leaves in needed.tables.items():
        if table in missing:
            continue
        rows = await lists.rows(table)
        if isinstance(rows, Fault):
            return rows
        if not rows and lists.unknown(table):
            absent.add(table)
        for row in rows:
            for leaf in leaves:
                if missing.isdisjoint((table + leaf, row + leaf)):
                    asked[row + leaf] = table + leaf
    asked.update((path, path) for path in needed.paths if path not in missing)
    if not asked:
        return Reading({}, tuple(sorted(absent)))
    answer = await device.get(*asked)
    if isinstance(answer, Fault):
        return answer
    values = {
        path: Value("", value.type) if asked.get(path) in needed.secret else value
        for path, value in answer.values.items()
    }
    answered = {asked[path] for path in values if path in asked}
    for path, name in asked.items():
        if path not in values and name in needed.optional:
            absent.add(path if name in answered else name)
    return Reading(values, tuple(sorted(absent)))


def covered(needed: Reads, path: str) -> bool:
    """Tell whether ``path`` is among what was read, so that its absence means it is gone."""
    if path in needed.paths:
        return True
    return any(
        (row := row_pattern(table).match(path)) and path[row.end() :] in leaves
        for table, leaves in needed.tables.items()
    )


class _Lists:
    """Lists rows level by level, each path once."""

    def __init__(self, device: DataModel) -> None:
        self._device = device
        self._listed: dict[str, list[str]] = {}
        self._unknown: set[str] = set()

    async def rows(self, table: str) -> list[str] | Fault:
        """Return the paths of the rows of ``table``."""
        paths = [""]
        for step in table.split(ROW + ".")[:-1]:
            found: list[str] = []
            for path in paths:
                rows = await self._instances(path + step)
                if isinstance(rows, Fault):
                    return rows
                found.extend(rows)
            paths = found[:MAX_ROWS]
        return paths

    def unknown(self, table: str) -> bool:
        """Tell whether the device has no such table, rather than one without rows."""
        stem = table.partition(ROW)[0]
        return any(path.startswith(stem) for path in self._unknown)

    async def _instances(self, path: str) -> list[str] | Fault:
        if path not in self._listed:
            names = await self._device.list(path, next_level=True)
            if isinstance(names, Fault):
                if names.code not in ABSENT:
                    return names
                self._unknown.add(path)
                self._listed[path] = []
            else:
                rows = {
                    int(number): entry.path
                    for entry in names.entries
                    if (number := entry.path.removeprefix(path).removesuffix(".")).isdecimal()
                    and entry.path.endswith(".")
                }
                self._listed[path] = [rows[number] for number in sorted(rows)][:MAX_ROWS]
        return self._listed[path]


class _Gathering:
    """Collects the places that settings use."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._tables: dict[str, dict[str, None]] = {}
        self._paths: dict[str, None] = {}
        self._secret: set[str] = set()
        self._optional: set[str] = set()
        self._required: set[str] = set()

    def result(self) -> Reads:
        return Reads(
            tables={table: tuple(leaves) for table, leaves in self._tables.items()},
            paths=tuple(self._paths),
            secret=frozenset(self._secret),
            optional=frozenset(self._optional - self._required) | frozenset(self._tables),
        )

    def wifi(self, intent: Intent) -> None:
        wifi = self._blueprint.wifi
        assert wifi is not None
        base = wifi.network
        self._table(base)
        for place in identifying(wifi):
            self.place(place, base, optional=True)
        if wifi.steering:
            self.place(Place("", wifi.steering), base, optional=True)
        for name in ("ssid", "enabled", "hidden"):
            if any(getattr(network, name) is not None for network in intent.wifi):
                self.setting(wifi.settings.get(name), base)
        keys = {raw_key(network.passphrase) for network in intent.wifi if network.passphrase}
        for raw in keys:
            self.setting(wifi.hex_key if raw else wifi.settings.get("passphrase"), base)
        wishes = {network.security for network in intent.wifi if network.security}
        if wishes & {Security.WPA3, Security.WPA2_WPA3}:
            self.setting(wifi.sae, base)
        if wishes and (rule := wifi.security):
            self.place(rule.mode, base)
            if rule.supported:
                self.place(rule.supported, base, optional=True)
            for wish in wishes:
                self._constants(rule.also.get(wish, ()), base)

    def voice(self, intent: Intent) -> None:
        voice = self._blueprint.voice
        assert voice is not None
        self._table(voice.line)
        self._constants(voice.also, voice.line)
        for name in VOICE_SETTINGS:
            if any(voice_wish(line, name) is not None for line in intent.voice):
                self.setting(voice.settings.get(name), voice.line)

    def setting(self, setting: Setting | None, base: str) -> None:
        if setting is None:
            return
        for place in setting.write:
            self.place(place, base, secret=setting.secret)
        for place in (*setting.first_of, *setting.if_present):
            self.place(place, base, secret=setting.secret, optional=True)
        self._constants(setting.also, base)

    def _constants(self, constants: Iterable[Constant], base: str) -> None:
        for constant in constants:
            self.place(constant.place, base, optional=True)

    def place(
        self, place: Place, base: str, *, secret: bool = False, optional: bool = False
    ) -> None:
        name = place.leaf
        if place.table:
            self._table(place.table)[place.leaf] = None
            name = self._blueprint.tables[place.table] + place.leaf
            for reference in self._references(place.table, base):
                self.place(reference, base, optional=True)
        else:
            self._paths[place.leaf] = None
        if secret:
            self._secret.add(name)
        (self._optional if optional else self._required).add(name)

    def _table(self, table: str) -> dict[str, None]:
        return self._tables.setdefault(self._blueprint.tables[table], {})

    def _references(self, table: str, base: str) -> Iterator[Place]:
        """Yield the references that lead from ``base`` to ``table``."""
        tables = self._blueprint.tables
        if table == base or tables[base].startswith(tables[table]):
            return
        join = self._blueprint.joins[table]
        self._table(join.start)
        if join.reference:
            yield Place(join.start, join.reference)
        yield from self._references(join.start, base)
