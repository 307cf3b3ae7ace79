"""Fetch equipment and wishes from ERPNext in bulk. Blocking; runs in a worker thread.

One list query finds the equipment of many devices, one call of the secrets script reads their
passwords. A field the site refuses is dropped and remembered, so that one wrong name costs
that field and not the batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Known
from dataclasses import dataclass
from typing import Any

from acs.devices.identity import Equipment, Terms
from acs.profiles.intent import Intent
from erp_bridge.client import ErpClient, Filters
from erp_bridge.equipment import (
    equipment_of,
    intent_of,
    modified_of,
    passwords_set,
    type_of,
)
from erp_bridge.errors import ErpMisconfigured, ErpRejected
from erp_bridge.mapping import PASSWORDS, REQUIRED, Mapping, fields, site_fields
from erp_bridge.passwords import BATCH, Wanted, read_passwords
from erp_bridge.progress import Place
from erp_bridge.spelling import filters_of

MAX_ROWS = 2000
"""Rows of one answer; a query that fills it is asked again in halves."""


_Which = tuple[Filters, Filters]
"""Filters of which all must hold, and those of which one must."""


@dataclass(frozen=True, slots=True)
class Read:
    """One equipment as it stands in ERPNext."""

    equipment: Equipment
    intent: Intent


@dataclass(frozen=True, slots=True)
class Unread:
    """An equipment that exists, but whose wish cannot be read whole."""

    equipment: Equipment
    reason: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An equipment whose ``modified`` is the one already known."""

    name: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the whole list, without its passwords."""

    place: Place
    equipment: Equipment | None
    """None: it is not of our types."""
    row: Known[str, Any]


class Lookup:
    """Bulk reads of the equipment doctype through ``client``, as ``mapping`` says.

    ``dropped`` hears, in the worker thread, the site's name of each field the site refuses.
    """

    def __init__(
        self,
        client: ErpClient,
        mapping: Mapping,
        dropped: Callable[[str], None] = lambda field: None,
    ) -> None:
        self._client = client
        self._mapping = mapping
        self._dropped = dropped
        self._without: frozenset[str] = frozenset()
        self._batch = BATCH

    def search(self, terms: Sequence[Terms]) -> list[Read | Unread]:
        """Return all equipment of our types that fits any of ``terms``. Raises `ErpError`."""
        return self._complete(self._matching(terms))

    def by_name(self, known: Known[str, str]) -> list[Read | Unread | Unchanged]:
        """Return the equipment of these names; ``known`` gives each its ``modified`` or "".

        A name that is missing from the answer no longer exists, or is no longer ours.
        Raises `ErpError`.
        """
        rows = self._ours(self._named(list(known)))
        changed: list[Known[str, Any]] = []
        unchanged: list[Unchanged] = []
        for row in rows:
            name = str(row["name"])
            modified = modified_of(row, self._mapping)
            if modified and modified == known.get(name):
                unchanged.append(Unchanged(name))
            else:
                changed.append(row)
        return [*self._complete(changed), *unchanged]

    def page(self, after: Place | None, limit: int) -> list[Listed]:
        """Return the next rows of the whole list, in the order of ``modified`` and name.

        It goes on behind ``after``, whether or not that row is still there; ``None`` begins it.
        Raises `ErpError`.
        """
        filters: Filters = ()
        or_filters: Filters = ()
        if after is not None:
            filters = [["modified", ">=", after.modified]]
        if after is not None and after.name:
            # With the filter above: later, or of the same moment and behind it by name.
            or_filters = [["modified", ">", after.modified], ["name", ">", after.name]]
        rows = self._list(
            lambda without: (filters, or_filters), limit, order_by="modified asc, name asc"
        )
        return [self._listed(row) for row in rows]

    def read(self, listed: Iterable[Listed]) -> list[Read | Unread]:
        """Return rows of a `page` whole, with their passwords. Raises `ErpError`."""
        return self._complete(one.row for one in listed)

    def existing(self, names: Sequence[str]) -> frozenset[str]:
        """Return those of ``names`` that exist and are ours. Raises `ErpError`."""
        return frozenset(str(row["name"]) for row in self._ours(self._named(names)))

    def lists_any(self) -> bool:
        """Tell whether the site shows us any equipment at all. Raises `ErpError`."""
        return bool(self._client.get_list(self._mapping.equipment.doctype, ["name"], limit=1))

    def _listed(self, row: dict[str, Any]) -> Listed:
        place = Place(str(row.get("modified") or ""), str(row["name"]))
        ours = self._mapping.is_ours(type_of(row, self._mapping))
        return Listed(place, equipment_of(row, self._mapping) if ours else None, row)

    def _named(self, names: Sequence[str]) -> list[dict[str, Any]]:
        if not names:
            return []
        return self._list(lambda without: ([["name", "in", list(names)]], ()), len(names))

    def _matching(self, terms: Sequence[Terms]) -> list[dict[str, Any]]:
        def fitting(without: frozenset[str]) -> _Which | None:
            or_filters = filters_of(terms, self._mapping, without=without)
            return ((), or_filters) if or_filters else None

        rows = self._list(fitting, MAX_ROWS)
        if len(rows) < MAX_ROWS or len(terms) == 1:
            return rows
        half = len(terms) // 2
        both = self._matching(terms[:half]) + self._matching(terms[half:])
        return list({str(row["name"]): row for row in both}.values())

    def _list(
        self,
        which: Callable[[frozenset[str]], _Which | None],
        limit: int,
        *,
        order_by: str = "name asc",
    ) -> list[dict[str, Any]]:
        """List, with ever fewer fields until the site takes the query.

        ``which`` gives filters that spare the fields it refused; None: there is nothing to ask.
        """
        while True:
            without = self._without
            filters = which(without)
            if filters is None:
                return []
            try:
                return self._client.get_list(
                    self._mapping.equipment.doctype,
                    fields(self._mapping, without=without),
                    filters=filters[0],
                    or_filters=filters[1],
                    order_by=order_by,
                    limit=limit,
                )
            except ErpRejected as error:
                if error.exc_type != "DataError":
                    raise
                refused = self._refused(error, without)
                self._without |= refused
                for ours in refused:
                    self._dropped(site_fields(self._mapping)[ours])

    def _refused(self, error: ErpRejected, without: frozenset[str]) -> frozenset[str]:
        """Return our names of the fields that spoiled the query.

        The site's sentence may be in any language, but it spells the field's name.
        """
        asked = {k: v for k, v in site_fields(self._mapping).items() if k not in without}
        named = {
            ours
            for ours, theirs in asked.items()
            if re.search(rf"(?<![\w.]){re.escape(theirs)}(?![\w.])", error.text)
        }
        refused = frozenset(named or asked.keys() - set(REQUIRED))
        if not refused or refused & set(REQUIRED):
            needed = sorted(asked[ours] for ours in refused or REQUIRED if ours in REQUIRED)
            raise ErpMisconfigured(
                f"ERPNext refuses to list {', '.join(needed)} ({error.text})",
                "Name the right fields in the mapping; `acs doctor` compares it with the site",
                exc_type=error.exc_type,
            )
        return refused

    def _ours(self, rows: Iterable[Known[str, Any]]) -> list[Known[str, Any]]:
        return [row for row in rows if self._mapping.is_ours(type_of(row, self._mapping))]

    def _complete(self, rows: Iterable[Known[str, Any]]) -> list[Read | Unread]:
        """Read the passwords of ``rows`` and make each an equipment with its wish."""
        mapping = self._mapping
        named = {str(row["name"]): row for row in self._ours(rows)}
        hidden = tuple(o for o in PASSWORDS if o in self._without & site_fields(mapping).keys())
        wanted = [
            Wanted(name, fields=shown, unsure=hidden, modified=str(row.get("modified") or ""))
            for name, row in named.items()
            if (shown := passwords_set(row, mapping)) or hidden
        ]
        passwords = read_passwords(self._client, mapping, wanted, batch=self._batch)
        self._batch = passwords.batch
        gone = {one.name for one in wanted} - passwords.found.keys() - passwords.unreadable.keys()
        results: list[Read | Unread] = []
        for name, row in named.items():
            if name in gone:
                continue
            equipment = equipment_of(row, mapping)
            if reason := passwords.unreadable.get(name):
                results.append(Unread(equipment, reason))
            else:
                secrets = passwords.found.get(name, {})
                try:
                    results.append(Read(equipment, intent_of(row, secrets, mapping)))
                except ValueError as error:
                    results.append(Unread(equipment, str(error)))
        return results
