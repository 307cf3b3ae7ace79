"""What the Server Script `acs_create_order` does: a whole order in one transaction, once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from simulators.erpnext.call import Call
from simulators.erpnext.errors import thrown
from simulators.erpnext.schema import DocType
from simulators.erpnext.users import require_read

CUSTOMER, LOCATION, JOB = "Customer", "Service Location", "Dispatch Job"
_LISTS = {"subscriptions": "Service Subscription", "equipment": "Service Equipment", "jobs": JOB}
_PREFIX = {"subscriptions": "SUB-{}-", "equipment": "SE-{}-", "jobs": "DJ-{}."}
_USUAL: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "subscriptions": {"status": ("En attente", "Pending")},
    "equipment": {"status": ("inventory", "Inventaire", "Inventory")},
    "jobs": {"status": ("Scheduled",), "job_type": ("Installation",)},
}
"""What is filled in where the order says nothing: the first word that the site offers."""

Rows = list[Mapping[str, Any]]


def create_order(call: Call) -> dict[str, Any]:
    """Create customer, location, subscriptions, equipment and jobs.

    The first job is named after ``order_id``: a repeated call finds it, and is answered with what
    exists and ``created`` 0.
    """
    order = call.arguments
    number = str(order.get("order_id") or "")
    if not re.fullmatch("[A-Za-z0-9-]{1,60}", number):
        raise thrown("ValidationError", "order_id must have letters, digits and dashes")
    location = f"SL-{number}"
    if call.documents.db.table(JOB).get(f"DJ-{number}") is not None:
        require_read(call.user, call.documents.doctype(JOB))
        place = call.documents.db.table(LOCATION).get(location)
        return _answer(call, number, 0, place.values["customer"] if place else None)
    rows = {part: _rows(order, part) for part in _LISTS}
    rows["jobs"] = rows["jobs"] or [{}]
    address = order.get("location")
    problems = list(_problems(call, rows, address))
    if problems:
        raise thrown("ValidationError", "; ".join(problems))
    customer = str(order.get("customer") or "") or _new_customer(call)
    call.documents.insert(
        {**(address or {}), "name": location, "customer": customer}, call.work, doctype=LOCATION
    )
    for part, doctype in _LISTS.items():
        kind = call.documents.doctype(doctype)
        links = {"customer": customer, "service_location": location, "order_id": number}
        given = {name: value for name, value in links.items() if name in kind.columns}
        for position, row in enumerate(rows[part], 1):
            first = part == "jobs" and position == 1
            name = f"DJ-{number}" if first else f"{_PREFIX[part].format(number)}{position}"
            usual = dict(_usual(part, kind))
            values = {**usual, **given, **row, "name": name}
            call.documents.insert(values, call.work, doctype=doctype)
    return _answer(call, number, 1, customer)


def _rows(order: Mapping[str, Any], part: str) -> Rows:
    listed = order.get(part) or []
    return [{"equipment_type": row} if isinstance(row, str) else row for row in listed]


def _problems(call: Call, rows: Mapping[str, Rows], address: Any) -> Iterator[str]:
    order = call.arguments
    if not isinstance(address, dict) or not address:
        yield "location must name the fields of the place"
        address = {}
    tables = {LOCATION: [address]} | {_LISTS[part]: listed for part, listed in rows.items()}
    for doctype, listed in tables.items():
        known = call.documents.doctype(doctype).columns
        for field in (field for row in listed for field in row if field not in known):
            yield f"{doctype} has no field {field}"
    if customer := order.get("customer"):
        if call.documents.db.table(CUSTOMER).get(str(customer)) is None:
            yield f"customer: there is no {customer}"
        return
    for field in ("customer_name", "customer_group", "territory"):
        if not order.get(field):
            yield f"{field} is required, or customer for an existing one"


def _new_customer(call: Call) -> str:
    order = call.arguments
    values = {
        **(order.get("customer_fields") or {}),
        "customer_name": order["customer_name"],
        "customer_type": order.get("customer_type") or "Individual",
        "customer_group": order["customer_group"],
        "territory": order["territory"],
        "cell_phone": order.get("phone"),
        "email_billing": order.get("email"),
    }
    return call.documents.insert(values, call.work, doctype=CUSTOMER).name


def _usual(part: str, kind: DocType) -> Iterator[tuple[str, str]]:
    for field, words in _USUAL[part].items():
        offered = kind.columns[field].options if field in kind.columns else ()
        if word := next((word for word in words if word in offered), None):
            yield field, word


def _answer(call: Call, number: str, created: int, customer: Any) -> dict[str, Any]:
    found: dict[str, list[str]] = {"jobs": [f"DJ-{number}"]}
    for part, doctype in _LISTS.items():
        table, names = call.documents.db.table(doctype), found.setdefault(part, [])
        prefix = _PREFIX[part].format(number)
        while (row := table.get(f"{prefix}{len(names) + 1}")) is not None:
            names.append(row.name)
    return {
        "created": created,
        "customer": customer,
        "service_location": f"SL-{number}",
        "subscriptions": found["subscriptions"],
        "equipment": found["equipment"],
        "dispatch_job": f"DJ-{number}",
        "dispatch_jobs": found["jobs"],
    }
