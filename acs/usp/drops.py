"""Records that were not taken: how many for each reason, and the latest, for an operator to see."""

from __future__ import annotations

import msgspec

from acs.usp.mtp import Origin

NOTE = "usp drops"
"""Name of the note the store keeps them in."""
MOST = 64
"""Reasons that are told apart."""
TEXT_LENGTH = 128
"""Characters that are kept of what a record says."""


class Drop(msgspec.Struct):
    """What was dropped for one reason."""

    reason: str
    count: int = 0
    at: float = 0.0
    """When it last happened, epoch seconds."""
    endpoint: str = ""
    """Whom the latest one said to be from."""
    vouched: str = ""
    """Whom the transport vouches for."""
    place: str = ""
    """Network address, or topic."""


class Drops:
    """All of them; `text` is what is kept."""

    def __init__(self, text: bytes | None = None) -> None:
        """Go on from what was kept; a text that cannot be read is as good as none."""
        self.changed = False
        """Something was dropped since `text` was last asked for."""
        self._by_reason: dict[str, Drop] = {each.reason: each for each in read(text)}

    def add(self, reason: str, endpoint: str, origin: Origin, at: float) -> None:
        """Count one."""
        kind = reason.partition(":")[0][:TEXT_LENGTH]
        drop = self._by_reason.get(kind)
        if drop is None:
            if len(self._by_reason) >= MOST:
                return
            drop = self._by_reason[kind] = Drop(kind)
        drop.count += 1
        drop.at = at
        drop.endpoint = endpoint[:TEXT_LENGTH]
        drop.vouched = origin.vouched[:TEXT_LENGTH]
        drop.place = origin.peer[:TEXT_LENGTH]
        self.changed = True

    def text(self) -> bytes:
        """What is to be kept."""
        self.changed = False
        return msgspec.json.encode(list(self._by_reason.values()))


def read(text: bytes | None) -> list[Drop]:
    """Read what was kept; nothing where it cannot be read."""
    try:
        return msgspec.json.decode(text or b"[]", type=list[Drop])
    except msgspec.MsgspecError:
        return []
