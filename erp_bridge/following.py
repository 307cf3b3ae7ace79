"""Documents around an equipment that decide what it gets, and what changed of them lately.

A change of a subscription, or of a linked document that holds a wish, leaves the ``modified`` of
the equipment as it is. So these documents are listed, too, by their own. Blocking; runs in a
worker thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from erp_bridge.client import ErpClient, Filters
from erp_bridge.mapping import LINKS, Mapping, site_fields, wished_links
from erp_bridge.progress import Place
from erp_bridge.schema import linked_doctypes
from erp_bridge.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class Around:
    """Documents by name; the equipments that link to any of them are meant."""

    locations: frozenset[str] = frozenset()
    subscriptions: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.locations or self.subscriptions or self.customers)


@dataclass(frozen=True, slots=True)
class Followed:
    """A doctype whose changes are followed."""

    doctype: str
    link: str
    """Our name of the field of the equipment that leads there (`LINKS`)."""
    location: str = ""
    """The site's name of its own field that leads to the service location, or ""."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Some documents in the order of ``modified``: where the last one stands, who is concerned."""

    count: int
    last: Place | None = None
    around: Around = field(default_factory=Around)


class Following:
    """Lists what changed of the documents that ``mapping`` makes decisive."""

    def __init__(self, client: ErpClient, mapping: Mapping, subscriptions: Subscriptions) -> None:
        self._client = client
        self._mapping = mapping
        self._subscriptions = subscriptions
        self._linked: tuple[Followed, ...] | None = None

    def documents(self) -> tuple[Followed, ...]:
        """Return what is to be followed on this site. Raises `ErpError`."""
        if self._linked is None:
            self._linked = tuple(self._ask_linked())
        fields = self._mapping.subscription.fields
        own = Followed(
            self._mapping.subscription.doctype, "service_subscription", fields.service_location
        )
        others = tuple(one for one in self._linked if one.doctype != own.doctype)
        return (own, *others) if self._subscriptions.are_read() else self._linked

    def newest(self, followed: Followed) -> str:
        """Return the highest ``modified`` of a doctype; "" where it has no document.

        Raises `ErpError`.
        """
        rows = self._client.get_list(
            followed.doctype, ["name", "modified"], order_by="modified desc, name desc", limit=1
        )
        return str(rows[0].get("modified") or "") if rows else ""

    def page(self, followed: Followed, after: Place | None, limit: int) -> Changed:
        """Return the next documents that changed behind ``after``. Raises `ErpError`."""
        filters, or_filters = behind(after)
        wanted = ["name", "modified", *((followed.location,) if followed.location else ())]
        rows = self._client.get_list(
            followed.doctype,
            wanted,
            filters=filters,
            or_filters=or_filters,
            order_by="modified asc, name asc",
            limit=limit,
        )
        last = Place(str(rows[-1].get("modified") or ""), str(rows[-1]["name"])) if rows else None
        return Changed(len(rows), last, _around(followed, rows))

    def around(self, doctype: str, names: Sequence[str]) -> Around:
        """Return whom the documents ``names`` of a doctype concern. Raises `ErpError`.

        Subscriptions are read for the location they are at; nothing else is asked. A doctype that
        decides nothing concerns nobody.
        """
        found = Around()
        for one in self.documents():
            if one.doctype != doctype or not names:
                continue
            rows: list[dict[str, Any]] = [{"name": name} for name in names]
            if one.location:
                rows += self._client.get_list(
                    doctype,
                    ["name", one.location],
                    filters=[["name", "in", list(names)]],
                    limit=len(names),
                )
            found = _around(one, rows)
        return found

    def _ask_linked(self) -> Iterable[Followed]:
        links = followed_links(self._mapping)
        if links:
            meta = self._client.meta(self._mapping.equipment.doctype)
            for link, doctype in linked_doctypes(self._mapping, meta).items():
                if link in links:
                    yield Followed(doctype, links[link])


def followed_links(mapping: Mapping) -> dict[str, str]:
    """Return the link fields with wishes that can be followed, with our names of them.

    The mirror knows of each equipment its customer, its location and its subscription; behind
    another link it cannot tell who is concerned by a change.
    """
    names = site_fields(mapping)
    ours = {names[link]: link for link in LINKS if link in names}
    return {link: ours[link] for link in wished_links(mapping) if link in ours}


def has_unfollowed_links(mapping: Mapping) -> bool:
    """Tell whether wishes stand behind links that cannot be followed: all is to be swept then."""
    return len(followed_links(mapping)) < len(wished_links(mapping))


def behind(after: Place | None) -> tuple[Filters, Filters]:
    """Return filters for what comes behind ``after`` in the order of ``modified`` and name."""
    if after is None:
        return (), ()
    # With the first filter: later, or of the same moment and behind it by name.
    or_filters = [["modified", ">", after.modified], ["name", ">", after.name]]
    return [["modified", ">=", after.modified]], or_filters if after.name else ()


def _around(followed: Followed, rows: Sequence[dict[str, Any]]) -> Around:
    names = frozenset(str(row["name"]) for row in rows)
    locations = frozenset(str(row.get(followed.location) or "") for row in rows) - {""}
    match followed.link:
        case "service_location":
            return Around(locations=names)
        case "customer":
            return Around(customers=names)
        case _:
            return Around(locations=locations, subscriptions=names)
