"""A customer as people need it: the name, and how to reach them.

Read when somebody asks and kept nowhere: these are personal data, and no device needs them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from collections.abc import Mapping as Row
from dataclasses import dataclass
from typing import Any, Protocol

from erp_bridge.errors import ErpNotFound
from erp_bridge.mapping import Mapping


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """A customer; "" for what the site does not know."""

    name: str
    """Name of the document, which alone tells two customers apart."""
    title: str
    """What people call the customer; the name of the document where the site has nothing else."""
    phone: str
    email: str


class Documents(Protocol):
    """What reads documents of ERPNext: an `ErpClient`."""

    def read(self, doctype: str, name: str, /) -> dict[str, Any]:
        """Return one document. Raises `ErpNotFound`, and other `ErpError`."""


def card_of(row: Row[str, Any], mapping: Mapping) -> CustomerCard:
    """Return the card of a customer's document: of several fields, the first one that is filled.

    Blanks alone do not fill a field.
    """
    fields = mapping.customer
    name = str(row["name"])
    return CustomerCard(
        name=name,
        title=_first(row, (fields.name,)) or name,
        phone=_first(row, fields.phone),
        email=_first(row, fields.email),
    )


def read_card(client: Documents, mapping: Mapping, customer: str) -> CustomerCard | None:
    """Read the card of the document named ``customer``. Blocking.

    None when there is no such document, or the mapping reads no customers. Raises `ErpError`.
    """
    # The last two are steps of a path: no address leads to a document of such a name.
    if not mapping.customer.doctype or customer.strip() in ("", ".", ".."):
        return None
    try:
        return card_of(client.read(mapping.customer.doctype, customer), mapping)
    except ErpNotFound:
        return None


def _first(row: Row[str, Any], names: Iterable[str]) -> str:
    texts = (_text(row.get(name)) for name in names)
    return next(filter(None, texts), "")


def _text(value: object) -> str:
    """Return a value as one line, its accents composed: what came from elsewhere may not be."""
    text = "" if value is None else unicodedata.normalize("NFC", str(value))
    return " ".join(text.split())
