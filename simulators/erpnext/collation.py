"""How the site's database compares text: blind to case, accents and trailing blanks."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Return the form of a text under which equal texts are equal."""
    if text.isascii():
        return text.rstrip(" ").lower()
    bare = (c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return "".join(bare).rstrip(" ").casefold()
