"""Read the subscriptions around equipment: one list for a whole batch. Blocking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpForbidden, ErpMisconfigured, ErpNotFound, ErpRejected
from erp_bridge.mapping import Mapping
from erp_bridge.mapping_services import subscription_fields
from erp_bridge.services import Subscription, subscription_of

MAX_ROWS = 5000
"""Rows of one answer; a query that fills it is asked again in halves."""

_FIX = (
    "Give the API user a role that may read it, correct [subscription] of the mapping, or write"
    ' doctype = "" there; `acs doctor` compares it with the site'
)

Spot = tuple[str, str]
"""Service location and linked subscription of an equipment, "" where it has none."""


class Subscriptions:
    """The subscription doctype of a site, as ``mapping`` describes it.

    A site that has no such doctype is read without. One that had it, or has it and does not show
    it, is refused: a customer who pays must not look like one who left, nor the reverse.
    ``absent`` hears, in the worker thread, the name of a doctype the site does not have.
    """

    def __init__(
        self,
        client: ErpClient,
        mapping: Mapping,
        absent: Callable[[str], None] = lambda doctype: None,
    ) -> None:
        self._client = client
        self._mapping = mapping
        self._doctype = mapping.subscription.doctype
        self._absent = absent
        self._is_there: bool | None = None if self._doctype else False

    def are_read(self) -> bool:
        """Tell whether the site has subscriptions to read. Raises `ErpError`."""
        if self._is_there is None:
            self._learn()
        return bool(self._is_there)

    def around(self, spots: Iterable[Spot]) -> dict[Spot, tuple[Subscription, ...]]:
        """Return the subscriptions at each location, and the linked one. Raises `ErpError`."""
        wanted = list(dict.fromkeys(spots))
        sought = [spot for spot in wanted if any(spot)]
        if not sought or not self.are_read():
            return dict.fromkeys(wanted, ())
        found = self._found(sought)
        by_name = {one.name: one for one in found}
        by_location: dict[str, list[Subscription]] = defaultdict(list)
        for one in found:
            if one.service_location:
                by_location[one.service_location].append(one)
        around: dict[Spot, tuple[Subscription, ...]] = {}
        for location, linked in wanted:
            here = {one.name: one for one in by_location.get(location, ())}
            if linked in by_name:
                here[linked] = by_name[linked]
            around[location, linked] = tuple(here.values())
        return around

    def _found(self, spots: Sequence[Spot]) -> list[Subscription]:
        field = self._mapping.subscription.fields.service_location
        locations = sorted({location for location, _ in spots if location}) if field else []
        names = sorted({name for _, name in spots if name})
        either: list[list[object]] = []
        if locations:
            either.append([field, "in", locations])
        if names:
            either.append(["name", "in", names])
        if not either:
            return []
        rows = self._list(either)
        if len(rows) >= MAX_ROWS and len(spots) > 1:
            half = len(spots) // 2
            both = self._found(spots[:half]) + self._found(spots[half:])
            return list({one.name: one for one in both}.values())
        return [one for row in rows if (one := subscription_of(row, self._mapping))]

    def _list(self, either: list[list[object]]) -> list[dict[str, Any]]:
        names = subscription_fields(self._mapping)
        try:
            return self._client.get_list(
                self._doctype,
                ["name", *dict.fromkeys(names.values())],
                or_filters=either,
                limit=MAX_ROWS,
            )
        except (ErpForbidden, ErpNotFound, ErpRejected) as error:
            raise self._refused(error) from None

    def _learn(self) -> None:
        """Find out whether the site has the doctype: a list of it is refused in either case."""
        try:
            self._client.get_list(self._doctype, ["name"], limit=1)
        except (ErpForbidden, ErpNotFound, ErpRejected) as error:
            try:
                self._client.meta(self._doctype)
            except (ErpNotFound, ErpRejected):
                self._is_there = False
                self._absent(self._doctype)
                return
            raise self._refused(error) from None
        self._is_there = True

    def _refused(self, error: ErpForbidden | ErpNotFound | ErpRejected) -> ErpMisconfigured:
        return ErpMisconfigured(
            f"ERPNext refuses to list {self._doctype} ({error.text})", _FIX, exc_type=error.exc_type
        )
