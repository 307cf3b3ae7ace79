"""Fields that a site lacks, and flags that its fields lack.

The type of a field that exists is never changed: what it holds is the site's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as Row
from difflib import get_close_matches
from typing import Any

from erp_bridge.install.difference import Difference, Request, Seen, Verb
from erp_bridge.install.wanted import Schema, WantedField


def differing_fields(fields: Sequence[WantedField], seen: Seen) -> Iterator[Difference]:
    """Yield what is not as it should be with the fields of all doctypes that exist."""
    after: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    mapped: dict[str, set[str]] = {}
    for one in fields:
        mapped.setdefault(one.doctype, set()).add(one.name)
    for one in fields:
        schema = seen.schemas.get(one.doctype)
        if schema is None or (one.doctype, one.name) in done:
            continue
        done.add((one.doctype, one.name))
        row = schema.fields.get(one.name)
        if row is None:
            last = after.get(one.doctype) or next(reversed(list(schema.fields)), "")
            yield _missing(one, schema, mapped[one.doctype], last)
            after[one.doctype] = one.name if one.may_make else last
        elif str(row.get("fieldtype")) not in one.accepted:
            yield Difference(
                f"{one.doctype}.{one.name} is of type {row.get('fieldtype')}, which cannot serve"
                f" as {one.ours}",
                f"Name a field of type {' or '.join(sorted(one.accepted))} as {one.ours} in the"
                " mapping; the type of an existing field is never changed",
            )
        else:
            yield from _flags(one, row)


def _missing(one: WantedField, schema: Schema, mapped: Collection[str], after: str) -> Difference:
    near = _near(one.name, schema, mapped)
    hint = (
        f" (it has {near!r}: if that is meant, name it in the mapping as {one.ours})"
        if near
        else ""
    )
    what = f"{one.doctype} has no field {one.name!r}{hint}"
    if not one.may_make:
        return Difference(
            what,
            f'Name the site\'s field as {one.ours} in the mapping, or "" if it has none',
            matters=False,
        )
    kind = ", ".join((one.fieldtype, *(name for name, _ in _wanted_flags(one))))
    fields: dict[str, Any] = {
        "dt": one.doctype,
        "fieldname": one.name,
        "label": _label(one.name),
        "fieldtype": one.fieldtype,
        "insert_after": after,
        **dict.fromkeys((flag for _, flag in _wanted_flags(one)), 1),
    }
    if one.options:
        fields["options"] = one.options
    if one.read_only:
        fields |= {"read_only": 1, "no_copy": 1}
    return Difference(
        what,
        f"Customize Form, {one.doctype} (of a custom DocType: the DocType itself): add {one.name}"
        f" ({kind})",
        f"Add the field {one.name} ({kind}) to {one.doctype}{hint}",
        (Request(Verb.INSERT, "Custom Field", f"{one.doctype}-{one.name}", fields),),
    )


def _near(name: str, schema: Schema, mapped: Collection[str]) -> str:
    """Find a field of the site that may be the one that is meant."""
    if f"custom_{name}" in schema.fields:
        return f"custom_{name}"
    others = [other for other in schema.fields if other not in mapped]
    return next(iter(get_close_matches(name, others, n=1, cutoff=0.8)), "")


def _label(name: str) -> str:
    special = {
        "acs": "ACS",
        "wifi": "Wi-Fi",
        "ssid": "SSID",
        "sip": "SIP",
        "ip": "IP",
        "gpon": "GPON",
    }
    special |= {"cwmp": "CWMP", "mac": "MAC", "dbm": "dBm", "rx": "Rx", "vlan": "VLAN", "on": "on"}
    return " ".join(special.get(word, word.capitalize()) for word in name.split("_"))


def _wanted_flags(one: WantedField) -> Iterator[tuple[str, str]]:
    """Yield the flags a field should have: as the form calls them, and Frappe."""
    if one.unique:
        yield "Unique", "unique"
    elif one.indexed:
        yield "Index", "search_index"
    if one.raw:
        yield "Ignore XSS Filter", "ignore_xss_filter"


_LOSS = {
    "unique": "two documents may carry the same value",
    "search_index": "each look-up reads the whole table",
    "ignore_xss_filter": "a value such as s<b>cr3t is changed when it is saved",
}


def _flags(one: WantedField, row: Row[str, Any]) -> Iterator[Difference]:
    for shown, flag in _wanted_flags(one):
        if row.get(flag) or (flag == "search_index" and row.get("unique")):
            continue
        if row.get("is_custom_field"):
            name = f"{one.doctype}-{one.name}"
            request = Request(Verb.UPDATE, "Custom Field", name, {flag: 1})
        else:
            request = _setter(one, flag)
        more = "" if flag == "ignore_xss_filter" or row.get("is_custom_field") else _AT_MIGRATE
        yield Difference(
            f"{one.doctype}.{one.name} is not {shown}: {_LOSS[flag]}",
            f"Customize Form, {one.doctype}, field {one.name}: tick {shown}{more}",
            f"Tick {shown} on {one.doctype}.{one.name}",
            (request,),
            # A site with doubles refuses Unique, and serves devices all the same.
            matters=False,
        )


_AT_MIGRATE = "; the database follows at the next `bench --site SITE migrate`"


def _setter(one: WantedField, flag: str) -> Request:
    fields = {
        "doctype_or_field": "DocField",
        "doc_type": one.doctype,
        "field_name": one.name,
        "property": flag,
        "property_type": "Check",
        "value": "1",
    }
    name = f"{one.doctype}-{one.name}-{flag}"
    return Request(Verb.INSERT, "Property Setter", name, fields)
