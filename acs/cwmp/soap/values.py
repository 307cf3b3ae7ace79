"""ParameterValueList, the hot path: names with typed values (TR-069 A.3.2.1)."""

from __future__ import annotations

import re
from itertools import repeat
from typing import Any

from acs.cwmp.soap.notes import Notes
from acs.cwmp.soap.schema import INSTANCE
from acs.cwmp.structures import ParameterValueStruct
from acs.model import Value, ValueType

XSI_TYPE = f"{{{INSTANCE}}}type"
_LOCALTYPES = {kind.value: kind for kind in ValueType} | {"base64Binary": ValueType.BASE64}
TYPES = {
    f"{prefix}:{local}": kind
    for prefix in ("xsd", "xs", "SOAP-ENC", "soap-enc", "soapenc")
    for local, kind in _LOCALTYPES.items()
}
_STRING = ValueType.STRING
_BOOLEANS = frozenset({"0", "1", "true", "false"})
_NUMBERS = frozenset(
    {ValueType.INT, ValueType.LONG, ValueType.UNSIGNED_INT, ValueType.UNSIGNED_LONG}
)
_NUMBER = re.compile(r"[+-]?[0-9]+")


def local_name(element: Any) -> str:
    """Return the name of an element without its namespace or undeclared prefix."""
    tag: str = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2]


def read_values(element: Any, notes: Notes) -> tuple[ParameterValueStruct, ...]:
    """Return the values of a ParameterValueList, in its order.

    A value that does not fit its type keeps its text and its type, with a warning.
    """
    names = list(element.iter("Name"))
    values = list(element.iter("Value"))
    if len(values) != len(element) or [value.getprevious() for value in values] != names:
        return _read_carefully(*_find(element, notes), notes)
    paths = [(name.text or "").strip() for name in names]
    texts = [value.text or "" for value in values]
    # The usual Value has xsi:type alone; asking for all attributes is half the price.
    kinds = [TYPES.get(held[0]) if (held := value.values()) else None for value in values]
    if None in kinds or "" in paths or "\n" in "".join(texts):
        return _read_carefully(names, values, notes)
    if kinds.count(_STRING) != len(kinds):
        for index, kind in enumerate(kinds):
            if kind is not None and kind is not _STRING:
                texts[index] = _fit(texts[index].strip(), kind, paths[index], notes)
    # A NamedTuple's own constructor costs three times as much as the tuple's.
    pairs = map(tuple.__new__, repeat(Value), zip(texts, kinds, strict=True))
    return tuple(map(ParameterValueStruct, paths, pairs))


def _read_carefully(
    names: list[Any], values: list[Any], notes: Notes
) -> tuple[ParameterValueStruct, ...]:
    """Read values some of which need forgiving; a missing Value is None."""
    read: list[ParameterValueStruct] = []
    for name, value in zip(names, values, strict=True):
        path = (name.text or "").strip()
        if not path:
            notes.add("a parameter without Name was skipped")
        elif value is None:
            notes.add(f"{path}: no Value, taken as empty")
            read.append(ParameterValueStruct(path, Value("")))
        else:
            read.append(ParameterValueStruct(path, _value(value, path, notes)))
    return tuple(read)


def _value(element: Any, path: str, notes: Notes) -> Value:
    text = element.text or ""
    kind = _type(element, path, notes)
    if kind is not _STRING:
        return Value(_fit(text.strip(), kind, path, notes), kind)
    return Value("" if "\n" in text and text.isspace() else text)  # blank lines are layout


def _find(element: Any, notes: Notes) -> tuple[list[Any], list[Any]]:
    """Return Names and Values of structs that do not look as they should."""
    names, values = [], []
    for struct in element:
        found = {local_name(child): child for child in struct}
        if "Name" not in found:
            notes.add("a parameter without Name was skipped")
            continue
        names.append(found["Name"])
        values.append(found.get("Value"))
    return names, values


def _type(value: Any, path: str, notes: Notes) -> ValueType:
    """Return the type of a Value, whatever prefix and schema it is named in."""
    raw = value.get(XSI_TYPE)
    if raw is None:  # the schemas of 1999 and 2000 have other namespaces
        raw = next((text for key, text in value.items() if key.endswith(("}type", ":type"))), None)
    if raw is None:
        notes.add(f"{path}: no xsi:type, taken as string")
        return _STRING
    kind = _LOCALTYPES.get(raw.rpartition(":")[2].strip())
    if kind is None:
        notes.add(f"{path}: xsi:type {raw[:40]!r} taken as string")
        return _STRING
    return kind


def _fit(text: str, kind: ValueType, path: str, notes: Notes) -> str:
    """Return ``text``, warning if it is not of its type."""
    if not fits(text, kind):
        notes.add(f"{path}: value does not fit its type {kind.value}")
    return text


def fits(text: str, kind: ValueType) -> bool:
    """Tell whether ``text`` is a value of the type; of most types anything is."""
    if kind is ValueType.BOOLEAN:
        return text in _BOOLEANS
    return kind not in _NUMBERS or _NUMBER.fullmatch(text) is not None
