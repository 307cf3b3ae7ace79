"""The Server Scripts of the site: methods that we ask the ERP's staff to install."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from simulators.erpnext.call import Call
from simulators.erpnext.controllers import require_scripts_allowed
from simulators.erpnext.database import Database, Row
from simulators.erpnext.errors import Refusal, crash, missing, thrown
from simulators.erpnext.filters import decode_json
from simulators.erpnext.methods import Method
from simulators.erpnext.orders import create_order
from simulators.erpnext.schema import DocType, DocTypes, FieldType, Right
from simulators.erpnext.users import require_change
from simulators.erpnext.validation import Draft

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


def place_order(call: Call) -> Any:
    """Make a whole order, or find it; see `simulators.erpnext.orders`."""
    _require_post(call)
    return create_order(call)


def _scripted(method: Method) -> Method:
    """Mark the method's refusals as coming from a Server Script."""

    def run(call: Call) -> Any:
        try:
            return method.run(call)
        except Refusal as refusal:
            refusal.source = "Server Script"
            raise

    return replace(method, run=run)


def write_back(call: Call) -> Any:
    """Set fields of many documents: ``rows`` of ``{"doctype", "name", "fields"}``.

    ``modified`` stays, and no webhook tells of it.  Each row is answered with ``name``,
    ``ok`` and ``error``; a bad one does not keep the others from being set.
    """
    _require_post(call)
    rows = decode_json(call.required("rows"))
    if not isinstance(rows, list):
        raise thrown("ValidationError", "rows must be a list")
    if len(rows) > MAX_NAMES:
        raise thrown("ValidationError", f"Only {MAX_NAMES} rows allowed in one request")
    return [_written(call, row) for row in rows]


def _written(call: Call, row: Any) -> dict[str, Any]:
    name = str(row.get("name")) if isinstance(row, dict) else ""
    try:
        match row:
            case {"doctype": str(doctype), "name": str(name), "fields": dict(fields)}:
                _set(call, doctype, name, fields)
            case _:
                raise thrown("ValidationError", "a row needs doctype, name and fields")
    except Refusal as refusal:
        return {"name": name, "ok": False, "error": f"{refusal.exc_type}: {refusal.said}"}
    return {"name": name, "ok": True, "error": None}


def _set(call: Call, doctype: str, name: str, fields: Mapping[str, Any]) -> None:
    kind = call.documents.listable(doctype, call.user)
    require_change(call.user, Right.WRITE, kind)
    for field in fields:
        spec = next((spec for spec in kind.fields if spec.name == field), None)
        if spec is None or field not in kind.columns or spec.type is FieldType.PASSWORD:
            raise thrown("ValidationError", f"{doctype} has no field {field} to be set")
    call.documents.set_values(doctype, name, fields, call.work, touch=False)


def normalise_mac(draft: Draft) -> None:
    """Write a MAC address in upper case with colons, whatever the spelling."""
    given = str(draft.get("mac_address") or "")
    digits = given.translate(str.maketrans("", "", ":-. ")).upper()
    if len(digits) == 12 and all(digit in "0123456789ABCDEF" for digit in digits):
        draft["mac_address"] = ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def _switched_off(call: Call) -> None:
    require_scripts_allowed(False)


SCRIPTS: Mapping[str, Method] = {
    "acs_equipment_secrets": _scripted(Method(equipment_secrets)),
    "acs_create_order": _scripted(Method(place_order)),
    "acs_write_back": _scripted(Method(write_back)),
}
"""By method name; a site without a Server Script for it answers 417."""

EventScript = Callable[[Draft], None]
KnownEventScript = tuple[str, str, EventScript]
EVENT_SCRIPTS: Mapping[str, KnownEventScript] = {
    "acs_mac_normaliser": (EQUIPMENT, "Before Validate", normalise_mac),
}
"""By the name of the Server Script: its doctype, its event, what it does to a draft."""

DISABLED = Method(_switched_off, guest=True)
"""What stands for every script on a bench that does not allow them."""


def find_script(db: Database, known: Mapping[str, Method], name: str) -> Method | None:
    """Return the API script of a method name, if there is an enabled Server Script for it.

    The stand-in runs none of their text: of a method it does not know it says so.
    """
    for row in db.table("Server Script").find("api_method", [name]):
        if row.values["script_type"] == "API" and not row.values.get("disabled"):
            return known.get(name) or _unknown(name)
    return None


def find_event_scripts(
    db: Database, known: Mapping[str, KnownEventScript], doctype: str
) -> Iterator[EventScript]:
    """Yield what the enabled Server Scripts of a doctype do before it is validated."""
    for row in db.table("Server Script").find("reference_doctype", [doctype]):
        values = row.values
        enabled = not values.get("disabled") and values["script_type"] == "DocType Event"
        match known.get(row.name) if enabled else None:
            case (wanted, event, run) if (wanted, event) == (doctype, values["doctype_event"]):
                yield run


def script_documents(
    known: Mapping[str, Method], events: Mapping[str, KnownEventScript], doctypes: DocTypes
) -> Iterator[dict[str, Any]]:
    """Yield the Server Scripts of a site on which all of ours are installed."""
    text = "# carried out by the stand-in itself"
    for name in known:
        yield {"doctype": "Server Script", "name": name, "script_type": "API"} | {
            "api_method": name,
            "script": text,
        }
    for name, (doctype, event, _) in events.items():
        if doctype in doctypes:
            yield {"doctype": "Server Script", "name": name, "script_type": "DocType Event"} | {
                "reference_doctype": doctype,
                "doctype_event": event,
                "script": text,
            }


def _unknown(name: str) -> Method:
    def run(call: Call) -> Any:
        raise crash("NotImplementedError", f"the stand-in does not know the script {name}")

    return Method(run)
