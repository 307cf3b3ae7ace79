"""Documents: reading them whole, inserting, saving, deleting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from simulators.erpnext.controllers import customises, reshape, validate
from simulators.erpnext.database import Database, Row
from simulators.erpnext.errors import FRAPPE, Message, Refusal, crash, missing, thrown
from simulators.erpnext.naming import Named, new_name
from simulators.erpnext.schema import (
    STANDARD_FIELDS,
    DocType,
    DocTypes,
    Right,
    Value,
    describe,
)
from simulators.erpnext.users import (
    User,
    list_refused,
    require_change,
    require_delete,
    require_list,
    require_read,
)
from simulators.erpnext.validation import (
    Draft,
    cast,
    check_lengths,
    check_links,
    check_mandatory,
    check_options,
    check_unique,
    clean,
    integrity,
    set_defaults,
)

_STANDARD = frozenset(column.name for column in STANDARD_FIELDS)


@dataclass(frozen=True, slots=True)
class Work:
    """What one request works with: the user, the site's time, the messages so far.

    ``now`` gives the site's time as text; ``base_url`` is the address the client used.
    """

    user: User
    now: Callable[[], str]
    base_url: str
    messages: list[Message] = field(default_factory=list)


class Documents:
    """The documents of the site, guarded by rights and rules.

    ``bases`` are the doctypes as they were delivered, ``doctypes`` as they were customised.
    ``before_validate`` may change a draft, as a Server Script of that event does.
    """

    def __init__(self, doctypes: DocTypes) -> None:
        self.bases = dict(doctypes)
        self.doctypes = dict(doctypes)
        self.db = Database(doctypes)
        self.before_validate: Callable[[str, Draft], None] = lambda doctype, draft: None
        self.find_links()

    def insert_doctypes(self, now: str) -> None:
        """Insert the DocType documents; only their names are stored."""
        stamp: Draft = {"owner": "Administrator", "creation": now, "modified": now}
        constant: Draft = {"modified_by": "Administrator", "docstatus": 0, "idx": 0, "custom": 1}
        constant |= {"module": "Custom", "istable": 0, "issingle": 0}
        for kind in self.doctypes.values():
            values = {"name": kind.name, "autoname": kind.autoname, **stamp, **constant}
            self.db.write("DocType", None, Row(values))
        self.db.commit()

    def withdraw(self, role: str) -> None:
        """Leave a role without any right of its own."""
        for name, kind in self.bases.items():
            rights = {other: given for other, given in kind.permissions.items() if other != role}
            bare = msgspec.structs.replace(kind, permissions=rights)
            self.bases[name] = self.doctypes[name] = bare

    def find_links(self) -> None:
        """Find out anew which doctypes link to which."""
        self._links_to: dict[str, list[tuple[DocType, str]]] = {}
        for doctype in self.doctypes.values():
            for link in doctype.links:
                self._links_to.setdefault(link.target or "", []).append((doctype, link.name))

    def doctype(self, name: str) -> DocType:
        """Return a doctype; one that does not exist is an ImportError in Frappe."""
        if name not in self.doctypes:
            module = name.lower().replace(" ", "_")
            raise crash("ImportError", f"Module import failed for {name} ({module})")
        return self.doctypes[name]

    def listable(self, name: str, user: User) -> DocType:
        """Return a doctype that the user may list."""
        if name not in self.doctypes:
            if user.manages_system:
                raise missing("DocType", name)
            raise list_refused(user, name)
        require_list(user, self.doctypes[name])
        return self.doctypes[name]

    def read(self, doctype: str, name: str, work: Work) -> Row:
        """Return a document the user may read."""
        kind = self.doctype(doctype)
        row = self._existing(kind, name)
        require_read(work.user, kind)
        return row

    def insert(
        self, data: Mapping[str, Any], work: Work, *, doctype: str, forced_name: str | None = None
    ) -> Row:
        """Store a new document and return it.

        ``forced_name`` is honoured whatever the naming rule (v2); otherwise ``name`` in
        ``data`` counts only where naming is ``prompt``.
        """
        kind = self.doctype(doctype)
        draft: Draft = {
            column: cast(spec, data[column])
            for column, spec in kind.columns.items()
            if column in data and column not in _STANDARD
        }
        now = work.now()
        set_defaults(kind, draft, work.user.name, now)
        check_links(kind, draft, self.db)
        require_change(work.user, Right.CREATE, kind)
        if doctype == "Custom Field":  # named by what its validation completes
            validate(doctype, draft, None, self, work)
        wanted = str(data.get("name") or data.get("__newname") or "")
        named = Named(forced_name) if forced_name else new_name(kind, draft, wanted, now, self.db)
        if named.note:
            work.messages.append(named.note)
        draft |= {"name": named.name, "owner": work.user.name, "creation": now}
        draft |= {"modified": now, "modified_by": work.user.name, "docstatus": 0, "idx": 0}
        secrets = self._checked(kind, draft, None, work)
        self._check_name_free(kind, str(draft["name"]))
        check_unique(kind, draft, self.db)
        row = Row(draft, secrets)
        self.db.write(doctype, None, row)
        self._saved(doctype, row)
        return row

    def update(self, doctype: str, name: str, data: Mapping[str, Any], work: Work) -> Row:
        """Change the fields of ``data`` and return the document.

        A ``modified`` in ``data`` must be the stored one to the letter.
        """
        kind = self.doctype(doctype)
        before = self._existing(kind, name)
        if "name" in data and str(data["name"]) != before.name:
            raise missing(doctype, str(data["name"]))
        changed = {
            column: cast(spec, data[column])
            for column, spec in kind.columns.items()
            if column in data and column not in _STANDARD
        }
        return self._save(kind, before, dict(before.values) | changed, data, work)

    def replace(self, data: Mapping[str, Any], work: Work) -> Row:
        """Save a whole document: what it leaves out becomes null, and ``modified`` counts."""
        kind = self.doctype(str(data.get("doctype")))
        before = self._existing(kind, str(data.get("name")))
        draft = dict(before.values)
        for column, spec in kind.columns.items():
            if column not in _STANDARD:
                draft[column] = cast(spec, data.get(column))
        return self._save(kind, before, draft, {"modified": None} | dict(data), work)

    def set_values(
        self, doctype: str, name: str, fields: Mapping[str, Any], work: Work, *, touch: bool
    ) -> Row:
        """Set columns as ``frappe.db.set_value`` does: no rights, no rules, nobody told.

        ``touch``: ``modified`` and ``modified_by`` tell of it.
        """
        kind = self.doctype(doctype)
        before = self._existing(kind, name)
        draft = dict(before.values)
        for column, value in fields.items():
            if column not in kind.columns or column in ("name", "owner", "creation"):
                cause = f"Unknown column '{column}' in 'SET'"
                raise crash("pymysql.err.OperationalError", f'(1054, "{cause}")')
            draft[column] = cast(kind.columns[column], value)
        check_unique(kind, draft, self.db)
        if touch:
            draft |= {"modified": work.now(), "modified_by": work.user.name}
        row = Row(draft, _take_passwords(kind, draft, before.values, before.secrets))
        self.db.write(doctype, before, row, silent=True)
        return row

    def delete(self, doctype: str, name: str, work: Work) -> None:
        """Delete a document to which no other links."""
        kind = self.doctype(doctype)
        row = self._existing(kind, name)
        require_delete(work.user, kind, row.name)
        for other, column in self._links_to.get(doctype, ()):
            for holder in self.db.table(other.name).find(column, [row.name]):
                if holder is not row:
                    raise _still_linked(
                        work.base_url, (doctype, row.name), (other.name, holder.name)
                    )
        self.db.delete(doctype, row)
        self._saved(doctype, row)

    def shown(self, doctype: str, row: Row, *, nulls: bool) -> dict[str, Any]:
        """Return a whole document as an answer holds it."""
        kind = self.doctypes[doctype]
        values: dict[str, Any] = {
            column.name: row.values[column.name] for column in STANDARD_FIELDS
        }
        for spec in kind.fields:
            if spec.fetch_from:
                values[spec.name] = self._fetched(kind, row, spec.fetch_from)
            else:
                values[spec.name] = row.values.get(spec.name)
        values["doctype"] = doctype
        if doctype == "DocType":
            described = describe(self.doctypes[row.name])
            values |= {key: described[key] for key in ("fields", "permissions")}
        return values if nulls else {k: v for k, v in values.items() if v is not None}

    def _fetched(self, doctype: DocType, row: Row, source: str) -> Value:
        link, _, column = source.partition(".")
        target = doctype.columns[link].target or ""
        linked = self.db.table(target).get(str(row.values.get(link) or ""))
        return linked.values.get(column) if linked else None

    def _existing(self, doctype: DocType, name: str) -> Row:
        row = self.db.table(doctype.name).get(name)
        if row is None:
            raise missing(doctype.name, name)
        return row

    def _save(
        self, kind: DocType, before: Row, draft: Draft, data: Mapping[str, Any], work: Work
    ) -> Row:
        require_change(work.user, Right.WRITE, kind)
        now = work.now()
        if "modified" in data and str(data["modified"] or "") != before.values["modified"]:
            raise thrown(
                "TimestampMismatchError",
                "Error: Document has been modified after you have opened it"
                f" ({before.values['modified']}, {now})."
                " Please refresh to get the latest document.",
            )
        check_links(kind, draft, self.db)
        secrets = self._checked(kind, draft, before, work)
        check_unique(kind, draft, self.db)
        draft |= {"modified": now, "modified_by": work.user.name}
        row = Row(draft, secrets)
        self.db.write(kind.name, before, row)
        self._saved(kind.name, row)
        return row

    def _checked(
        self, kind: DocType, draft: Draft, before: Row | None, work: Work
    ) -> dict[str, str]:
        self.before_validate(kind.name, draft)
        check_mandatory(kind, draft)
        if before is not None or kind.name != "Custom Field":
            validate(kind.name, draft, before, self, work)
        check_options(kind, draft)
        check_lengths(kind, draft)
        clean(kind, draft)
        values, secrets = (before.values, before.secrets) if before else ({}, {})
        return _take_passwords(kind, draft, values, secrets)

    def _saved(self, doctype: str, row: Row) -> None:
        """Let a document take effect that says what other doctypes are like."""
        if target := customises(doctype, row):
            reshape(target, self)

    def _check_name_free(self, kind: DocType, name: str) -> None:
        if self.db.table(kind.name).get(name) is not None:
            text = f"{kind.name} <strong>{name}</strong> already exists"
            raise Refusal(
                FRAPPE + "DuplicateEntryError",
                integrity(kind.name, name, name, "PRIMARY"),
                messages=[Message(text, "Duplicate Name", "red")],
            )


def _take_passwords(
    kind: DocType, draft: Draft, before: Mapping[str, Value], secrets: Mapping[str, str]
) -> dict[str, str]:
    """Move passwords out of the draft, leaving asterisks; return all secrets.

    Only asterisks: the old password stays.  Empty or null: it is deleted.
    """
    kept = dict(secrets)
    for spec in kind.passwords:
        text = draft.get(spec.name)
        if not text:
            kept.pop(spec.name, None)
            draft[spec.name] = None
        elif set(str(text)) == {"*"}:
            draft[spec.name] = before.get(spec.name)
        else:
            kept[spec.name] = str(text)
            draft[spec.name] = "*" * len(str(text))
    return kept


def _still_linked(base_url: str, held: tuple[str, str], holder: tuple[str, str]) -> Refusal:
    return thrown(
        "LinkExistsError",
        f"Cannot delete or cancel because {_anchor(base_url, *held)} is linked with"
        f" {_anchor(base_url, *holder)} ",
    )


def _anchor(base_url: str, doctype: str, name: str) -> str:
    slug = doctype.lower().replace(" ", "-")
    return f'{doctype} <a href="{base_url}/app/{slug}/{name}">{name}</a>'
