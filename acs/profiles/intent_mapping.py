"""Intent as plain data and back: what JSON, the mirror and the CLI carry.

Secrets are plain text in this form, so it never goes to a log; everything unset is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

import msgspec

from acs.model import Secret
from acs.profiles.blueprint_schema import nearest
from acs.profiles.dial_plans import DialPlan
from acs.profiles.intent import (
    Band,
    Intent,
    Management,
    Radio,
    Role,
    Security,
    VoiceLine,
    Wan,
    WifiNetwork,
)

_PARTS: Mapping[str, type] = {
    "wifi": WifiNetwork,
    "radios": Radio,
    "voice": VoiceLine,
    "wan": Wan,
    "management": Management,
}

_WORDS: Mapping[str, type[StrEnum]] = {
    "band": Band,
    "role": Role,
    "security": Security,
    "dial_plan": DialPlan,
}
_WRONG_WORD = re.compile(
    r"Invalid enum value '(?P<word>[^']*)' - at `\$\.(?P<place>.*\.(?P<setting>\w+))`"
)


def intent_to_mapping(intent: Intent) -> dict[str, Any]:
    """Return ``intent`` as dicts, lists and plain values, without what is not set."""
    plain = msgspec.to_builtins(intent, enc_hook=_reveal)
    return {name: _without_none(value) for name, value in plain.items() if value not in (None, [])}


def intent_from_mapping(mapping: Mapping[str, Any]) -> Intent:
    """Read what `intent_to_mapping` writes.

    Raises ValueError that names the place, never the value, when a key is unknown or a
    value has the wrong type.
    """
    _refuse_unknown(mapping, Intent, "intent")
    for name, kind in _PARTS.items():
        part = mapping.get(name)
        for entry in part if isinstance(part, list | tuple) else [part]:
            if isinstance(entry, Mapping):
                _refuse_unknown(entry, kind, name)
    try:
        return msgspec.convert(mapping, Intent, dec_hook=_conceal)
    except msgspec.ValidationError as error:
        raise ValueError(f"intent: {_with_words(str(error))}") from None


def _with_words(error: str) -> str:
    """Name the words that may stand where ``error`` tells of one that may not."""
    found = _WRONG_WORD.search(error)
    if found is None or found["setting"] not in _WORDS:
        return error
    words = [str(word) for word in _WORDS[found["setting"]]]
    return f"{found['place']}: {found['word']!r} is none of {', '.join(words)}" + nearest(
        found["word"], words
    )


def _refuse_unknown(mapping: Mapping[str, Any], kind: type, where: str) -> None:
    known = [item.name for item in fields(kind)]
    for name in mapping:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{where}: unknown setting {name!r}{hint}")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: entry for name, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_without_none(entry) for entry in value]
    return value


def _reveal(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value).__name__)


def _conceal(kind: type, value: Any) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError("expected text")
