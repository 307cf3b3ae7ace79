"""Whom the server calls, and when it calls nobody."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from acs.api import Metrics
from acs.devices.safety import Safety
from acs.server.waking import LOOK_SECONDS, Found, Waking, _look_thd
from acs.settings import Settings


class Rounds:
    """A store without wakes that notes how many may be taken in each look."""

    def __init__(self) -> None:
        self.room: list[int] = []

    def run(self, _name: str, work_thd: Any, *args: Any) -> Deferred[Any]:
        if work_thd is not _look_thd:
            return succeed(None)
        self.room.append(args[3])
        return succeed(Found((), (), {}))


@pytest.mark.parametrize("has_room", [True, False])
def test_nobody_is_called_only_to_be_sent_away(has_room: bool) -> None:
    rounds, clock, settings = Rounds(), Clock(), Settings()
    failures: list[object] = []
    waking = Waking(
        settings,
        rounds,  # type: ignore[arg-type]
        clock,
        Metrics(),
        Safety(),
        controller=None,
        is_open=lambda _device: False,
        has_room=lambda: has_room,
        bug=lambda where, error: failures.append((where, error)),
    )
    waking.start()
    clock.advance(LOOK_SECONDS)
    assert failures == []
    assert set(rounds.room) == {settings.wakeup.parallel if has_room else 0}
