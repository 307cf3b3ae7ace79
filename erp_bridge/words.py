"""Words of a site's Select fields and what they mean, whatever the case, accents and language."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from types import MappingProxyType

import msgspec


def fold(word: str) -> str:
    """Return a word without case, accents and superfluous blanks: ``Annulé`` is ``annule``."""
    plain = unicodedata.normalize("NFKD", word)
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(bare.casefold().split())


def meaning(word: str, table: msgspec.Struct) -> str:
    """Return the name of the list of ``table`` that has ``word``; "" for a word in none.

    ``table`` is a frozen struct whose fields are lists of words.
    """
    return _meanings(table).get(fold(word), "")


@lru_cache(maxsize=16)
def _meanings(table: msgspec.Struct) -> MappingProxyType[str, str]:
    listed = msgspec.structs.asdict(table)
    return MappingProxyType({fold(word): name for name, words in listed.items() for word in words})
