"""What a job command asks for, when it is asked for many devices instead of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acs.cli.masking import Masks
from acs.devices.record import Device, JobKind

Refusal = Callable[[Device], str]
"""Says why a job would fail on a device, by what is known of it; empty: nothing speaks against."""


def nothing_against(_device: Device) -> str:
    """The refusal of jobs that any device may be asked for."""
    return ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job as its command was told it, before it is made for a device."""

    kind: JobKind
    payload: Callable[[Device, Masks], Mapping[str, object]]
    """Checks what was told against a device. Raises `click.UsageError`."""
    priority: int
    lifetime: float
    """Seconds until it expires; 0: never."""
    refusal: Refusal
