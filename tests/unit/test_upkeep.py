"""What a server does by itself: deleting old history until there is none."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from acs.server.upkeep import PRUNE_ROWS, prune
from acs.store.retention import Pruned


def test_pruning_goes_on_with_pauses_until_nothing_is_left() -> None:
    left = [2 * PRUNE_ROWS + 1]
    pauses: list[Deferred[None]] = []

    def step(limit: int) -> Deferred[Pruned]:
        gone = min(left[0], limit)
        left[0] -= gone
        return succeed(Pruned(gone, 0, 0, 0, gone >= limit))

    def pause() -> Deferred[None]:
        pauses.append(Deferred())
        return pauses[-1]

    done = Deferred.fromCoroutine(prune(step, pause))
    assert left == [PRUNE_ROWS + 1], "others have their turn first"
    pauses[0].callback(None)
    pauses[1].callback(None)
    assert left == [0]
    assert done.called
    assert len(pauses) == 2
