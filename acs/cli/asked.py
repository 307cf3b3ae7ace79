"""What a job asks for, in words."""

from __future__ import annotations

from collections.abc import Mapping

_LONGEST = 200


def in_words(payload: Mapping[str, object]) -> str:
    """Say what a payload asks for, without brackets and quotes; secrets are to be masked before."""
    return ", ".join(f"{name}: {_short(_told(value))}" for name, value in payload.items())


def _told(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case {"path": path, "value": wanted}:
            return f"{path} = {wanted}"
        case Mapping():
            return " ".join(f"{name} {_told(inner)}" for name, inner in value.items())
        case list() | tuple():
            return "; ".join(map(_told, value))
        case _:
            return str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
