"""The methods under ``/api/method``: those of Frappe that a bridge uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.erpnext.administration import ADMINISTRATION
from simulators.erpnext.call import Call
from simulators.erpnext.errors import FRAPPE, Message, Refusal, crash, missing, thrown
from simulators.erpnext.filters import decode_json
from simulators.erpnext.query import DEFAULT_PAGE, Query, count_rows, list_rows, whole
from simulators.erpnext.users import require_system_manager

MAX_INSERTS = 200
_ANY = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
_WRITE = frozenset({"POST", "PUT"})
_DELETE = frozenset({"POST", "DELETE"})


@dataclass(frozen=True, slots=True)
class Method:
    """A whitelisted function: what it does, by which verbs, and whether guests may."""

    run: Callable[[Call], Any]
    verbs: frozenset[str] = _ANY
    guest: bool = False


def find_method(name: str, call: Call, scripts: Callable[[str], Method | None]) -> Method:
    """Return the method a caller may run.

    Raises 417 for an unknown one, 403 for a wrong verb or one that is closed to guests
    or not whitelisted.
    """
    method = scripts(name) or METHODS.get(name)
    if method is None:
        if name in _NOT_WHITELISTED:
            raise _not_whitelisted(name)
        raise thrown("ValidationError", _unknown(name))
    if not method.guest and call.user.name == "Guest":
        raise _not_whitelisted(name)
    if call.verb not in method.verbs:
        raise thrown("PermissionError", "Not permitted")
    return method


_NOT_WHITELISTED = frozenset({"frappe.utils.password.get_decrypted_password"})


def _unknown(name: str) -> str:
    module, _, attribute = name.rpartition(".")
    if any(known.startswith(f"{module}.") for known in METHODS) and module:
        reason = f"module '{module}' has no attribute '{attribute}'"
    elif module:
        reason = f"No module named '{module.partition('.')[0]}'"
    else:
        reason = "Empty module name"
    return f"Failed to get method for command {name} with {reason}"


def _not_whitelisted(name: str) -> Refusal:
    text = (
        "<details><summary>You are not permitted to access this resource.</summary>"
        f"Function <strong>{name}</strong> is not whitelisted.</details>"
    )
    return thrown("PermissionError", text, "Method Not Allowed")


def _get_list(call: Call) -> Any:
    arguments = call.arguments
    query = Query(
        fields=arguments.get("fields"),
        filters=arguments.get("filters"),
        or_filters=arguments.get("or_filters"),
        order_by=arguments.get("order_by"),
        start=whole(arguments.get("limit_start"), 0),
        length=whole(arguments.get("limit_page_length"), DEFAULT_PAGE),
    )
    return list_rows(call.documents, call.text("doctype"), query, call.user)


def _get_value(call: Call) -> Any:
    filters = call.arguments.get("filters")
    if isinstance(filters, str) and not filters.lstrip().startswith(("[", "{")):
        filters = {"name": filters}
    query = Query(fields=call.required("fieldname"), filters=filters, length=1)
    rows = list_rows(call.documents, call.text("doctype"), query, call.user)
    return rows[0] if rows else {}


def _get(call: Call) -> Any:
    doctype, name = call.text("doctype"), call.arguments.get("name")
    if not name:
        query = Query(filters=call.required("filters"), length=1)
        rows = list_rows(call.documents, doctype, query, call.user)
        if not rows:
            raise missing(doctype, str(call.arguments["filters"]))
        name = rows[0]["name"]
    row = call.documents.read(doctype, str(name), call.work)
    return call.documents.shown(doctype, row, nulls=True)


def _get_count(call: Call) -> Any:
    filters = call.arguments.get("filters")
    return count_rows(call.documents, call.text("doctype"), filters, call.user)


def _insert(call: Call) -> Any:
    document = call.document()
    doctype = str(document.get("doctype"))
    row = call.documents.insert(document, call.work, doctype=doctype)
    return call.documents.shown(doctype, row, nulls=True)


def _insert_many(call: Call) -> Any:
    documents = decode_json(call.required("docs"))
    if not isinstance(documents, list):
        raise crash("TypeError", "argument 'docs' is not a list")
    if len(documents) > MAX_INSERTS:
        raise thrown("ValidationError", f"Only {MAX_INSERTS} inserts allowed in one request")
    return [
        call.documents.insert(document, call.work, doctype=str(document.get("doctype"))).name
        for document in documents
    ]


def _set_value(call: Call) -> Any:
    doctype, fieldname = call.text("doctype"), call.required("fieldname")
    if isinstance(fieldname, str) and not fieldname.lstrip().startswith("{"):
        changes = {fieldname: call.arguments.get("value")}
    else:
        changes = dict(decode_json(fieldname))
    if changes.keys() & {"name", "owner", "creation", "docstatus", "doctype"}:
        raise thrown("ValidationError", "Cannot edit standard fields")
    row = call.documents.update(doctype, call.text("name"), changes, call.work)
    return call.documents.shown(doctype, row, nulls=True)


def _save(call: Call) -> Any:
    document = call.document()
    row = call.documents.replace(document, call.work)
    return call.documents.shown(str(document["doctype"]), row, nulls=True)


def _delete(call: Call) -> None:
    call.documents.delete(call.text("doctype"), call.text("name"), call.work)


def _bulk_update(call: Call) -> Any:
    """Save what can be saved; 200 with the failures listed (not atomic)."""
    raw = call.required("docs")
    if not isinstance(raw, str):
        raise crash("TypeError", "the JSON object must be str, bytes or bytearray, not list")
    failed: list[dict[str, Any]] = []
    for document in decode_json(raw):
        changes = {k: v for k, v in document.items() if k not in ("doctype", "docname")}
        try:
            call.documents.update(
                str(document["doctype"]), str(document["docname"]), changes, call.work
            )
        except Refusal as refusal:
            call.work.messages.extend(refusal.messages)
            failed.append({"doc": document, "exc": refusal.traceback})
    return {"failed_docs": failed}


def _get_password(call: Call) -> Any:
    require_system_manager(call.user)
    doctype, name, field = call.text("doctype"), call.text("name"), call.text("fieldname")
    row = call.documents.read(doctype, name, call.work)
    if field not in row.secrets:
        text = f"Password not found for {doctype} {name} {field}"
        raise Refusal(
            FRAPPE + "ValidationError",
            text,
            messages=[Message(text, indicator="red", raised=True)],
        )
    return row.secrets[field]


METHODS: Mapping[str, Method] = {
    "ping": Method(lambda _: "pong", guest=True),
    "frappe.ping": Method(lambda _: "pong", guest=True),
    "frappe.auth.get_logged_user": Method(lambda call: call.user.name),
    "frappe.client.get_time_zone": Method(lambda call: {"time_zone": call.time_zone}, guest=True),
    "frappe.client.get_list": Method(_get_list),
    "frappe.client.get_value": Method(_get_value),
    "frappe.client.get": Method(_get),
    "frappe.client.get_count": Method(_get_count),
    "frappe.client.insert": Method(_insert, _WRITE),
    "frappe.client.insert_many": Method(_insert_many, _WRITE),
    "frappe.client.set_value": Method(_set_value, _WRITE),
    "frappe.client.save": Method(_save, _WRITE),
    "frappe.client.delete": Method(_delete, _DELETE),
    "frappe.client.bulk_update": Method(_bulk_update, _WRITE),
    "frappe.client.get_password": Method(_get_password),
    **{name: Method(run) for name, run in ADMINISTRATION.items()},
}
