"""The end of an error about a name that does not exist: the nearest one, and all there are."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches


def what_there_is(name: str, known: Collection[str]) -> str:
    """Say which of ``known`` may be meant by ``name``, and list them."""
    near = get_close_matches(name, known, n=1)
    begin = f"did you mean {near[0]}? There are" if near else "there are"
    return f"{begin}: {', '.join(known)}"
