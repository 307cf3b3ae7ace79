"""Where a device family keeps its connections, and how one is built: the ``[wan]`` table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acs.profiles.blueprint import ROW, Constant, Join, Place, Setting
from acs.profiles.blueprint_places import PlaceReader
from acs.profiles.blueprint_schema import WAN_SETTINGS, Path
from acs.profiles.intent import Wan

MODES = ("pppoe", "ipoe")
NAME = "{name}"
"""Stands in a build step for the name that our rows carry."""
_SYMBOL = re.compile(r"\{([A-Za-z0-9_|-]+)\}")


@dataclass(frozen=True, slots=True)
class Medium:
    """Something a connection can stand on; the first one a device has is the one that counts."""

    name: str
    table: str
    leaf: str
    """Boolean leaf that must be true; empty: any row will do."""


@dataclass(frozen=True, slots=True)
class ModeRule:
    """How the mode of a connection is told; what nothing tells is never touched."""

    places: tuple[Place, ...]
    words: Mapping[str, str]
    """A mode, or empty: what comes next tells."""
    tables: Mapping[str, str]
    """Mode by the table of the connection."""
    layers: Mapping[str, str]
    """Mode by the first of these tables that stands below the connection."""


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """How it is told what a connection is for."""

    place: Place
    wanted: str
    """The word for the Internet; the leaf holds a list with commas."""
    keep: tuple[str, ...]
    """Words that are never taken from a connection that has them."""


@dataclass(frozen=True, slots=True)
class BuildStep:
    """One step of building a connection: a row that is created, then a request, each optional."""

    name: str
    add: str
    """Table of the row; its name is the symbol of the row in later steps."""
    find: tuple[str, ...]
    """Leaves by which a row that is already there is known: one that holds what is set here."""
    modes: tuple[str, ...]
    """Empty: all."""
    medium: str
    needs: tuple[str, ...]
    """Wishes without which the step is left out."""
    set: tuple[Constant, ...]
    """``{ppp}`` as a value is the path of that row, ``{ppp|vlan}`` that of the first of these
    that the connection has, ``{name}`` our name."""
    also: tuple[Constant, ...]
    """The same, where the row has the leaf."""
    wish: tuple[str, ...]
    """Settings of the wish that are written here, in place of a constant for the same leaf."""


@dataclass(frozen=True, slots=True)
class WanPlaces:
    """All that a family's blueprint says of connections."""

    connections: tuple[str, ...]
    """Tables whose rows are connections."""
    layers: tuple[str, ...]
    """Tables that may stand below."""
    reference: str
    """Leaf that names the row below; empty: the tables lie inside each other."""
    final_dot: bool
    """References are written with their last dot."""
    alias: str
    """Leaf that holds our name in the rows we create."""
    name: str
    media: tuple[Medium, ...]
    mode: ModeRule
    service: ServiceRule | None
    enable: tuple[Place, ...]
    """Switches that go on together at the end, the lowest layer first."""
    disable: tuple[Place, ...]
    """Switches that go off before a running connection is changed; empty: it stays on."""
    separate: bool
    """Off, VLAN, account and on each get a request of their own."""
    settings: Mapping[str, Setting]
    build: tuple[BuildStep, ...]

    def name_for(self, mode: str) -> str:
        """Return the name that rows we create for ``mode`` carry."""
        return f"{self.name}_{mode}"

    @property
    def tables(self) -> frozenset[str]:
        """Every table that plays a part."""
        return frozenset(
            (
                *self.connections,
                *self.layers,
                *(medium.table for medium in self.media),
                *(step.add for step in self.build if step.add),
                *(place.table for place in self.places if place.table),
            )
        )

    @property
    def places(self) -> Iterator[Place]:
        """Every place that is read or written."""
        yield from self.mode.places
        if self.service:
            yield self.service.place
        yield from (*self.enable, *self.disable)
        for setting in self.settings.values():
            yield from setting.places
        for step in self.build:
            yield from (constant.place for constant in (*step.set, *step.also))


def read_wan(reader: PlaceReader, data: Mapping[str, Any] | None) -> WanPlaces | None:
    """Make the places of a ``[wan]`` table of the right shape; mistakes are complained of."""
    if not data:
        return None
    connections = tuple(data.get("connections", ()))
    if not connections:
        reader.complain(("wan",), "wan.connections is missing")
        return None
    return _Reader(reader, data, connections).places()


