"""Carrying out what the outbox holds: blocking conversations with the site, one per row.

What may have been done before is looked for first wherever doing it twice would be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from erp_bridge.errors import ErpForbidden, ErpRejected, ErpStale, ErpTaken
from erp_bridge.mapping_write_back import DispatchJobTable, IssueTable
from erp_bridge.outbox.planner import Installation, Trouble
from erp_bridge.outbox.wording import holds, plain, proof_line, site_time
from erp_bridge.words import fold

MANY = 100
"""Rows of one call of the Server Script."""


class Site(Protocol):
    """What is needed of `erp_bridge.client.ErpClient`; raises `erp_bridge.errors.ErpError`."""

    def read(self, doctype: str, name: str) -> dict[str, Any]:
        """One document."""

    def get_list(
        self,
        doctype: str,
        fields: Sequence[str],
        filters: Sequence[Sequence[object]] = (),
        or_filters: Sequence[Sequence[object]] = (),
        order_by: str = "name asc",
        limit: int = 20,
        start: int = 0,
    ) -> list[dict[str, Any]]:
        """Rows."""

    def update(
        self, doctype: str, name: str, fields: Mapping[str, object], modified: str | None = None
    ) -> dict[str, Any]:
        """Change a document, once."""

    def insert(self, doctype: str, doc: Mapping[str, object]) -> dict[str, Any]:
        """Make a document, once."""

    def call(self, method: str, /, **args: object) -> Any:
        """Call a method, once."""

    def time_zone(self) -> str:
        """The site's time zone."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A document was changed: what its ``modified`` was before, and is now; "" where unknown."""

    before: str = ""
    after: str = ""
    missing: tuple[str, ...] = ()
    """Fields that the doctype does not have."""
    note: str = ""
    """For people: what was done otherwise than they may expect."""


def change(
    site: Site, doctype: str, name: str, fields: Mapping[str, object], modified: str = ""
) -> Saved:
    """Change ``fields`` of a document that was read as of ``modified`` ("": unknown).

    Our fields are nobody else's: where somebody was faster, they go on top of what is there now,
    once. A second `ErpStale` is raised.
    """
    try:
        answer = site.update(doctype, name, fields, modified or None)
    except ErpStale:
        modified = str(site.read(doctype, name).get("modified") or "")
        answer = site.update(doctype, name, fields, modified)
    missing = (field for field, value in fields.items() if value and field not in answer)
    return Saved(modified, str(answer.get("modified") or ""), tuple(missing))


def change_many(
    site: Site, script: str, rows: Sequence[tuple[str, str, Mapping[str, object]]]
) -> dict[str, str]:
    """Change rows of (doctype, name, fields) by the Server Script; return errors by name.

    Raises `ErpRejected` when the site has no such script, or one that answers otherwise.
    """
    asked = [{"doctype": doctype, "name": name, "fields": fields} for doctype, name, fields in rows]
    answer = site.call(script, rows=asked)
    errors: dict[str, str] = {}
    for row in answer if isinstance(answer, list) else ():
        if isinstance(row, dict) and isinstance(row.get("name"), str):
            errors[row["name"]] = (
                "" if row.get("ok") is True else str(row.get("error") or "refused")
            )
    if errors.keys() != {name for _, name, _ in rows}:
        raise ErpRejected(
            f"The Server Script {script} does not answer as expected",
            "Install the current text of erp_bridge/scripts/acs_write_back.py",
        )
    return errors


def already(
    site: Site, doctype: str, rows: Mapping[str, Mapping[str, object]]
) -> tuple[dict[str, str], frozenset[str]]:
    """Read documents back; ``rows``: the fields by name.

    Returns ``modified`` by name of all that exist, and the names of those that have the fields.
    """
    fields = sorted({field for one in rows.values() for field in one})
    found = site.get_list(
        doctype,
        ["name", "modified", *fields],
        filters=[["name", "in", sorted(rows)]],
        limit=len(rows),
    )
    modified = {str(row["name"]): str(row.get("modified") or "") for row in found}
    done = (name for row in found if (name := str(row["name"])) in rows and holds(row, rows[name]))
    return modified, frozenset(done)


