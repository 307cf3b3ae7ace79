"""The fields a site should have: their types and flags, as far as this server needs them."""

from __future__ import annotations

from collections.abc import Iterator

from erp_bridge.install.wanted import Places, WantedField
from erp_bridge.mapping import (
    IDENTIFIERS,
    LINKS,
    PASSWORDS,
    Mapping,
    customer_fields,
    site_fields,
)
from erp_bridge.mapping_services import subscription_fields
from erp_bridge.schema import CHOICE, SHOWN, SUBSCRIPTION_TYPES, is_raw_text, wanted_types
from erp_bridge.wishes import SETTINGS

_TEXT = frozenset({"Data", "Small Text", "Text", "Long Text", "Read Only"})
_TIME = frozenset({"Datetime"}) | _TEXT

_WRITTEN = {
    "last_seen": ("Datetime", _TIME),
    "provisioned_on": ("Datetime", _TIME),
    "provisioning_note": ("Small Text", _TEXT),
    "optical_rx_dbm": ("Float", frozenset({"Float", "Data"})),
    "provisioning_status": ("Data", _TEXT | {"Select"}),
}
"""Type to make, and types that will do, of what is written back; all else is text."""

_SITES_OWN = ("equipment_type", "status", *LINKS)
"""Our names of fields of the equipment whose content is the site's own decision."""


def fields(mapping: Mapping, places: Places) -> Iterator[WantedField]:
    """Yield all mapped fields of all doctypes, those of the equipment first."""
    yield from _equipment(mapping, places)
    yield from _written(mapping, places.equipment)
    yield from _subscription(mapping, places.subscription)
    yield from _customer(mapping, places.customer)
    yield from _job(mapping, places.job)
    yield from _issue(mapping, places.issue)


def _equipment(mapping: Mapping, places: Places) -> Iterator[WantedField]:
    for ours, theirs in site_fields(mapping).items():
        link, dot, name = theirs.partition(".")
        if dot and link not in places.linked:
            continue  # of a link that belongs to somebody else's data: read as it is
        yield WantedField(
            doctype=places.linked[link] if dot else places.equipment,
            name=name if dot else theirs,
            ours=ours,
            fieldtype=_type(ours),
            accepted=wanted_types(ours, linked=False),
            unique=ours == "mac_address",
            indexed=ours in IDENTIFIERS,
            raw=is_raw_text(ours),
            may_make=ours not in _SITES_OWN,
        )


def _type(ours: str) -> str:
    if ours in PASSWORDS:
        return "Password"
    kinds = SETTINGS.get(ours, frozenset())
    if bool in kinds:
        return "Check"
    return "Int" if int in kinds else "Data"


def _written(mapping: Mapping, doctype: str) -> Iterator[WantedField]:
    for ours, theirs in mapping.write_back.fields.items():
        kind, accepted = _WRITTEN.get(ours, ("Data", _TEXT))
        yield WantedField(doctype, theirs, f"write_back.{ours}", kind, accepted, read_only=True)


def _subscription(mapping: Mapping, doctype: str) -> Iterator[WantedField]:
    for ours, theirs in subscription_fields(mapping).items() if doctype else ():
        accepted = SUBSCRIPTION_TYPES[ours]
        name = f"subscription.fields.{ours}"
        yield WantedField(doctype, theirs, name, "Data", accepted, may_make=False)


def _customer(mapping: Mapping, doctype: str) -> Iterator[WantedField]:
    for ours, theirs in customer_fields(mapping) if doctype else ():
        yield WantedField(doctype, theirs, f"customer.{ours}", "Data", SHOWN, may_make=False)


def _job(mapping: Mapping, doctype: str) -> Iterator[WantedField]:
    if not doctype:
        return
    job = mapping.dispatch_job
    for ours in ("service_location", "job_type", "status"):
        name = f"dispatch_job.{ours}"
        yield WantedField(doctype, getattr(job, ours), name, "Data", CHOICE, may_make=False)
    made = (("proof", "Small Text", _TEXT), ("proven_on", "Datetime", _TIME))
    for ours, kind, accepted in made:
        if theirs := getattr(job, ours):
            name = f"dispatch_job.{ours}"
            yield WantedField(doctype, theirs, name, kind, accepted, read_only=True)


def _issue(mapping: Mapping, doctype: str) -> Iterator[WantedField]:
    if not doctype:
        return
    issue = mapping.issue
    for ours in ("subject", "description", "customer", "status"):
        if theirs := getattr(issue, ours):
            accepted = CHOICE | {"Long Text", "Text Editor"}
            yield WantedField(doctype, theirs, f"issue.{ours}", "Data", accepted, may_make=False)
    yield WantedField(
        doctype,
        issue.fault_key,
        "issue.fault_key",
        "Data",
        frozenset({"Data"}),
        unique=True,
        read_only=True,
    )
