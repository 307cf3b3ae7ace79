"""What happens in the demonstration: told by many, shown as it comes, and waited for."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulators.demo.programs import PlayError

HEADING = ""
"""Who tells what the next acts are about."""
SEEN_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happened: seconds since power-on, who, what, and the server's view."""

    at: float
    who: str
    what: str
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)


class Happenings:
    """Everything that happened, in the order it was told; threads may share it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._acts: list[Act] = []
        self._changed = threading.Condition()
        self._watched: Collection[str] = ()
        self._shown: queue.SimpleQueue[Act | BaseException | None] = queue.SimpleQueue()

    def begin(self) -> None:
        """Count seconds from now on."""
        self._began = time.monotonic()

    def now(self) -> float:
        """Seconds since `begin`."""
        return time.monotonic() - self._began

    def watch(self, *who: str) -> None:
        """Show, from now on, what these tell; headings and the server's view are always shown."""
        self._watched = who

    def tell(self, who: str, what: str, devices: dict[str, dict[str, Any]] | None = None) -> Act:
        """Add what happened now."""
        act = Act(self.now(), who, what, devices or {})
        with self._changed:
            self._acts.append(act)
            if devices or who == HEADING or who in self._watched:
                self._shown.put(act)
            self._changed.notify_all()
        return act

    def seen(self, who: str, words: str, *, after: Act) -> Act:
        """Wait for what ``who`` told ``after`` something, with these ``words`` in it.

        Raises `PlayError` when it does not happen within `SEEN_LIMIT` seconds.
        """
        until = time.monotonic() + SEEN_LIMIT
        with self._changed:
            place = next(n for n, act in enumerate(self._acts) if act is after) + 1
            while True:
                for act in self._acts[place:]:
                    if act.who == who and words in act.what:
                        return act
                place = len(self._acts)
                if not self._changed.wait(until - time.monotonic()):
                    raise PlayError(f"in vain waited {SEEN_LIMIT:g} s for {who}: {words!r}")

    def during(self, work: Callable[[], None]) -> Iterator[Act]:
        """Yield what happens while ``work`` is done, in a thread; raises what that raised."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                self._shown.put(error)
            finally:
                self.watch()
                self._shown.put(None)

        threading.Thread(target=run, daemon=True).start()
        while (told := self._shown.get()) is not None:
            if isinstance(told, BaseException):
                raise told
            yield told
