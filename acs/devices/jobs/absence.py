"""What a model does not have, learned while its health is read and asked for no more.

One unknown name has a whole request refused (TR-069 A.3.2.2), so asking again each time costs
requests.  That a read found nothing proves little: a table without rows answers so too on some
devices.  So the objects above are listed, and only what is no table and not listed is absent.
"""

from __future__ import annotations

from collections.abc import Iterable

from acs.devices.effects import ForgetMissing
from acs.devices.ledger import Ledger
from acs.devices.vocabulary import general, model_key
from acs.model import DataModel, Names
from acs.profiles import Blueprint
from acs.profiles.blueprint import ROW

PURPOSE = "health"
"""Stands in the payload of a read that asks for what families tell of their health."""
MAX_LISTS = 24
"""Requests that are spent on it, once per model and firmware."""


def known_absent(ledger: Ledger, paths: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``paths`` that the model is known not to have."""
    missing = ledger.house.missing(model_key(ledger.device))
    return tuple(path for path in paths if path in missing)


async def learn_absent(ledger: Ledger, line: DataModel, unanswered: Iterable[str]) -> None:
    """Find out which of the ``unanswered`` paths the model does not have, and keep that."""
    blueprint, device = ledger.blueprint(), ledger.device
    known = bool(device.model and device.software)
    if blueprint is None or not known or not ledger.contact.shows_all:
        return
    tree = _Listed(line, _tables(blueprint), MAX_LISTS)
    absent = tuple([path for path in unanswered if await tree.lacks(path)])
    if absent:
        ledger.learn(ForgetMissing(model_key(device), absent))


def _tables(blueprint: Blueprint) -> frozenset[str]:
    """The tables of a family's health, with ``{i}`` for the rows above them."""
    rows = blueprint.health.rows.values() if blueprint.health else ()
    return frozenset(table.removesuffix(f"{ROW}.") for places in rows for table in places.tables)


class _Listed:
    """What the device lists below the objects that were looked at."""

    def __init__(self, line: DataModel, tables: frozenset[str], most: int) -> None:
        self._line = line
        self._tables = tables
        self._left = most
        self._names: dict[str, frozenset[str]] = {}

    async def lacks(self, path: str) -> bool:
        """Tell whether the device surely does not have ``path``, now or later."""
        place, rest = path.partition(".")[0] + ".", path.partition(".")[2]
        while rest:
            head, dot, rest = rest.partition(".")
            names = await self._below(place)
            place += head + dot
            if place not in names:
                return bool(names) and not self._may_come(place, rest)
        return False

    def _may_come(self, path: str, rest: str) -> bool:
        """A row comes and goes, and a table may be left out while it has none."""
        is_row = path.removesuffix(".").rpartition(".")[2].isdecimal()
        return is_row or rest.partition(".")[0].isdecimal() or general(path) in self._tables

    async def _below(self, place: str) -> frozenset[str]:
        """Names right below ``place``; none when the device does not say."""
        if place not in self._names:
            if self._left <= 0:
                return frozenset()
            self._left -= 1
            answer = await self._line.list(place)
            entries = answer.entries if isinstance(answer, Names) else ()
            self._names[place] = frozenset(entry.path for entry in entries)
        return self._names[place]
