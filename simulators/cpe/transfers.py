"""File transfers of one unit: those it was asked for, and what became of them.

Nothing is sent here: `errand` carries a file over HTTP, an edge gives it sockets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any, NamedTuple

from .faults import CpeFaultError

MAX_QUEUED = 16
"""Longest list of transfers there is a structure for (TR-069 A.4.1.1)."""

FIRMWARE = "1 Firmware Upgrade Image"
CONFIGURATION = "3 Vendor Configuration File"


class State(IntEnum):
    """State of a transfer as GetQueuedTransfers tells it (TR-069 A.4.1.1)."""

    WAITING = 1
    RUNNING = 2
    DONE = 3
    """Over, but not yet reported."""


class Window(NamedTuple):
    """When a scheduled download may happen: seconds from the request (TR-069 A.4.1.8)."""

    start: int
    end: int
    mode: str
    retries: int


@dataclass(slots=True, eq=False)
class Transfer:
    """One transfer that the ACS asked for by ``method``."""

    method: str
    """``Download``, ``ScheduleDownload`` or ``Upload``."""
    key: str
    file_type: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    size: int = 0
    """Octets that were announced; 0: not known."""
    target: str = ""
    delay: int = 0
    """Seconds to wait, counted from the answer."""
    windows: tuple[Window, ...] = ()
    state: State = State.WAITING
    fault: int = 0
    text: str = ""
    """Why it failed."""
    start: float = 0.0
    complete: float = 0.0
    """Epoch seconds; 0: unknown."""
    repeated: bool = False
    """Reported once more after it had been reported."""

    @property
    def download(self) -> bool:
        """True when the file comes to the unit."""
        return self.method != "Upload"


class Transfers:
    """The queue of one unit, in the order in which the transfers were asked for."""

    def __init__(self) -> None:
        self.queue: list[Transfer] = []

    def ask(self, transfer: Transfer) -> None:
        """Take up a transfer. Raises `CpeFaultError` 9004 when the queue is full."""
        if len(self.queue) >= MAX_QUEUED:
            raise CpeFaultError(9004)
        self.queue.append(transfer)

    def within(self, state: State) -> list[Transfer]:
        """Return the transfers in ``state``, those that are over in the order they ended."""
        found = [transfer for transfer in self.queue if transfer.state is state]
        return sorted(found, key=lambda t: t.complete) if state is State.DONE else found

    def cancel(self, key: str) -> list[Transfer]:
        """Give up the transfers with ``key`` and return them (TR-069 A.4.1.9).

        Raises `CpeFaultError` 9021 when one of them is under way or over already.
        """
        named = [transfer for transfer in self.queue if transfer.key == key]
        if any(transfer.state is not State.WAITING for transfer in named):
            raise CpeFaultError(9021)
        self.queue = [transfer for transfer in self.queue if transfer not in named]
        return named

    def drop(self, transfer: Transfer) -> None:
        """Forget a transfer."""
        if transfer in self.queue:
            self.queue.remove(transfer)

    def forget_done(self) -> None:
        """Forget those that wait to be reported, as a bootstrap does (TR-069 3.7.1.5)."""
        self.queue = [transfer for transfer in self.queue if transfer.state is not State.DONE]

    def dump(self) -> list[dict[str, Any]]:
        """Return the queue for `load`; it holds passwords."""
        names = [entry.name for entry in fields(Transfer)]
        return [{name: getattr(transfer, name) for name in names} for transfer in self.queue]

    def load(self, kept: Iterable[Mapping[str, Any]]) -> None:
        """Take up a queue that `dump` gave; what was under way begins anew."""
        self.queue = []
        for entry in kept:
            state = State(entry["state"])
            windows = tuple(Window(*window) for window in entry["windows"])
            begun = State.WAITING if state is State.RUNNING else state
            self.queue.append(Transfer(**{**entry, "windows": windows, "state": begun}))
