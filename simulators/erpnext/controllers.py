"""What Frappe's own doctypes check and bring about when they are saved.

Custom Fields, Property Setters and Custom DocPerms change other doctypes at once; as with
the ALTER TABLE of a real database, whatever was written before is committed with it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from simulators.erpnext.collation import fold
from simulators.erpnext.customizing import customised
from simulators.erpnext.database import Change, Row
from simulators.erpnext.errors import Message, Refusal, thrown
from simulators.erpnext.schema import Field
from simulators.erpnext.validation import Draft
from simulators.erpnext.webhooks import WebhookError, check_template, evaluate

if TYPE_CHECKING:
    from simulators.erpnext.documents import Documents, Work

_CUSTOMISING = {"Custom Field": "dt", "Property Setter": "doc_type", "Custom DocPerm": "parent"}
_SUBMITTED = ("on_submit", "on_cancel", "on_update_after_submit")


def validate(
    doctype: str, draft: Draft, before: Row | None, documents: Documents, work: Work
) -> None:
    """Check, and complete, a document of one of Frappe's doctypes.  Raises `Refusal`."""
    match doctype:
        case "Custom Field":
            _validate_custom_field(draft, before, documents)
        case "Property Setter" if before is None:
            _replace_setter(draft, documents)
        case "Server Script":
            _warn_of_syntax(draft, work)
        case "Webhook":
            _validate_webhook(draft, before)
        case "DocType":
            raise thrown("ValidationError", "The stand-in does not create or change doctypes")


def customises(doctype: str, row: Row) -> str | None:
    """Return the doctype that a document changes, None for none."""
    column = _CUSTOMISING.get(doctype)
    return str(row.values[column]) if column else None


def reshape(target: str, documents: Documents) -> None:
    """Make a doctype what its base and the documents about it say.

    Raises the 417 refusal for a unique index over values that are there twice.
    """

    def about(doctype: str) -> list[Row]:
        column = _CUSTOMISING[doctype]
        return list(documents.db.table(doctype).find(column, [target]))

    changed = customised(
        documents.bases[target],
        [row.values for row in about("Custom Field")],
        [row.values for row in about("Property Setter")],
        [row.values for row in about("Custom DocPerm")],
    )
    table = documents.db.table(target)
    old = documents.doctypes[target].columns
    for field in changed.columns.values():
        if field.unique and not (field.name in old and old[field.name].unique):
            _require_no_twins(list(table), field, target)
    documents.doctypes[target] = changed
    table.reshape(changed)
    documents.find_links()
    documents.db.commit()


def _require_no_twins(rows: list[Row], field: Field, doctype: str) -> None:
    seen: set[str] = set()
    for row in rows:
        value = row.values.get(field.name)
        if value in (None, ""):
            continue
        if fold(str(value)) in seen:
            raise thrown(
                "NonUniqueError",
                f"{field.label} cannot be set as unique in {doctype}, as there are"
                " non-unique existing values",
            )
        seen.add(fold(str(value)))


def _validate_custom_field(draft: Draft, before: Row | None, documents: Documents) -> None:
    if not draft.get("fieldname"):
        if not draft.get("label"):
            raise thrown("ValidationError", "Label is mandatory")
        draft["fieldname"] = str(draft["label"]).lower().replace(" ", "_")
    doctype, name = str(draft.get("dt") or ""), str(draft["fieldname"])
    if before is not None:
        if before.values["fieldname"] != name or before.values["fieldtype"] != draft["fieldtype"]:
            text = f"Fieldtype cannot be changed from {before.values['fieldtype']}"
            raise thrown("ValidationError", f"{text} to {draft['fieldtype']}")
        return
    kind = documents.doctypes.get(doctype)
    if kind and any(fold(field.name) == fold(name) for field in kind.fields):
        text = f"A field with the name <strong>{name}</strong> already exists in {doctype}"
        raise thrown("ValidationError", text)


def _replace_setter(draft: Draft, documents: Documents) -> None:
    """Delete the setter of the same property, as Frappe does: the newest counts."""
    table = documents.db.table("Property Setter")
    same = ("doc_type", "property", "field_name")
    for row in list(table):
        if all((row.values.get(name) or "") == (draft.get(name) or "") for name in same):
            documents.db.delete("Property Setter", row)


def _warn_of_syntax(draft: Draft, work: Work) -> None:
    try:
        ast.parse(str(draft.get("script") or ""))
    except SyntaxError as error:
        work.messages.append(Message(str(error), "Compilation warning"))


def _validate_webhook(draft: Draft, before: Row | None) -> None:
    doctype, event = str(draft["webhook_doctype"]), draft.get("webhook_docevent")
    for name in ("webhook_doctype", "webhook_docevent"):
        if before is not None and before.values[name] != draft[name]:
            label = "DocType" if name == "webhook_doctype" else "Doc Event"
            raise thrown("CannotChangeConstantError", f"Value cannot be changed for {label}")
    if event in _SUBMITTED:  # none of our doctypes is submittable
        text = "DocType must be Submittable for the selected Doc Event"
        raise thrown("ValidationError", text)
    try:
        if draft.get("condition"):
            empty = Row({"name": None, "doctype": doctype})
            evaluate(str(draft["condition"]), Change(doctype, None, empty))
    except WebhookError as error:
        raise thrown("ValidationError", f"Invalid Condition: {error}") from None
    if not urlsplit(str(draft["request_url"])).netloc:
        raise thrown("ValidationError", "Check Request URL")
    if draft.get("request_structure") == "JSON":
        try:
            check_template(str(draft.get("webhook_json") or ""))
        except WebhookError as error:
            raise thrown("ValidationError", f"Syntax error in template: {error}") from None
    if draft.get("enable_security") and not draft.get("webhook_secret"):
        raise thrown("ValidationError", "Invalid Webhook Secret")


def require_scripts_allowed(allowed: bool) -> None:
    """Raise what every run of a Server Script answers on a bench that does not allow them."""
    if not allowed:
        text = "Server Scripts are disabled. Please enable server scripts from bench configuration."
        raise Refusal(
            "frappe.utils.safe_exec.ServerScriptNotEnabled",
            text,
            messages=[Message(text, "Server Scripts Disabled", "red", raised=True)],
        )
