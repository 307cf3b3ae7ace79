"""Recorded bytes with what differs between units cut out."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TOKEN = re.compile(rb"[A-Za-z0-9_-]+")


class Template:
    """Bytes in which each of ``recorded`` is a gap; gaps are numbered as ``recorded`` is.

    An empty recorded text makes no gap.
    """

    __slots__ = ("_lengths", "_pieces")

    def __init__(self, text: bytes, recorded: Sequence[bytes]) -> None:
        gaps = {value: number for number, value in enumerate(recorded) if value}
        self._lengths = [len(value) for value in recorded]
        self._pieces: list[bytes | int] = [text]
        if gaps:
            longest_first = sorted(gaps, key=len, reverse=True)
            parts = re.split(b"(" + b"|".join(map(re.escape, longest_first)) + b")", text)
            self._pieces = [gaps.get(part, part) for part in parts if part]

    def fill(self, values: Sequence[bytes]) -> bytes:
        """The bytes with ``values`` in the gaps."""
        pieces = self._pieces
        return b"".join([values[part] if isinstance(part, int) else part for part in pieces])

    def fits(self, text: bytes, values: list[bytes]) -> bool:
        """Tell whether ``text`` is this template filled with ``values``.

        A value that is still empty fits any token of the recorded one's length, and is known
        from then on.
        """
        at = 0
        for piece in self._pieces:
            wanted = values[piece] if isinstance(piece, int) else piece
            if isinstance(piece, int) and not wanted:
                wanted = text[at : at + self._lengths[piece]]
                if len(wanted) != self._lengths[piece] or not _TOKEN.fullmatch(wanted):
                    return False
                values[piece] = wanted
            elif not text.startswith(wanted, at):
                return False
            at += len(wanted)
        return at == len(text)
