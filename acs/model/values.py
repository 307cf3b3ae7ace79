"""Values of parameters, and texts that must not be shown."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, final


@final
class Secret:
    """A text that must not reach a log, an error or a URL.

    It prints as ``***``; `reveal` is the only way to the text, so that every place that
    uses it can be found.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)


NO_SECRET = Secret("")


class ValueType(StrEnum):
    """Parameter types of TR-106, by their name in XML Schema (TR-069 A.2.1)."""

    STRING = "string"
    INT = "int"
    LONG = "long"
    UNSIGNED_INT = "unsignedInt"
    UNSIGNED_LONG = "unsignedLong"
    BOOLEAN = "boolean"
    DATE_TIME = "dateTime"
    BASE64 = "base64"
    HEX_BINARY = "hexBinary"
    DECIMAL = "decimal"


class Value(NamedTuple):
    """A parameter's value as text, with the type the device gave it."""

    text: str
    type: ValueType = ValueType.STRING
