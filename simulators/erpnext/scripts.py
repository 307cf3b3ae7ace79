"""The Server Scripts of the site: methods that we ask the ERP's staff to install."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulators.erpnext.call import Call
from simulators.erpnext.database import Row
from simulators.erpnext.errors import Refusal, missing, thrown
from simulators.erpnext.filters import decode_json
from simulators.erpnext.methods import Method
from simulators.erpnext.schema import DocType, Right
from simulators.erpnext.users import require_change

EQUIPMENT = "Service Equipment"
MAX_NAMES = 500


def equipment_secrets(call: Call) -> Any:
    """Return the passwords of one equipment (``name``) or of several (``names``).

    Several: at most 500, as a list or its JSON text; the answer keeps their order and
    leaves out those that do not exist.  Asks for the right to write, and for POST, so
    that names stay out of access logs.
    """
    _require_post(call)
    require_change(call.user, Right.WRITE, call.documents.doctype(EQUIPMENT))
    table = call.documents.db.table(EQUIPMENT)
    if "names" not in call.arguments:
        name = call.text("name")
        row = table.get(name)
        if row is None:
            raise missing(EQUIPMENT, name)
        return _secrets(call, row)
    names = decode_json(call.arguments["names"])
    if not isinstance(names, list):
        raise thrown("ValidationError", "names must be a list")
    if len(names) > MAX_NAMES:
        raise thrown("ValidationError", f"Only {MAX_NAMES} names allowed in one request")
    found = (table.get(str(name)) for name in names)
    return [_secrets(call, row) for row in found if row is not None]


def _require_post(call: Call) -> None:
    if call.verb != "POST":
        raise thrown("ValidationError", "POST only")


def _secrets(call: Call, row: Row) -> dict[str, Any]:
    """Return name, modified, and each password that has no XSS filter to spoil it.

    Those of linked documents are called ``link.field``.
    """
    doctypes = call.documents.doctypes
    secrets = _passwords(doctypes[EQUIPMENT], row)
    for link in doctypes[EQUIPMENT].links:
        target = doctypes[link.target or ""]
        there = call.documents.db.table(target.name).get(str(row.values.get(link.name) or ""))
        told = _passwords(target, there)
        secrets |= {f"{link.name}.{name}": password for name, password in told.items()}
    return {"name": row.name, "modified": row.values["modified"], **secrets}


def _passwords(doctype: DocType, row: Row | None) -> dict[str, Any]:
    fields = (field.name for field in doctype.passwords if field.ignore_xss_filter)
    return {name: row.secrets.get(name) if row else None for name in fields}


def create_order(call: Call) -> Any:
    """Create customer, location, subscriptions, equipment and job in one transaction.

    The job is named after ``order_id`` and comes last, so that a repeated call finds it
    and answers with ``created`` 0.
    """
    _require_post(call)
    order = call.arguments
    number = str(order.get("order_id") or "")
    if not number:
        raise thrown("ValidationError", "order_id is required")
    done = call.documents.db.table("Dispatch Job").get(f"DJ-{number}")
    if done is not None:
        customer, location = done.values["customer"], done.values["service_location"]
        return _order(0, customer, location) | {"dispatch_job": done.name}

    def insert(doctype: str, **values: Any) -> str:
        given = {key: value for key, value in values.items() if value is not None}
        return call.documents.insert(given, call.work, doctype=doctype).name

    customer = insert(
        "Customer",
        customer_name=call.text("customer_name"),
        customer_type="Individual",
        customer_group=order.get("customer_group"),
        territory="Canada",
        legacy_customer_id=order.get("legacy_customer_id"),
    )
    address = {key: order[key] for key in _ADDRESS if key in order}
    location = insert("Service Location", name=f"SL-{number}", customer=customer, **address)
    where = {"customer": customer, "service_location": location}
    subscriptions = [
        insert("Service Subscription", name=f"SUB-{number}-{n}", **where, **subscription)
        for n, subscription in enumerate(order.get("subscriptions") or (), 1)
    ]
    equipment = [
        insert(EQUIPMENT, name=f"SE-{number}-{n}", service_location=location, equipment_type=kind)
        for n, kind in enumerate(order.get("equipment") or (), 1)
    ]
    job = insert("Dispatch Job", name=f"DJ-{number}", status=order.get("job_status"), **where)
    made = {"subscriptions": subscriptions, "equipment": equipment, "dispatch_job": job}
    return _order(1, customer, location) | made


_ADDRESS = ("address_line", "address_line1", "city", "province", "postal_code")


def _order(created: int, customer: Any, location: Any) -> dict[str, Any]:
    return {"created": created, "customer": customer, "service_location": location}


def _scripted(method: Method) -> Method:
    """Mark the method's refusals as coming from a Server Script."""

    def run(call: Call) -> Any:
        try:
            return method.run(call)
        except Refusal as refusal:
            refusal.source = "Server Script"
            raise

    return replace(method, run=run)


SCRIPTS: Mapping[str, Method] = {
    "acs_equipment_secrets": _scripted(Method(equipment_secrets)),
    "acs_create_order": _scripted(Method(create_order)),
}
"""By method name; a site without them answers 417."""
