"""The texts of the Server Scripts, with the names of the site put in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from collections.abc import Mapping as Row
from pprint import pformat
from typing import Any

from erp_bridge import scripts
from erp_bridge.install.wanted import Places, Schema, Script
from erp_bridge.mapping import PASSWORDS, Mapping, site_fields
from erp_bridge.mapping_services import subscription_fields
from erp_bridge.words import fold

ORDER = "acs_create_order"
NORMALISER = "acs_mac_normaliser"


def with_names(text: str, constants: Row[str, object]) -> str:
    """Return a script with the values of ``constants`` at its head replaced.

    Raises `KeyError` for one that the script does not set.
    """
    lines = text.splitlines()
    found = {
        node.targets[0].id: node
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for name, value in sorted(
        constants.items(), key=lambda item: found[item[0]].lineno, reverse=True
    ):
        node = found[name]
        spelled = pformat(value, width=95, sort_dicts=False).splitlines()
        # Lists and objects go on where they began.
        spelled = [
            f"{name} = {spelled[0]}",
            *(" " * (len(name) + 3) + line for line in spelled[1:]),
        ]
        lines[node.lineno - 1 : node.end_lineno] = spelled
    return "\n".join(lines) + "\n"


def wanted_scripts(mapping: Mapping, places: Places, schemas: Row[str, Schema]) -> Iterator[Script]:
    """Yield the scripts that a site with these doctypes should have, API methods first."""
    names = site_fields(mapping)
    secrets = [names[ours] for ours in PASSWORDS if ours in names]
    # A name with dots is a method of an app of the site.
    if secrets and (method := mapping.passwords.script) and "." not in method:
        text = scripts.text("acs_equipment_secrets")
        yield Script(method, with_names(text, {"DOCTYPE": places.equipment, "FIELDS": secrets}))
    written = list(mapping.write_back.fields.values())
    if written and (method := mapping.write_back.script) and "." not in method:
        by_doctype = {"FIELDS": {places.equipment: written}}
        yield Script(method, with_names(scripts.text("acs_write_back"), by_doctype))
    needed = (places.job, places.location, places.customer)
    if all(doctype in schemas for doctype in needed):
        yield Script(ORDER, with_names(scripts.text(ORDER), _order(mapping, places, schemas)))
    text = with_names(scripts.text(NORMALISER), {"FIELD": names["mac_address"]})
    yield Script(NORMALISER, text, places.equipment, "Before Validate")


def _order(mapping: Mapping, places: Places, schemas: Row[str, Schema]) -> Row[str, object]:
    customer, job = mapping.customer, mapping.dispatch_job
    equipment = mapping.equipment.fields
    subscription = subscription_fields(mapping)
    words, statuses = mapping.equipment.status, mapping.subscription.status

    def field(doctype: str, name: str) -> str:
        return name if name in schemas[doctype].fields else ""

    def word(doctype: str, name: str, wanted: tuple[str, ...]) -> str:
        """The first of our words that the site offers; "": its own first one will do."""
        offered = {fold(option): option for option in schemas[doctype].options(name)}
        return next((offered[fold(one)] for one in wanted if fold(one) in offered), "")

    orders: dict[str, Any] = {
        "CUSTOMER": {
            "doctype": places.customer,
            "name": customer.name,
            "phone": next(iter(customer.phone), ""),
            "email": next(iter(customer.email), ""),
        },
        "LOCATION": {
            "doctype": places.location,
            "customer": field(places.location, "customer"),
        },
        "EQUIPMENT": {
            "doctype": places.equipment,
            "customer": field(places.equipment, equipment.customer),
            "service_location": field(places.equipment, equipment.service_location),
            "type": field(places.equipment, equipment.equipment_type),
            "status": equipment.status,
            "inventory": word(places.equipment, equipment.status, words.inventory),
        },
        "JOB": {
            "doctype": places.job,
            "customer": field(places.job, "customer"),
            "service_location": field(places.job, job.service_location),
            "type": job.job_type,
            "status": job.status,
            "installation": word(places.job, job.job_type, job.installation),
            # The first ones are of jobs that somebody is at.
            "open": word(places.job, job.status, tuple(reversed(job.open))),
        },
    }
    there = places.subscription if places.subscription in schemas else ""
    orders["SUBSCRIPTION"] = {
        "doctype": there,
        "customer": field(there, subscription.get("customer", "")) if there else "",
        "service_location": subscription.get("service_location", "") if there else "",
        "status": subscription["status"],
        "pending": word(there, subscription["status"], statuses.pending) if there else "",
    }
    return orders
