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
from erp_bridge.client import ErpClient
from erp_bridge.equipment import (
    equipment_of,
    intent_of,
    modified_of,
    passwords_set,
    type_of,
)
from erp_bridge.errors import ErpMisconfigured, ErpRejected
from erp_bridge.mapping import PASSWORDS, REQUIRED, Mapping, fields, site_fields
from erp_bridge.passwords import Wanted, read_passwords
from erp_bridge.spelling import filters_of

MAX_ROWS = 2000
"""Rows of one answer; a query that fills it is asked again in halves."""


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

    def search(self, terms: Sequence[Terms]) -> list[Read | Unread]:
        """Return all equipment of our types that fits any of ``terms``. Raises `ErpError`."""
        return self._complete(self._matching(terms))

    def by_name(self, known: Known[str, str]) -> list[Read | Unread | Unchanged]:
        """Return the equipment of these names; ``known`` gives each its ``modified`` or "".

        A name that is missing from the answer no longer exists, or is no longer ours.
        Raises `ErpError`.
        """
        rows = self._ours(self._list(names=list(known), limit=len(known)))
        changed: list[dict[str, Any]] = []
        unchanged: list[Unchanged] = []
        for row in rows:
            name = str(row["name"])
            modified = modified_of(row, self._mapping)
            if modified and modified == known.get(name):
                unchanged.append(Unchanged(name))
            else:
                changed.append(row)
        return [*self._complete(changed), *unchanged]

    def _matching(self, terms: Sequence[Terms]) -> list[dict[str, Any]]:
        rows = self._list(terms=terms, limit=MAX_ROWS)
        if len(rows) < MAX_ROWS or len(terms) == 1:
            return rows
        half = len(terms) // 2
        both = self._matching(terms[:half]) + self._matching(terms[half:])
        return list({str(row["name"]): row for row in both}.values())

    def _list(
        self, *, names: Sequence[str] = (), terms: Sequence[Terms] = (), limit: int
    ) -> list[dict[str, Any]]:
        """List by name or by terms, with ever fewer fields until the site takes the query."""
        while True:
            without = self._without
            or_filters = filters_of(terms, self._mapping, without=without)
            if not names and not or_filters:
                return []
            try:
                return self._client.get_list(
                    self._mapping.equipment.doctype,
                    fields(self._mapping, without=without),
                    filters=[["name", "in", names]] if names else (),
                    or_filters=or_filters,
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

    def _ours(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if self._mapping.is_ours(type_of(row, self._mapping))]

    def _complete(self, rows: Iterable[dict[str, Any]]) -> list[Read | Unread]:
        """Read the passwords of ``rows`` and make each an equipment with its wish."""
        mapping = self._mapping
        named = {str(row["name"]): row for row in self._ours(rows)}
        hidden = tuple(o for o in PASSWORDS if o in self._without & site_fields(mapping).keys())
        wanted = [
            Wanted(name, fields=shown, unsure=hidden, modified=str(row.get("modified") or ""))
            for name, row in named.items()
            if (shown := passwords_set(row, mapping)) or hidden
        ]
        passwords = read_passwords(self._client, mapping, wanted)
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
