"""What a new document is called (Frappe's ``autoname``)."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NamedTuple

from simulators.erpnext.database import Database
from simulators.erpnext.errors import Message, thrown
from simulators.erpnext.schema import DocType, Values


class Named(NamedTuple):
    """A name, and what the user should be told about it."""

    name: str
    note: Message | None = None


def new_name(doctype: DocType, values: Values, wanted: str | None, now: str, db: Database) -> Named:
    """Return the name of a new document.

    ``wanted`` is the name the caller asked for; only ``prompt`` heeds it here.  ``now``
    is the site's time as text.  Raises a 417 refusal when the rule needs what is missing.
    """
    kind, _, argument = doctype.autoname.partition(":")
    match kind:
        case "prompt":
            if not wanted:
                raise thrown("ValidationError", "Please set the document name")
            return Named(wanted)
        case "field":
            if not (name := str(values.get(argument) or "").strip()):
                label = doctype.columns[argument].label
                raise thrown("ValidationError", f"{label} is required")
            return Named(name)
        case "title":
            return _title(doctype, str(values.get(argument) or "").strip(), db)
        case "custom_field":
            return Named(f"{values['dt']}-{values['fieldname']}")
        case "property_setter":
            part = values.get("field_name") or values.get("row_name") or "main"
            return Named(f"{values['doc_type']}-{part}-{values['property']}")
        case "hash":
            return Named(_hash(db.next_number(f"hash of {doctype.name}")))
        case "naming_series":
            return Named(_from_series(str(values["naming_series"]), now, db))
        case _:
            return Named(_from_series(doctype.autoname, now, db))


def _hash(number: int) -> str:
    """Return ten characters that tell nothing, and are the same in every run."""
    return sha256(str(number).encode()).hexdigest()[:10]


def _title(doctype: DocType, title: str, db: Database) -> Named:
    table = db.table(doctype.name)
    if table.get(title) is None:
        return Named(title)
    number = 1
    while table.get(f"{title} - {number}") is not None:
        number += 1
    name = f"{title} - {number}"
    text = f"Changed {doctype.name.lower()} name to '{name}' as '{title}' already exists."
    return Named(name, Message(text, "Note", "yellow"))


def _from_series(series: str, now: str, db: Database) -> str:
    *parts, hashes = series.split(".")
    if not re.fullmatch("#+", hashes):
        parts, hashes = [*parts, hashes], "#####"
    dates = {"YYYY": now[:4], "YY": now[2:4], "MM": now[5:7], "DD": now[8:10]}
    prefix = "".join(dates.get(part, part) for part in parts)
    return f"{prefix}{db.next_number(prefix):0{len(hashes)}d}"
