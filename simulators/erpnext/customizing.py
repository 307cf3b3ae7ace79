"""A doctype as its Custom Fields, Property Setters and Custom DocPerms make it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from simulators.erpnext.schema import DocType, Field, FieldType, Right, Value, Values


def customised(
    base: DocType, fields: Iterable[Values], setters: Iterable[Values], grants: Iterable[Values]
) -> DocType:
    """Return ``base`` with the rows of those three doctypes applied.

    As soon as one Custom DocPerm exists for a doctype, its own permissions count no more.
    """
    known = list(base.fields)
    for row in fields:
        _insert(known, custom_field(row), str(row.get("insert_after") or ""))
    changes: dict[str, dict[str, Any]] = {}
    whole: dict[str, Any] = {}
    for row in setters:
        target = changes.setdefault(str(row.get("field_name") or ""), {})
        target |= _property(str(row["property"]), row.get("value"))
    for name, value in changes.pop("", {}).items():
        whole |= {name: value} if name == "autoname" else {}
    named = {field.name: n for n, field in enumerate(known)}
    for name, change in changes.items():
        if name in named:
            known[named[name]] = msgspec.structs.replace(known[named[name]], **change)
    permissions: dict[str, frozenset[Right]] = {}
    for row in grants:
        if not row.get("permlevel") and not row.get("if_owner"):
            given = frozenset(right for right in Right if row.get(right.value))
            role = str(row["role"])
            permissions[role] = permissions.get(role, frozenset()) | given
    return DocType(
        name=base.name,
        autoname=whole.get("autoname", base.autoname),
        fields=tuple(known),
        permissions=permissions or base.permissions,
        records=base.records,
    )


def custom_field(row: Values) -> Field:
    """Return the field that a Custom Field document describes."""
    kind = FieldType(str(row["fieldtype"]))
    options = str(row.get("options") or "")
    return Field(
        name=str(row["fieldname"]),
        label=str(row.get("label") or row["fieldname"]),
        type=kind,
        options=tuple(options.split("\n")) if kind is FieldType.SELECT else (),
        target=options if kind is FieldType.LINK else None,
        mandatory=bool(row.get("reqd")),
        unique=bool(row.get("unique")),
        indexed=bool(row.get("search_index")),
        length=int(str(row.get("length") or 0)),
        default=_default(row.get("default")),
        ignore_xss_filter=bool(row.get("ignore_xss_filter")),
        fetch_from=str(row["fetch_from"]) if row.get("fetch_from") else None,
        custom=True,
    )


def custom_field_document(doctype: DocType, field: Field, after: str | None) -> dict[str, Any]:
    """Return the Custom Field document of a field: what `custom_field` reads."""
    return {
        "doctype": "Custom Field",
        "dt": doctype.name,
        "fieldname": field.name,
        "label": field.label,
        "fieldtype": field.type.value,
        "options": field.target or "\n".join(field.options) or None,
        "insert_after": after,
        "reqd": int(field.mandatory),
        "unique": int(field.unique),
        "search_index": int(field.indexed),
        "length": field.length,
        "default": field.default,
        "ignore_xss_filter": int(field.ignore_xss_filter),
        "fetch_from": field.fetch_from,
    }


def delivered(doctype: DocType) -> DocType:
    """Return a doctype without the fields that Custom Field documents add."""
    fields = tuple(field for field in doctype.fields if not field.custom)
    return msgspec.structs.replace(doctype, fields=fields)


def additions(doctype: DocType) -> Iterator[dict[str, Any]]:
    """Yield the Custom Field documents of the fields that `delivered` leaves out."""
    after: str | None = None
    for field in doctype.fields:
        if field.custom:
            yield custom_field_document(doctype, field, after)
        after = field.name


def _insert(fields: list[Field], field: Field, after: str) -> None:
    place = next((n for n, known in enumerate(fields, 1) if known.name == after), len(fields))
    fields.insert(place, field)


_PROPERTIES: Mapping[str, tuple[str, type]] = {
    "label": ("label", str),
    "reqd": ("mandatory", int),
    "unique": ("unique", int),
    "search_index": ("indexed", int),
    "length": ("length", int),
    "ignore_xss_filter": ("ignore_xss_filter", int),
    "autoname": ("autoname", str),
}


def _property(name: str, value: Value) -> dict[str, Any]:
    if name == "options":
        return {"options": tuple(str(value or "").split("\n"))}
    if name == "default":
        return {"default": _default(value)}
    if name not in _PROPERTIES:  # of the form only
        return {}
    ours, kind = _PROPERTIES[name]
    text = str(value or "")
    if kind is str:
        return {ours: text}
    number = int(text) if text.isdigit() else 0
    return {ours: number if ours == "length" else bool(number)}


def _default(value: Value) -> str | int | None:
    return value if isinstance(value, str | int) and value != "" else None
