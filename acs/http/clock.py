"""What this room asks of a reactor, as types: zope interfaces say nothing to a type checker."""

from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """The part of twisted's IReactorTime used here: the reactor, or task.Clock in tests."""

    def seconds(self) -> float:
        """The time, from any origin."""
        ...

    def callLater(self, delay: float, call: Callable[[], object], /) -> object:  # noqa: N802
        """Call in `delay` seconds."""
        ...
