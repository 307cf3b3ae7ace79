"""What a crowd of agents went through, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from simulators.cpe.tally import Durations

from .life import Life

_DETAIL = (": ", " (")
"""What follows in the reason of a lost link is of this one case."""


class Tally:
    """Is told of lives as a `life.Observer`; ``wrong`` are endpoints that mean no good."""

    def __init__(self, wrong: Iterable[str] = ()) -> None:
        self._wrong = frozenset(wrong)
        self._asked_at: dict[str, float] = {}
        """By endpoint of an agent that was not heard: when it first connected."""
        self._heard: set[str] = set()
        self.open = 0
        """Links that are up."""
        self.links = 0
        """Links that came up."""
        self.sent = 0
        self.received = 0
        self.unsent = 0
        """Records that had no link to go over."""
        self.octets_sent = 0
        self.octets_received = 0
        self.lost: Counter[str] = Counter()
        """Links of agents that do nothing wrong that failed or were lost, by reason."""
        self.lost_of_wrong: Counter[str] = Counter()
        self.answered = Durations()
        """From the first connection of an agent to the first record for it."""

    def observe(self, life: Life, kind: str, fields: dict[str, Any]) -> None:
        """Take note of what happened to an agent."""
        match kind:
            case "sent":
                self.sent += 1
                self.octets_sent += len(fields["octets"])
            case "received":
                self.received += 1
                self.octets_received += len(fields["octets"])
                endpoint = life.agent.endpoint
                if endpoint not in self._heard:
                    self._heard.add(endpoint)
                    self.answered.add(life.clock() - self._asked_at.pop(endpoint))
            case "unsent":
                self.unsent += 1
            case "connecting":
                if life.agent.endpoint not in self._heard:
                    self._asked_at.setdefault(life.agent.endpoint, life.clock())
            case "up":
                self.open += 1
                self.links += 1
            case "down":
                self.open -= fields["was_up"]
                if fields["wait"] is not None:
                    wrong = life.agent.endpoint in self._wrong
                    (self.lost_of_wrong if wrong else self.lost)[_sort(fields["why"])] += 1

    def heard(self, life: Life) -> bool:
        """Whether the controller has said anything to an agent."""
        return life.agent.endpoint in self._heard


def _sort(why: str) -> str:
    for mark in _DETAIL:
        why = why.partition(mark)[0]
    return why
