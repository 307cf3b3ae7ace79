"""What this room asks of a reactor, as types: zope interfaces say nothing to a type checker."""

from collections.abc import Callable
from typing import Protocol


class DelayedCall(Protocol):
    """The part of twisted's IDelayedCall used here."""

    def getTime(self) -> float:  # noqa: N802
        """When it goes off, on the clock it was made by."""
        ...

    def cancel(self) -> None:
        """Do not go off."""
        ...


class Clock(Protocol):
    """The part of twisted's IReactorTime used here: the reactor, or task.Clock in tests."""

    def seconds(self) -> float:
        """The time, from any origin."""
        ...

    def callLater(self, delay: float, call: Callable[[], object], /) -> DelayedCall:  # noqa: N802
        """Call in `delay` seconds."""
        ...
