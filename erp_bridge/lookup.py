"""Fetch equipment and wishes from ERPNext in bulk. Blocking; runs in a worker thread.

One list query finds the equipment of many devices, one call of the secrets script reads their
passwords. A field the site refuses is dropped and remembered, so that one wrong name costs
that field and not the batch.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Mapping as Known
from dataclasses import dataclass
from typing import Any

from acs.devices.identity import Equipment, Terms, Treatment
from acs.model import Secret
from acs.profiles.intent import Intent
from erp_bridge.client import ErpClient, Filters
from erp_bridge.equipment import (
    equipment_of,
    intent_of,
    location_of,
    passwords_set,
    surrounded,
    type_of,
)
from erp_bridge.errors import ErpMisconfigured, ErpRejected
from erp_bridge.following import Around, Following, behind
from erp_bridge.mapping import PASSWORDS, REQUIRED, Mapping, fields, site_fields
from erp_bridge.neutral import Digest, neutral_intent
from erp_bridge.passwords import BATCH, Passwords, Wanted, read_passwords
from erp_bridge.progress import Place
from erp_bridge.services import served, services_of
from erp_bridge.spelling import filters_of
from erp_bridge.subscriptions import Subscriptions
from erp_bridge.swap import Heir, heir_of, may_inherit, taken_over

MAX_ROWS = 2000
"""Rows of one answer; a query that fills it is asked again in halves."""


_Which = tuple[Filters, Filters]
"""Filters of which all must hold, and those of which one must."""


@dataclass(frozen=True, slots=True)
class Read:
    """One equipment as it stands in ERPNext."""

    equipment: Equipment
    intent: Intent
    note: str = ""
    """What a person should know of the wish: whose profile it is, or why nobody's."""


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
class Box:
    """A row of the list with what stands around it, without its passwords."""

    equipment: Equipment
    row: Known[str, Any]
    """With the profile of the box it replaces, where it has that."""
    note: str = ""
    donor: Known[str, Any] | None = None
    """Row of the box it replaces, and has the profile of."""
    inherited: tuple[str, ...] = ()
    """Our names of the fields that are the other box's."""

    @property
    def donor_name(self) -> str:
        """Name of the box it replaces, or ""."""
        return str(self.donor["name"]) if self.donor else ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the whole list, without its passwords."""

    place: Place
    box: Box | None
    """None: it is not of our types."""

    @property
    def equipment(self) -> Equipment | None:
        """What the box is, None: not ours."""
        return self.box.equipment if self.box else None


class Lookup:
    """Bulk reads of the equipment doctype through ``client``, as ``mapping`` says.

    ``digest`` is the server's keyed hash of wishes, which the passwords of neutral boxes are
    derived from. ``dropped`` hears, in the worker thread, the site's name of each field, or of
    the subscription doctype, that the site refuses.
    """

    def __init__(
        self,
        client: ErpClient,
        mapping: Mapping,
        dropped: Callable[[str], None] = lambda field: None,
        *,
        digest: Digest,
    ) -> None:
        self._client = client
        self._mapping = mapping
        self._dropped = dropped
        self._digest = digest
        self._subscriptions = Subscriptions(client, mapping, dropped)
        self.following = Following(client, mapping, self._subscriptions)
        """Documents whose changes are changes of wishes."""
        self._without: frozenset[str] = frozenset()
        self._batch = BATCH

    def search(self, terms: Sequence[Terms]) -> list[Read | Unread]:
        """Return all equipment of our types that fits any of ``terms``. Raises `ErpError`."""
        return self._complete(self._boxes(self._matching(terms)))

    def by_name(self, known: Known[str, str]) -> list[Read | Unread | Unchanged]:
        """Return the equipment of these names; ``known`` gives each its ``modified`` or "".

        A name that is missing from the answer no longer exists, or is no longer ours.
        Raises `ErpError`.
        """
        changed: list[Box] = []
        unchanged: list[Unchanged] = []
        for box in self._boxes(self._named(list(known))):
            name, modified = box.equipment.name, box.equipment.modified
            if modified and modified == known.get(name):
                unchanged.append(Unchanged(name))
            else:
                changed.append(box)
        return [*self._complete(changed), *unchanged]

    def page(self, after: Place | None, limit: int) -> list[Listed]:
        """Return the next rows of the whole list, in the order of ``modified`` and name.

        It goes on behind ``after``, whether or not that row is still there; ``None`` begins it.
        Raises `ErpError`.
        """
        rows = self._list(lambda without: behind(after), limit, order_by="modified asc, name asc")
        ours = {box.equipment.name: box for box in self._boxes(rows)}
        return [
            Listed(Place(str(row.get("modified") or ""), name), ours.get(name))
            for row in rows
            if (name := str(row["name"]))
        ]

    def read(self, listed: Iterable[Listed]) -> list[Read | Unread]:
        """Return rows of a `page` whole, with their passwords. Raises `ErpError`."""
        return self._complete([one.box for one in listed if one.box is not None])

    def affected(self, doctype: str, names: Sequence[str]) -> list[str]:
        """Name the equipment that documents of a doctype concern, as ERPNext has it now.

        For equipment itself, those too that stand where one of ``names`` stands: a box may have
        the profile of the one it replaces. What ERPNext links to no longer is for the mirror to
        tell (`acs.store.equipment.names_at_thd`). Raises `ErpError`.
        """
        if doctype != self._mapping.equipment.doctype:
            return sorted(self._linking(self.following.around(doctype, names)))
        locations = {location_of(row, self._mapping) for row in self._named(names)} - {""}
        return sorted({*names, *self._linking(Around(locations=frozenset(locations)))})

    def neutral(self, name: str) -> Intent:
        """Return what takes a customer's settings off the box that ``name`` names."""
        return neutral_intent(self._mapping, name, self._digest)

    def existing(self, names: Sequence[str]) -> frozenset[str]:
        """Return those of ``names`` that exist and are ours. Raises `ErpError`."""
        return frozenset(str(row["name"]) for row in self._ours(self._named(names)))

    def lists_any(self) -> bool:
        """Tell whether the site shows us any equipment at all. Raises `ErpError`."""
        return bool(self._client.get_list(self._mapping.equipment.doctype, ["name"], limit=1))

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

    # --- what stands around a row -------------------------------------------------------------

    def _boxes(self, rows: Iterable[Known[str, Any]]) -> list[Box]:
        """Make those of ``rows`` that are ours equipment, with its services: one list for all."""
        mapping = self._mapping
        ours = self._ours(rows)
        own = [equipment_of(row, mapping) for row in ours]
        heirs = self._heirs(ours)
        around = self._subscriptions.around(
            (one.service_location, one.service_subscription) for one in own
        )
        boxes: list[Box] = []
        for equipment, row in zip(own, ours, strict=True):
            spot = equipment.service_location, equipment.service_subscription
            services = services_of(around[spot], customer=equipment.customer, linked=spot[1])
            heir = heirs.get(equipment.name, Heir())
            if heir.donor is None:
                note = f"it has no profile, and is given none: {heir.why}" if heir.why else ""
                boxes.append(Box(surrounded(equipment, services), row, note))
                continue
            whole, inherited = taken_over(row, heir.donor, mapping)
            donor = equipment_of(heir.donor, mapping)
            note = f"it has the profile of {donor.name}, which it replaces"
            box = surrounded(equipment, services, (donor.name, donor.modified))
            boxes.append(Box(box, whole, note, heir.donor, inherited))
        return boxes

    def _heirs(self, rows: Iterable[Known[str, Any]]) -> dict[str, Heir]:
        """Find what boxes without a profile replace: one list for all that are at some place."""
        mapping = self._mapping
        wanting = [row for row in rows if may_inherit(row, mapping)]
        by_location: dict[str, list[Known[str, Any]]] = defaultdict(list)
        places = frozenset(location_of(row, mapping) for row in wanting)
        for row in self._standing_at(places):
            by_location[location_of(row, mapping)].append(row)
        return {
            str(row["name"]): heir_of(row, by_location[location_of(row, mapping)], mapping)
            for row in wanting
        }

    def _standing_at(self, locations: frozenset[str]) -> list[dict[str, Any]]:
        """Return the rows of equipment at these places; none where the site cannot filter so."""
        return self._linked_by({"service_location": locations})

    def _linking(self, around: Around) -> list[str]:
        """Name the equipment that links to any of these documents."""
        rows = self._linked_by(
            {
                "service_location": around.locations,
                "service_subscription": around.subscriptions,
                "customer": around.customers,
            }
        )
        return [str(row["name"]) for row in self._ours(rows)]

    def _linked_by(self, names: Known[str, frozenset[str]]) -> list[dict[str, Any]]:
        """Return the rows that link to any of ``names``, by our names of the links."""
        site = site_fields(self._mapping)

        def linking(without: frozenset[str]) -> _Which | None:
            either = [
                [site[ours], "in", sorted(wanted)]
                for ours, wanted in names.items()
                # A field of a linked document can be read and not asked for.
                if wanted and ours not in without and ours in site and "." not in site[ours]
            ]
            return ((), either) if either else None

        return self._list(linking, MAX_ROWS)

    # --- passwords ----------------------------------------------------------------------------

    def _complete(self, boxes: Sequence[Box]) -> list[Read | Unread]:
        """Read the passwords of ``boxes`` and make each an equipment with its wish."""
        mapping = self._mapping
        secret = [box for box in boxes if box.equipment.treatment is not Treatment.NEUTRAL]
        wanted = self._wanted(secret)
        passwords = read_passwords(self._client, mapping, wanted, batch=self._batch)
        self._batch = passwords.batch
        gone = {one.name for one in wanted} - passwords.found.keys() - passwords.unreadable.keys()
        results: list[Read | Unread] = []
        for box in boxes:
            equipment = box.equipment
            if equipment.treatment is Treatment.NEUTRAL:
                results.append(Read(equipment, self.neutral(equipment.name)))
                continue
            if equipment.name in gone:
                continue
            if reason := self._unreadable(box, passwords, gone):
                results.append(Unread(equipment, reason))
                continue
            donated = passwords.found.get(box.donor_name, {})
            secrets = {ours: secret for ours, secret in donated.items() if self._takes(box, ours)}
            secrets |= passwords.found.get(equipment.name, {})
            results.append(self._read(box, secrets))
        return results

    def _unreadable(self, box: Box, passwords: Passwords, gone: Collection[str]) -> str:
        """Say why the passwords of a box cannot be had; "" when they can."""
        if box.donor_name in gone:
            return f"{box.donor_name}, which it replaces, was deleted while it was read"
        reasons = (passwords.unreadable.get(one) for one in (box.equipment.name, box.donor_name))
        return next(filter(None, reasons), "")

    def _takes(self, box: Box, ours: str) -> bool:
        # A list does not show whether a field is set that the site refuses.
        return ours in box.inherited or ours in self._without

    def _read(self, box: Box, secrets: Known[str, Secret]) -> Read | Unread:
        try:
            intent = intent_of(box.row, secrets, self._mapping)
        except ValueError as error:
            return Unread(box.equipment, str(error))
        name, services = box.equipment.name, box.equipment.services
        return Read(
            box.equipment,
            served(intent, services, self._mapping, name, self._digest),
            box.note,
        )

    def _wanted(self, boxes: Iterable[Box]) -> list[Wanted]:
        """Say which passwords to read of which equipment: its own, and what it took over."""
        shown: dict[str, dict[str, None]] = defaultdict(dict)
        modified: dict[str, str] = {}
        for box in boxes:
            for row in (box.row, box.donor) if box.donor else (box.row,):
                modified[str(row["name"])] = str(row.get("modified") or "")
            for ours in passwords_set(box.row, self._mapping):
                owner = box.donor_name if ours in box.inherited else box.equipment.name
                shown[owner][ours] = None
        unsure = tuple(
            o for o in PASSWORDS if o in self._without & site_fields(self._mapping).keys()
        )
        return [
            Wanted(name, tuple(shown.get(name, ())), unsure, at)
            for name, at in modified.items()
            if unsure or name in shown
        ]