class _Reader:
    """Reads the parts; every table of the blueprint can be seen from a connection."""

    def __init__(
        self, reader: PlaceReader, data: Mapping[str, Any], connections: tuple[str, ...]
    ) -> None:
        self._data = data
        self._connections = connections
        self._base = connections[0]
        self._complain = reader.complain
        near = {table: Join(self._base) for table in reader.tables}
        self._reader = PlaceReader(reader.tables, near, reader.complain)

    def places(self) -> WanPlaces:
        data = self._data
        layers = tuple(data.get("layers", ()))
        for key, tables in (("connections", self._connections), ("layers", layers)):
            self._words(tables, self._reader.tables, ("wan", key))
        if layers and not data.get("reference"):
            self._complain(("wan", "layers"), "wan.layers needs wan.reference")
        media = tuple(self._media(data.get("media", {})))
        build = tuple(
            self._step(name, step, [medium.name for medium in media])
            for name, step in data.get("build", {}).items()
            if step
        )
        if build and not data.get("alias"):
            self._complain(("wan", "build"), "wan.build needs wan.alias, to know its rows again")
        return WanPlaces(
            connections=self._connections,
            layers=layers,
            reference=data.get("reference", ""),
            final_dot=data.get("final_dot", False),
            alias=data.get("alias", ""),
            name=data.get("name", "gigafibre"),
            media=media,
            mode=self._mode(data.get("mode", {})),
            service=self._service(data.get("service")),
            enable=self._places("enable"),
            disable=self._places("disable"),
            separate=data.get("separate", False),
            settings=self._reader.settings(data.get("set", {}), ("wan", "set"), self._base),
            build=build,
        )

    def _places(self, key: str) -> tuple[Place, ...]:
        return self._reader.places(self._data.get(key, ()), ("wan", key), self._base)

    def _words(self, words: Iterable[str], known: Iterable[str], path: Path) -> None:
        names = tuple(known)
        for word in words:
            self._reader.word(word, names, path)

    def _media(self, data: Mapping[str, str]) -> Iterator[Medium]:
        for name, text in data.items():
            table, _, leaf = text.partition(":")
            self._reader.word(table, self._reader.tables, ("wan", "media", name))
            yield Medium(name, table, leaf)

    def _mode(self, data: Mapping[str, Any]) -> ModeRule:
        path = ("wan", "mode")
        words = data.get("words", {})
        tables, layers = data.get("tables", {}), data.get("layers", {})
        self._words(words.values(), ("", *MODES), (*path, "words"))
        for key, part in (("tables", tables), ("layers", layers)):
            self._words(part, self._reader.tables, (*path, key))
            self._words(part.values(), MODES, (*path, key))
        if not (words or tables or layers):
            self._complain(path, "wan.mode is missing: nothing tells pppoe from ipoe")
        places = self._reader.places(data.get("from", ()), (*path, "from"), self._base)
        return ModeRule(places, words, tables, layers)

    def _service(self, data: Mapping[str, Any] | None) -> ServiceRule | None:
        if not data:
            return None
        path = ("wan", "service")
        for key in ("from", "wanted"):
            if not data.get(key):
                self._complain(path, f"wan.service.{key} is missing")
        if not data.get("from"):
            return None
        place = self._reader.place(data["from"], (*path, "from"), self._base)
        return ServiceRule(place, data.get("wanted", ""), tuple(data.get("keep", ())))

    def _step(self, name: str, data: Mapping[str, Any], media: list[str]) -> BuildStep:
        path = ("wan", "build", name)
        add, medium = data.get("add", ""), data.get("medium", "")
        if add and self._reader.word(add, self._reader.tables, (*path, "add")):
            self._check_nesting(add, path)
        if medium:
            self._reader.word(medium, media, (*path, "medium"))
        self._words(data.get("modes", ()), MODES, (*path, "modes"))
        for key in ("needs", "wish"):
            self._words(data.get(key, ()), WAN_SETTINGS, (*path, key))
        self._words(data.get("wish", ()), self._data.get("set", {}), (*path, "wish"))
        constants = {
            key: self._reader.constants(data.get(key, {}), (*path, key), self._base)
            for key in ("set", "also")
        }
        for key, some in constants.items():
            for constant in some:
                self._check_symbols(constant, (*path, key, str(constant.place)))
        return BuildStep(
            name,
            add,
            find=tuple(data.get("find", ())),
            modes=tuple(data.get("modes", ())),
            medium=medium,
            needs=tuple(data.get("needs", ())),
            set=constants["set"],
            also=constants["also"],
            wish=tuple(data.get("wish", ())),
        )

    def _check_nesting(self, table: str, path: Path) -> None:
        tables = self._reader.tables
        parents = (t for t in tables.values() if t != tables[table] and tables[table].startswith(t))
        inside = max(parents, key=len, default="")
        if tables[table].removeprefix(inside).count(ROW) != 1:
            text = f"{'.'.join(path)}.add: {tables[table]} lies in a table that has no name here"
            self._complain((*path, "add"), text)

    def _check_symbols(self, constant: Constant, path: Path) -> None:
        if constant.value != NAME:
            self._words(symbols_of(constant.value), self._reader.tables, path)


def told_of_rows(places: WanPlaces) -> Iterator[tuple[str, str]]:
    """Yield table and leaf of all by which rows are told apart."""
    if places.alias:
        yield from ((step.add, places.alias) for step in places.build if step.add)
    for table in (*places.connections, *places.layers):
        if places.reference:
            yield table, places.reference
    for medium in places.media:
        if medium.leaf:
            yield medium.table, medium.leaf
    for step in places.build:
        yield from ((step.add, leaf) for leaf in step.find)


def places_for(places: WanPlaces, wish: Wan) -> Iterator[tuple[Place, bool]]:
    """Yield every place that matters for ``wish``, and whether it holds a secret."""
    service = [places.service.place] if places.service else []
    for place in (*places.mode.places, *service, *places.enable, *places.disable):
        yield place, False
    for name, setting in places.settings.items():
        if getattr(wish, name) is not None:
            mains = (*setting.write, *setting.first_of, *setting.if_present)
            yield from ((place, setting.secret) for place in mains)
            yield from ((constant.place, False) for constant in setting.also)
    for step in places.build:
        if not step.modes or wish.mode in step.modes:
            yield from ((constant.place, False) for constant in (*step.set, *step.also))


def symbols_of(value: bool | int | str) -> tuple[str, ...]:
    """Return ``ppp`` and ``vlan`` of ``{ppp|vlan}``; nothing when ``value`` is a plain one."""
    found = _SYMBOL.fullmatch(value) if isinstance(value, str) else None
    return tuple(found[1].split("|")) if found else ()
