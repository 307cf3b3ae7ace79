"""Digest answers that any worker has taken, so that none is taken twice on the same ports."""

from __future__ import annotations

from typing import final

from acs.cwmp.digest import Digest, answer_id
from acs.server.workers.board import Board

ROWS = 65_536
"""Answers within a nonce's lifetime, which is minutes."""
_TAKEN = b"x"


@final
class SharedReplay:
    """Implements `acs.cwmp.digest.Taken` on a board."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def first(self, credentials: Digest) -> bool:
        """True the first time, and remembered; False for a repeat."""
        return not self._board.take(answer_id(credentials), _TAKEN)
