"""Doctypes as data: fields, naming, permissions, read from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from importlib.resources import files
from typing import Any, TypeAlias

import msgspec

Value: TypeAlias = str | int | float | list[Any] | None
"""What a field can hold; a list only in a Table field (rows of a child table)."""

Values: TypeAlias = Mapping[str, Value]


class FieldType(StrEnum):
    """The Frappe field types in use."""

    DATA = "Data"
    SMALL_TEXT = "Small Text"
    CODE = "Code"
    SELECT = "Select"
    LINK = "Link"
    PASSWORD = "Password"  # noqa: S105 - the name of a type
    CHECK = "Check"
    INT = "Int"
    FLOAT = "Float"
    CURRENCY = "Currency"
    DATE = "Date"
    DATETIME = "Datetime"
    TABLE = "Table"
    TEXT = "Text"
    LONG_TEXT = "Long Text"
    TEXT_EDITOR = "Text Editor"
    PERCENT = "Percent"
    TIME = "Time"
    PHONE = "Phone"
    BARCODE = "Barcode"
    AUTOCOMPLETE = "Autocomplete"
    READ_ONLY = "Read Only"
    SECTION = "Section Break"
    COLUMN = "Column Break"
    TAB = "Tab Break"
    HTML = "HTML"


NUMERIC = frozenset(
    {FieldType.CHECK, FieldType.INT, FieldType.FLOAT, FieldType.CURRENCY, FieldType.PERCENT}
)
VARCHAR = frozenset(
    {FieldType.DATA, FieldType.SELECT, FieldType.LINK, FieldType.PHONE, FieldType.READ_ONLY}
)
LAYOUT = frozenset({FieldType.SECTION, FieldType.COLUMN, FieldType.TAB, FieldType.HTML})
"""Types that arrange the form and have no column."""
DEFAULT_LENGTH = 140
"""Length of a varchar column whose field names none."""


class Right(StrEnum):
    """What a role may do with a doctype."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"
    DELETE = "delete"


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One field (``DocField`` in Frappe).

    ``options`` are the choices of a Select, ``target`` is the doctype of a Link, and
    ``fetch_from`` (``link.field``) makes a field that is never stored.  ``custom``: added
    to the doctype by a Custom Field document.
    """

    name: str
    label: str
    type: FieldType = FieldType.DATA
    options: tuple[str, ...] = ()
    target: str | None = None
    mandatory: bool = False
    unique: bool = False
    indexed: bool = False
    length: int = 0
    default: str | int | None = None
    ignore_xss_filter: bool = False
    fetch_from: str | None = None
    custom: bool = False

    @property
    def searchable(self) -> bool:
        """True when the database keeps an index: unique, search_index, or a Link."""
        return self.unique or self.indexed or self.type is FieldType.LINK

    @property
    def max_length(self) -> int | None:
        """Return the longest text in characters, None for text columns."""
        if self.type not in VARCHAR:
            return None
        return self.length or DEFAULT_LENGTH


STANDARD_FIELDS = (
    Field(name="name", label="ID", indexed=True),
    Field(name="owner", label="Created By"),
    Field(name="creation", label="Created On", type=FieldType.DATETIME),
    Field(name="modified", label="Last Updated On", type=FieldType.DATETIME),
    Field(name="modified_by", label="Last Updated By"),
    Field(name="docstatus", label="Document Status", type=FieldType.INT),
    Field(name="idx", label="Index", type=FieldType.INT),
)
"""The columns every table has, in the order of an answer."""


class DocType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """One doctype.

    ``autoname`` is Frappe's rule (``prompt``, ``field:x``, a series such as
    ``CRM-LEAD-.YYYY.-.#####``), or ``title:x`` for ERPNext's Customer: the title, with
    a number when it is taken.  ``permissions`` maps a role to its rights; a System
    Manager has them all.  ``records`` are the names of documents that exist from the
    start, for doctypes named by a field.
    """

    name: str
    autoname: str
    fields: tuple[Field, ...]
    permissions: Mapping[str, frozenset[Right]] = {}
    records: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> Mapping[str, Field]:
        """The stored fields by name, the standard ones first."""
        stored = (f for f in self.fields if f.fetch_from is None and f.type not in LAYOUT)
        return {field.name: field for field in (*STANDARD_FIELDS, *stored)}

    @cached_property
    def passwords(self) -> tuple[Field, ...]:
        """The Password fields."""
        return tuple(field for field in self.fields if field.type is FieldType.PASSWORD)

    @cached_property
    def mandatory(self) -> tuple[Field, ...]:
        """The fields that must not be empty."""
        return tuple(field for field in self.fields if field.mandatory)

    @cached_property
    def unique(self) -> tuple[Field, ...]:
        """The fields with a unique index."""
        return tuple(field for field in self.fields if field.unique)

    @cached_property
    def selects(self) -> tuple[Field, ...]:
        """The Select fields."""
        return tuple(field for field in self.fields if field.type is FieldType.SELECT)

    @cached_property
    def lengths(self) -> Mapping[str, int]:
        """The longest text of each field that has a limit."""
        return {field.name: field.max_length for field in self.fields if field.max_length}

    @cached_property
    def links(self) -> tuple[Field, ...]:
        """The Link fields."""
        return tuple(field for field in self.fields if field.type is FieldType.LINK)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    doctype: tuple[DocType, ...]


DocTypes: TypeAlias = Mapping[str, DocType]


def read_doctypes(text: str) -> DocTypes:
    """Return the doctypes of a TOML text by name.

    Raises `msgspec.ValidationError` for a key or type that does not belong there.
    """
    return {doctype.name: doctype for doctype in msgspec.toml.decode(text, type=_File).doctype}


def standard_doctypes() -> DocTypes:
    """Return the doctypes of the demo ISP."""
    return read_doctypes((files(__package__) / "seeds" / "doctypes.toml").read_text("utf-8"))


def system_doctypes() -> DocTypes:
    """Return the doctypes of Frappe itself, which every site has."""
    return read_doctypes((files(__package__) / "seeds" / "system.toml").read_text("utf-8"))


def describe(doctype: DocType) -> dict[str, Any]:
    """Return a doctype as ``/api/v2/doctype/{name}/meta`` shows it."""
    return {
        "name": doctype.name,
        "doctype": "DocType",
        "module": "Custom",
        "custom": 1,
        "autoname": doctype.autoname,
        "istable": 0,
        "issingle": 0,
        "fields": [_describe_field(doctype, field, n) for n, field in enumerate(doctype.fields, 1)],
        "permissions": [
            {"role": role, "permlevel": 0} | {right.value: int(right in rights) for right in Right}
            for role, rights in doctype.permissions.items()
        ],
    }


def _describe_field(doctype: DocType, field: Field, idx: int) -> dict[str, Any]:
    options = field.target if field.target else "\n".join(field.options) or None
    shown = {
        "doctype": "DocField",
        "parent": doctype.name,
        "parenttype": "DocType",
        "parentfield": "fields",
        "idx": idx,
        "fieldname": field.name,
        "label": field.label,
        "fieldtype": field.type.value,
        "options": options,
        "reqd": int(field.mandatory),
        "unique": int(field.unique),
        "search_index": int(field.indexed),
        "length": field.length,
        "default": None if field.default is None else str(field.default),
        "ignore_xss_filter": int(field.ignore_xss_filter),
        "fetch_from": field.fetch_from,
        "is_custom_field": 1 if field.custom else None,
        "is_virtual": int(field.fetch_from is not None),
    }
    return {key: value for key, value in shown.items() if value is not None}
