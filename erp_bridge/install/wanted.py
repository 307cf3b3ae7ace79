"""What a site should have for this server, as far as the mapping says.

Nothing here does I/O: a site is what was seen of it (`Schema`), a wish is a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping as Row
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from acs.model import Secret
from erp_bridge.mapping import PASSWORDS, Mapping, site_fields, wished_links
from erp_bridge.mapping_write_back import DispatchJobTable

ROLE = "ACS Bridge"
LOCATION = "Service Location"


class Right(StrEnum):
    """What a role may do with a doctype, by Frappe's names. To delete is never wanted."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"


@dataclass(frozen=True, slots=True)
class Schema:
    """A doctype of the site: its fields as Frappe describes them, and who may do what."""

    fields: Row[str, Row[str, Any]]
    rights: Row[str, frozenset[str]] = field(default_factory=dict)
    """Of each role, without those for own documents only."""

    @classmethod
    def of(cls, meta: Row[str, Any]) -> Schema:
        """Read the site's answer for a doctype (``/api/v2/doctype/{name}/meta``)."""
        rights: dict[str, frozenset[str]] = {}
        for row in _rows(meta.get("permissions")):
            if not row.get("permlevel") and not row.get("if_owner"):
                given = frozenset(name for name in (*Right, "delete") if row.get(name))
                role = str(row.get("role"))
                rights[role] = rights.get(role, frozenset()) | given
        return cls({str(row.get("fieldname")): row for row in _rows(meta.get("fields"))}, rights)

    def options(self, name: str) -> tuple[str, ...]:
        """Return the words that a Select offers; nothing for any other field."""
        row = self.fields.get(name, {})
        words = (
            str(row.get("options") or "").splitlines() if row.get("fieldtype") == "Select" else ()
        )
        return tuple(word.strip() for word in words if word.strip())


@dataclass(frozen=True, slots=True)
class Grant:
    """What the role must be allowed on a doctype."""

    doctype: str
    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class WantedField:
    """A field that is mapped.

    ``may_make`` is false where the site's own data decides what a device gets: an empty field of
    that name would not help, so a person has to say which one is meant.
    """

    doctype: str
    name: str
    ours: str
    fieldtype: str
    accepted: frozenset[str]
    options: str = ""
    unique: bool = False
    indexed: bool = False
    raw: bool = False
    """Text such as ``s<b>cr3t`` must arrive as it was typed (`ignore_xss_filter`)."""
    read_only: bool = False
    may_make: bool = True


@dataclass(frozen=True, slots=True)
class Script:
    """A Server Script: an API method, or run at an event of a doctype."""

    name: str
    text: str
    doctype: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of a doctype."""

    doctype: str
    event: str
    condition: str
    body: str
    url: str
    secret: Secret | None
    """None: whichever it has."""

    @property
    def name(self) -> str:
        """What ours is called."""
        return f"acs-{slug(self.doctype)}-{self.event.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """All of it. ``user`` is the one of this server's key."""

    role: str
    user: str
    equipment: str
    doctypes: tuple[str, ...]
    grants: tuple[Grant, ...]
    fields: tuple[WantedField, ...]
    scripts: tuple[Script, ...]
    hooks: tuple[Hook, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """The doctypes by what they are to us; "" for none."""

    equipment: str
    location: str
    subscription: str
    customer: str
    job: str
    issue: str
    comment: str
    linked: Row[str, str]
    """Of each link field of the equipment whose documents hold wishes."""

    @classmethod
    def of(cls, mapping: Mapping, equipment: Schema) -> Places:
        """Take the mapping's word, and for links the site's own."""
        fields = mapping.equipment.fields

        def target(link: str, otherwise: str) -> str:
            row = equipment.fields.get(link, {})
            return str(row.get("options") or "") if row.get("fieldtype") == "Link" else otherwise

        linked = {link: target(link, "") for link in wished_links(mapping)}
        return cls(
            equipment=mapping.equipment.doctype,
            location=target(fields.service_location, LOCATION) or LOCATION,
            subscription=mapping.subscription.doctype,
            customer=mapping.customer.doctype,
            job=mapping.dispatch_job.doctype,
            issue=mapping.issue.doctype,
            comment="Comment" if needs_comments(mapping.dispatch_job) else "",
            linked={link: doctype for link, doctype in linked.items() if doctype},
        )

    @property
    def all(self) -> tuple[str, ...]:
        """Each doctype once."""
        named = (self.equipment, self.location, self.subscription, self.customer, self.job)
        more = (self.issue, self.comment, *self.linked.values())
        return tuple(dict.fromkeys(name for name in (*named, *more) if name))


def grants(mapping: Mapping, places: Places) -> Iterator[Grant]:
    """Yield what the role must be allowed."""
    read, write, create = Right.READ, Right.WRITE, Right.CREATE
    whole = {read, write, create}
    rights: dict[str, set[Right]] = {
        places.equipment: whole,
        places.location: whole,
        places.subscription: whole,
        places.job: whole,
        places.issue: whole,
        # A customer is made with an order, and never changed.
        places.customer: {read, create},
        places.comment: {read, create},
    }
    names = site_fields(mapping)
    secret = {names[ours].partition(".")[0] for ours in PASSWORDS if "." in names.get(ours, "")}
    for link, doctype in places.linked.items():
        # Who may change a password may know it.
        wanted = {read, write} if link in secret else {read}
        rights[doctype] = rights.get(doctype, set()) | wanted
    for doctype, wanted in rights.items():
        if doctype:
            yield Grant(doctype, tuple(right for right in Right if right in wanted))


def hooks(
    mapping: Mapping, places: Places, *, user: str, url: str, secret: Secret | None
) -> Iterator[Hook]:
    """Yield the webhooks. ``url`` is where the site reaches this server, such as
    ``https://acs.example.net``."""

    def hook(doctype: str, event: str, word: str, condition: str) -> Hook:
        # Names and times alone: the body lies in the site's log, and is read again anyway.
        body = (
            '{"name": {{ doc.name|tojson }}, "modified": {{ doc.modified|tojson }},'
            f' "event": "{word}"}}'
        )
        address = f"{url.rstrip('/')}{PATH}{slug(doctype)}"
        return Hook(doctype, event, condition, body, address, secret)

    # Our own writes are known here.
    others = f"doc.modified_by != {json.dumps(user)}"
    job = mapping.dispatch_job
    moved = " or ".join(
        f'doc.has_value_changed("{name}")' for name in (job.status, job.service_location)
    )
    conditions = {
        places.equipment: others,
        places.subscription: others,
        # One of another name is not listened to: sweeps see its changes.
        places.location if places.location == LOCATION else "": others,
        places.customer: others,
        places.job: f"{others} and ({moved})",
    }
    for doctype, condition in conditions.items():
        if doctype:
            yield hook(doctype, "on_update", "updated", condition)
    # Whoever deletes is not who changed it last.
    yield hook(places.equipment, "on_trash", "deleted", "")


PATH = "/hooks/erpnext/"


def slug(doctype: str) -> str:
    """Return a doctype as it stands in an address."""
    return doctype.lower().replace(" ", "-")


def needs_comments(job: DispatchJobTable) -> bool:
    """Tell whether the proof of an installation becomes a comment."""
    return bool(job.doctype and job.comment and not job.proof and not job.proven_on)


def _rows(value: object) -> list[Row[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
