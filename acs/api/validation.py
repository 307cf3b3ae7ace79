"""From octets and texts to typed values; what does not fit is a `Problem` that names the field."""

from __future__ import annotations

import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from acs.api.problems import FieldError, Problem, wrong_field
from acs.api.words import Words

T = TypeVar("T", bound=Struct)

NO_NUL = r"^[^\x00]*$"
"""Pattern of texts that are kept: PostgreSQL takes no NUL, and one would fail all of its batch."""
_QUERY_FIELDS = 50
_WHERE = re.compile(r"(?s)(.*?)(?: - at `([^`]*)`)?")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_FRENCH = (
    (_MISSING, r"Il manque"),
    (_UNKNOWN, r"Champ inconnu"),
    (re.compile(r"Expected `str` of length >= (\d+)"), r"Au moins \1 caractère(s)"),
    (re.compile(r"Expected `str` of length <= (\d+)"), r"Au plus \1 caractères"),
    (re.compile(r"Expected `(?:int|float)` >= (\S+)"), r"Au moins \1"),
    (re.compile(r"Expected `(?:int|float)` <= (\S+)"), r"Au plus \1"),
    (re.compile(r"Expected `(.*)`, got `(.*)`"), r"« \1 » attendu, et non « \2 »"),
    (re.compile(r"Invalid enum value (.*)"), r"Valeur inconnue : \1"),
    (re.compile(r"Expected `str` matching regex (.*)"), r"Doit avoir la forme \1"),
)


def body_of(octets: bytes, wanted: type[T]) -> T:
    """Decode a body of JSON (RFC 8259). Raises `Problem` 400 (no JSON) or 422 (other fields)."""
    if not octets.strip():
        raise Problem(400, Words("A body of JSON is needed.", "Un corps JSON est requis."))
    try:
        return msgspec.json.decode(octets, type=wanted)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = str(error) if isinstance(error, msgspec.DecodeError) else "malformed"
        raise Problem(
            400, Words(f"The body is no JSON: {why}.", f"Le corps n'est pas du JSON : {why}.")
        ) from None


def query_of(text: str, wanted: type[T]) -> T:
    """Convert the query of a URL; each field may stand there once. Raises `Problem` 400 or 422."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=_QUERY_FIELDS, errors="strict"
        )
    except ValueError:
        words = Words("The query cannot be read.", "Les paramètres de l'adresse sont illisibles.")
        raise Problem(400, words) from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in given:
            raise wrong_field(name, "It stands there more than once.", "Donné plus d'une fois.")
        given[name] = value
    try:
        return msgspec.convert(given, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None


def _misfit(message: str) -> Problem:
    found = _WHERE.fullmatch(message)
    why, path = (found[1], found[2] or "") if found else (message, "")
    field = _dotted(path)
    for pattern in (_MISSING, _UNKNOWN):
        if named := pattern.fullmatch(why):
            field = f"{field}.{named[1]}" if field else named[1]
    french = next((said.expand(text) for p, text in _FRENCH if (said := p.fullmatch(why))), why)
    detail = Words(f"{why}.", f"{french}.")
    where = field or "body"
    whole = Words(f"{where}: {why}.", f"{field or 'corps'} : {french}.")
    return Problem(422, whole, errors=[FieldError(field, detail)])


def _dotted(path: str) -> str:
    """Write ``$.lines[0].item`` as ``lines.0.item``."""
    return re.sub(r"\[([^\]]*)\]", r".\1", path.removeprefix("$")).strip(".")
