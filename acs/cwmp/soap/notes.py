"""What a decoder had to forgive, and what it could not."""

from __future__ import annotations


class MalformedEnvelope(ValueError):  # noqa: N818
    """A body that is not an understandable CWMP envelope. The text never shows a value."""


class Notes:
    """Warnings of one decode. They are bounded, and never hold a value."""

    __slots__ = ("_more", "_texts")

    LIMIT = 20

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._more = 0

    def add(self, text: str) -> None:
        """Keep a warning, or count it if there are many already."""
        if len(self._texts) < self.LIMIT:
            self._texts.append(text[:300])
        else:
            self._more += 1

    def seal(self) -> tuple[str, ...]:
        """Return the warnings."""
        if self._more:
            self._texts.append(f"and {self._more} more")
            self._more = 0
        return tuple(self._texts)
