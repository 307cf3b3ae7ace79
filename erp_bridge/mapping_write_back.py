"""Where on the site is written what the field shows; "" is not written."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from erp_bridge.wishes import FIELD, NO_FIELD

Refuse = Callable[[tuple[str, ...], str], None]


class StandingWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The site's word for each standing of a device."""

    quarantined: str
    waiting: str
    pending: str
    verifying: str
    live: str
    drifted: str
    faulted: str
    held: str
    neutral: str
    planned: str

    def of(self, standing: str) -> str:
        """Return the word; a standing that has none is called what it is."""
        return getattr(self, standing, "") or standing


class WriteBackTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Fields of the equipment doctype that are ours to write."""

    script: str
    """Server Script that takes many rows at once and leaves `modified` alone; "" for none."""
    last_seen: str
    firmware_version: str
    model: str
    ip_address: str
    optical_rx_dbm: str
    provisioning_status: str
    provisioned_on: str
    provisioning_note: str
    words: StandingWords

    @property
    def fields(self) -> dict[str, str]:
        """The site's fields by our names, those it has."""
        given = {name: getattr(self, name) for name in WRITTEN}
        return {name: field for name, field in given.items() if field}


WRITTEN = (
    "last_seen",
    "firmware_version",
    "model",
    "ip_address",
    "optical_rx_dbm",
    "provisioning_status",
    "provisioned_on",
    "provisioning_note",
)
"""Our names of what is written to an equipment."""


class DispatchJobTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the proof of an installation goes; doctype "" for nowhere."""

    doctype: str
    service_location: str
    job_type: str
    status: str
    installation: tuple[str, ...]
    """Words of the type that mean an installation."""
    open: tuple[str, ...]
    """Words of the status that mean an open job; the first ones are preferred."""
    proof: str
    proven_on: str
    comment: bool
    """Without fields for it, the proof is a comment, which needs the right to make comments."""


class IssueTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a lasting fault becomes an Issue; doctype "" for not at all."""

    doctype: str
    subject: str
    description: str
    customer: str
    status: str
    closed: str
    """Word of the status for an Issue whose fault is over."""
    fault_key: str
    """Unique field by which an Issue is found again."""


def check_write_back(
    table: WriteBackTable,
    job: DispatchJobTable,
    issue: IssueTable,
    read: Collection[str],
    refuse: Refuse,
) -> None:
    """Hand ``refuse`` what cannot be used; ``read`` are the fields that devices are set up from."""
    seen: dict[str, str] = {}
    for ours, theirs in table.fields.items():
        if not FIELD.match(theirs):
            refuse(("write_back", ours), NO_FIELD.format(theirs))
        if theirs in read:
            refuse(
                ("write_back", ours), f"{theirs!r} is read elsewhere in the mapping: never write it"
            )
        if theirs in seen:
            refuse(("write_back", ours), f"is the same field as {seen[theirs]}")
        seen[theirs] = ours
    named = {
        "dispatch_job": (
            job.doctype,
            ("service_location", "job_type", "status"),
            ("proof", "proven_on"),
        ),
        "issue": (issue.doctype, ("subject", "status", "fault_key"), ("description", "customer")),
    }
    for where, (doctype, needed, optional) in named.items():
        for ours in (*needed, *optional) if doctype else ():
            theirs = getattr(job if where == "dispatch_job" else issue, ours)
            if not theirs and ours in optional:
                continue
            if not FIELD.match(theirs):
                refuse((where, ours), NO_FIELD.format(theirs))
    if job.doctype and not (job.installation and job.open):
        refuse(("dispatch_job",), "needs words for `installation` and `open`")
    if issue.doctype and not issue.closed:
        refuse(("issue", "closed"), "is empty. Name the status of an Issue that is over")
