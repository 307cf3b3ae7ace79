"""Filters: the JSON forms of a condition, and what each operator matches.

As on the real site null counts as empty text, comparison is blind to case and accents,
and separators matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.erpnext.collation import fold
from simulators.erpnext.errors import Refusal, crash, thrown
from simulators.erpnext.schema import NUMERIC, DocType, Field, FieldType, Values

OPERATORS = ("=", "!=", ">", "<", ">=", "<=", "like", "not like", "in", "not in", "between", "is")

Predicate = Callable[[Values], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a stored field with a value of the request."""

    field: Field
    operator: str
    value: Any

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The texts an index can be asked for, None when no index helps."""
        if self.operator == "=" and self.value not in (None, ""):
            return (str(self.value),)
        if self.operator == "in":
            texts = tuple(_listed(self.value))
            return texts if all(texts) else None
        return None


def decode_json(raw: Any) -> Any:
    """Return a value that may come as JSON text; broken JSON is a 500 refusal."""
    if not isinstance(raw, str) or not raw.strip():
        return raw
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        raise crash("json.decoder.JSONDecodeError", str(error)) from None


def not_permitted(field: str) -> Refusal:
    """Return the refusal for a field that a query must not name."""
    return thrown("DataError", f"Field not permitted in query: {field}")


def read_conditions(raw: Any, doctype: DocType) -> tuple[Condition, ...]:
    """Return the conditions of ``filters`` or ``or_filters``, in any of their forms.

    Forms: ``{"field": value}``, ``{"field": ["op", value]}``, ``[["field", "op", value]]``,
    ``[["DocType", "field", "op", value]]``; each also as JSON text.
    """
    filters = decode_json(raw)
    if not filters:
        return ()
    if isinstance(filters, dict):
        return tuple(_pair(name, value, doctype) for name, value in filters.items())
    if not isinstance(filters, list):
        filters = [["name", "=", filters]]
    conditions: list[Condition] = []
    for item in filters:
        match item:
            case dict():
                conditions += [_pair(name, value, doctype) for name, value in item.items()]
            case [str(name), str(operator), value] | [str(_), str(name), str(operator), value]:
                conditions.append(_condition(name, operator, value, doctype))
            case [str(name), value]:
                conditions.append(_condition(name, "=", value, doctype))
            case _:
                raise thrown("ValidationError", "Filter must be a tuple or list (in a list)")
    return tuple(conditions)


def _pair(name: str, value: Any, doctype: DocType) -> Condition:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
        return _condition(name, value[0], value[1], doctype)
    return _condition(name, "=", value, doctype)


def _condition(name: str, operator: str, value: Any, doctype: DocType) -> Condition:
    if name not in doctype.columns:
        link, dot, _ = name.partition(".")
        if dot and any(field.name == link for field in doctype.links):
            column = f"tab{doctype.name}.{name}"
            raise crash(
                "pymysql.err.OperationalError", f"(1054, \"Unknown column '{column}' in 'WHERE'\")"
            )
        raise not_permitted(name)
    if operator.lower() not in OPERATORS:
        raise thrown("ValidationError", f"Operator must be one of {', '.join(OPERATORS)}")
    return Condition(doctype.columns[name], operator.lower(), value)


def predicate(condition: Condition) -> Predicate:
    """Return what a condition asks on a row's values."""
    name, value = condition.field.name, condition.value
    key = _sort_key(condition.field)
    match condition.operator:
        case "=":
            wanted = key(value)
            return lambda row: key(row.get(name)) == wanted
        case "!=":
            wanted = key(value)
            return lambda row: key(row.get(name)) != wanted
        case ">":
            wanted = key(value)
            return lambda row: row.get(name) is not None and key(row.get(name)) > wanted
        case "<":
            wanted = key(value)
            return lambda row: key(row.get(name)) < wanted
        case ">=":
            wanted = key(value)
            return lambda row: row.get(name) is not None and key(row.get(name)) >= wanted
        case "<=":
            wanted = key(value)
            return lambda row: key(row.get(name)) <= wanted
        case "like":
            pattern = _like(value)
            return lambda row: pattern.fullmatch(_text(row.get(name))) is not None
        case "not like":
            pattern = _like(value)
            return lambda row: pattern.fullmatch(_text(row.get(name))) is None
        case "in":
            several = {key(text) for text in _listed(value)}
            return lambda row: key(row.get(name)) in several
        case "not in":
            several = {key(text) for text in _listed(value)}
            return lambda row: key(row.get(name)) not in several
        case "between":
            low, high = _bounds(condition)
            return lambda row: row.get(name) is not None and low <= key(row.get(name)) <= high
        case _:
            wants_set = _text(value) == "set"
            return lambda row: (row.get(name) not in (None, "")) is wants_set


def sort_key(field: Field) -> Callable[[Any], Any]:
    """Return the key by which values of a field are ordered; null comes first."""
    key = _sort_key(field)
    return lambda value: (value is not None, key(value))


def _sort_key(field: Field) -> Callable[[Any], Any]:
    if field.type in NUMERIC:
        return _number
    if field.type is FieldType.DATETIME:
        return _moment
    return _text


def _text(value: Any) -> str:
    return "" if value is None else fold(str(value))


def _number(value: Any) -> float:
    """Return the number at the start of a value, as the database reads it."""
    found = re.match(r"\s*[-+]?\d+(\.\d+)?", str(value))
    return float(found.group()) if found else 0.0


def _moment(value: Any) -> str:
    """Return a time in one width, so that text order is time order."""
    text = str(value or "").replace("T", " ")
    if len(text) == 10:
        text += " 00:00:00"
    return text if len(text) != 19 else text + ".000000"


def _listed(value: Any) -> Sequence[str]:
    values = value.split(",") if isinstance(value, str) else value or [""]
    return ["" if item is None else str(item).strip() for item in values]


def _like(value: Any) -> re.Pattern[str]:
    parts = ("." if c == "_" else ".*" if c == "%" else re.escape(c) for c in _text(value))
    return re.compile("".join(parts), re.DOTALL)


def _bounds(condition: Condition) -> tuple[Any, Any]:
    if not isinstance(condition.value, list) or len(condition.value) != 2:
        raise thrown("ValidationError", "Between needs two values")
    low, high = condition.value
    key = _sort_key(condition.field)
    if condition.field.type is FieldType.DATETIME and len(str(high)) == 10:
        high = f"{high} 23:59:59.999999"
    return key(low), key(high)
