"""Whether the site has the fields that are written to it, and what is lost where it has not."""

from __future__ import annotations

from collections.abc import Iterator

from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpForbidden, ErpNotFound, ErpRejected
from erp_bridge.mapping import Mapping
from erp_bridge.mapping_write_back import WRITTEN
from erp_bridge.schema import Finding, Level

_TEXT = frozenset({"Data", "Small Text", "Text", "Long Text", "Read Only"})
_TIME = frozenset({"Datetime"})
_TYPES = dict.fromkeys(WRITTEN, _TEXT) | {
    "last_seen": _TIME,
    "provisioned_on": _TIME,
    "optical_rx_dbm": frozenset({"Float"}),
    "provisioning_status": _TEXT | {"Select"},
    "proven_on": _TIME,
}


def write_back_findings(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    """Compare what is written with the site: warnings only, as devices are served without it."""
    found = list(_findings(client, mapping))
    yield from found or [Finding(Level.OK, "The site has the fields that are written back")]


def _findings(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    job, issue = mapping.dispatch_job, mapping.issue
    yield from _fields(client, mapping.equipment.doctype, "write_back", mapping.write_back.fields)
    if job.doctype:
        proof = {"proof": job.proof, "proven_on": job.proven_on}
        given = {ours: theirs for ours, theirs in proof.items() if theirs}
        yield from _fields(client, job.doctype, "dispatch_job", given)
    if issue.doctype:
        yield from _fields(client, issue.doctype, "issue", {"fault_key": issue.fault_key})


def _fields(
    client: ErpClient, doctype: str, table: str, given: dict[str, str]
) -> Iterator[Finding]:
    if not given:
        return
    try:
        meta = client.meta(doctype)
    except (ErpForbidden, ErpNotFound, ErpRejected) as error:
        yield Finding(
            Level.WARNING,
            f"Nothing is written to {doctype}: {error.text}",
            f"Give the API user a role for it, or name the right one in [{table}] of the mapping",
        )
        return
    rows = meta.get("fields")
    known = {row.get("fieldname"): row for row in rows} if isinstance(rows, list) else {}
    for ours, theirs in given.items():
        row = known.get(theirs)
        if row is None:
            yield Finding(
                Level.WARNING,
                f"{doctype} has no field {theirs!r} ({table}.{ours}): it is not written",
                f'Add it (Customize Form; docs/write-back.md), or write {ours} = "" in the mapping',
            )
            continue
        fitting = _TYPES.get(ours, _TEXT)
        if row.get("fieldtype") not in fitting:
            yield Finding(
                Level.WARNING,
                f"{doctype}.{theirs} is a {row.get('fieldtype')} ({table}.{ours}):"
                " what is written may be refused",
                f"Make it one of {', '.join(sorted(fitting))}",
            )
        if ours == "fault_key" and not row.get("unique"):
            yield Finding(
                Level.WARNING,
                f"{doctype}.{theirs} is not unique: a fault may become two Issues",
                "Tick Unique on the field",
            )
