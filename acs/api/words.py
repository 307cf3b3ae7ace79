"""What is said to people, in both languages of the house."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Language(StrEnum):
    """A language that answers come in."""

    ENGLISH = "en"
    FRENCH = "fr"


class Words(NamedTuple):
    """A sentence in each language."""

    english: str
    french: str

    def said(self, language: Language) -> str:
        """The sentence in ``language``."""
        match language:
            case Language.ENGLISH:
                return self.english
            case Language.FRENCH:
                return self.french


def language_of(accept_language: str) -> Language:
    """Choose by the field Accept-Language (RFC 9110 12.5.4); English where neither is wanted."""
    wanted: dict[str, float] = {}
    for part in accept_language.split(",")[:20]:
        tag, _, weight = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        wanted[primary] = max(wanted.get(primary, 0.0), _weight(weight))
    french, english = (wanted.get(each, wanted.get("*", 0.0)) for each in ("fr", "en"))
    return Language.FRENCH if french > english else Language.ENGLISH


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