def prove_installation(
    site: Site, table: DispatchJobTable, proof: Installation, equipment: str, zone: ZoneInfo
) -> Saved:
    """Write the proof on the open job of the installation, if there is one.

    As fields where they are mapped, else as a comment. Raises `ErpForbidden` where that needs a
    right the user has not.
    """
    job = _open_job(site, table, proof.service_location)
    if job is None:
        return Saved(note=f"no open job of an installation at {proof.service_location}")
    line = proof_line(proof.proven, proof.at, proof.session, zone)
    text = plain(f"{equipment} ({proof.device}) is live: {line}")
    fields: dict[str, object] = {}
    if table.proof:
        fields[table.proof] = text
    if table.proven_on:
        fields[table.proven_on] = site_time(proof.at, zone)
    if fields:
        document = site.read(table.doctype, job)
        if holds(document, fields):
            return Saved()
        saved = change(site, table.doctype, job, fields, str(document.get("modified") or ""))
        if not saved.missing:
            return saved
        lacks = f"{table.doctype} has no field {', '.join(saved.missing)}"
    else:
        lacks = "no field is mapped for the proof"
    if not table.comment:
        return Saved(note=f"{lacks}, and comments are off (dispatch_job.comment)")
    _comment(site, table.doctype, job, text)
    return Saved(note=f"{lacks}: written as a comment on {job}")


def _open_job(site: Site, table: DispatchJobTable, location: str) -> str | None:
    rows = site.get_list(
        table.doctype,
        ["name", table.job_type, table.status],
        filters=[[table.service_location, "=", location]],
        order_by="creation desc",
        limit=50,
    )
    installs = {fold(word) for word in table.installation}
    rank = {fold(word): place for place, word in enumerate(table.open)}
    fitting = [
        (rank[fold(str(row.get(table.status)))], str(row["name"]))
        for row in rows
        if fold(str(row.get(table.job_type))) in installs
        and fold(str(row.get(table.status))) in rank
    ]
    return min(fitting)[1] if fitting else None


def _comment(site: Site, doctype: str, name: str, text: str) -> None:
    about: dict[str, object] = {"reference_doctype": doctype, "reference_name": name}
    try:
        there = site.get_list(
            "Comment",
            ["name"],
            filters=[[field, "=", value] for field, value in (*about.items(), ("content", text))],
            limit=1,
        )
        if not there:
            site.insert("Comment", {**about, "comment_type": "Comment", "content": text})
    except ErpForbidden as error:
        raise ErpForbidden(
            error.text,
            "Give the API user a role that may read and make Comments, or map dispatch_job.proof",
            exc_type=error.exc_type,
        ) from None


def tell_of_trouble(
    site: Site, table: IssueTable, trouble: Trouble, equipment: str, zone: ZoneInfo
) -> Saved:
    """Open the Issue of a fault, or close it where the fault is over; there is never a second.

    The unique field of its key keeps that, whatever gets lost on the way.
    """
    key = f"acs/{equipment}/{int(trouble.since)}"
    found = site.get_list(
        table.doctype,
        ["name", "modified", table.status],
        filters=[[table.fault_key, "=", key]],
        limit=1,
    )
    if trouble.is_over:
        if not found or fold(str(found[0].get(table.status))) == fold(table.closed):
            return Saved()
        name, modified = str(found[0]["name"]), str(found[0].get("modified") or "")
        return change(site, table.doctype, name, {table.status: table.closed}, modified)
    if found:
        return Saved()
    since = site_time(trouble.since, zone)
    document: dict[str, object] = {
        table.subject: plain(f"{equipment}: provisioning fails since {since}"),
        table.fault_key: key,
    }
    if table.description:
        document[table.description] = plain(f"{trouble.device}: {trouble.text}")
    if table.customer and trouble.customer:
        document[table.customer] = trouble.customer
    with suppress(ErpTaken):
        site.insert(table.doctype, document)
    return Saved()
