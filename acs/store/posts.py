"""Effects nobody waits for, kept until there is company enough to write them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from acs.devices.effects import (
    ClearFault,
    Effect,
    EnqueueJob,
    RaiseFault,
    SaveAgent,
    SaveDevice,
    SaveJob,
    SaveRuleRun,
    SaveTags,
)

Group = Sequence[Effect]

ANY = 0
"""Stands for a device that is not known: no device has this id."""


class Posts:
    """Posted groups in order, and what they are about. Not thread-safe."""

    def __init__(self, delay: float, enough: int) -> None:
        """``delay``: seconds the first one waits; ``enough``: effects that wait no longer."""
        self._delay = delay
        self._enough = enough
        self.rest_until = float("-inf")
        """Those that could not be written are not tried again before."""
        self._clear()

    def _clear(self) -> None:
        self._groups: list[Group] = []
        self._due = float("inf")
        self._kinds: set[type[Effect]] = set()
        self._devices: set[int] = set()
        self.effects = 0

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, group: Group, now: float) -> None:
        """Take a group that is kept whole."""
        self._due = min(self._due, now + self._delay)
        self._take(group)
        if self.effects >= self._enough:
            self._due = now
        self._due = max(self._due, self.rest_until)

    def put_back(self, groups: Sequence[Group], due: float) -> None:
        """Take groups again that could not be written, before all others; try at ``due``."""
        later = self._groups
        self._clear()
        for group in (*groups, *later):
            self._take(group)
        self._due = self.rest_until = due

    def _take(self, group: Group) -> None:
        self._groups.append(group)
        self.effects += len(group)
        self._kinds.update(type(effect) for effect in group)
        self._devices |= {device for device in map(_opens, group) if device is not None}

    @property
    def due(self) -> float:
        """When they are to be written; infinite while there are none."""
        return self._due

    def hold(self, kinds: Collection[type[Effect]]) -> bool:
        """Tell whether an effect of one of these kinds waits."""
        return not self._kinds.isdisjoint(kinds)

    @property
    def devices(self) -> frozenset[int]:
        """Devices whose `Opened` would change, `ANY` among them for those not known."""
        return frozenset(self._devices)

    def take(self) -> list[Group]:
        """Hand over all groups."""
        groups = self._groups
        self._clear()
        return groups


def _opens(effect: Effect) -> int | None:
    """The device whose `Opened` the effect changes; None: no one's."""
    match effect:
        case (
            SaveDevice(device_id)
            | ClearFault(device_id)
            | SaveTags(device_id)
            | SaveRuleRun(device_id)
        ):
            return device_id
        case RaiseFault(fault):
            return fault.device_id
        case EnqueueJob(job):
            return job.device_id
        case SaveJob():
            return ANY
        case SaveAgent(_, changes) if "device_id" in changes:
            # It tells whose device calls over either protocol, whatever its name there.
            return ANY
        case _:
            return None
