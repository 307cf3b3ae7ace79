"""What is measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """The session a figure is about."""

    PERIODIC = auto()
    """A live device says ``2 PERIODIC``; nothing is to be done."""
    BOOT = auto()
    """A live device says ``1 BOOT``; all its wish is about is read and found in order."""
    FIRST_CONTACT = auto()
    """A device nobody knows says ``0 BOOTSTRAP``; its identity is read, it is quarantined."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: sessions per CPU-second of the server."""

    name: str
    kind: Kind = Kind.PERIODIC
    values: int | None = None
    """Stored values of each device; None: those that provisioning has read."""
    kept: bool = False
    """Sessions follow each other on kept connections; else each has a TCP connection of its own."""
    digest: bool = False
    """Each session is challenged, and answers with the device's own password."""


SUITES: dict[str, tuple[Figure, ...]] = {
    "cwmp": (
        Figure("cwmp.periodic.7", values=7),
        Figure("cwmp.periodic.800", values=800),
        Figure("cwmp.periodic.kept", values=800, kept=True),
        Figure("cwmp.periodic.digest", values=800, digest=True),
        Figure("cwmp.boot", Kind.BOOT),
        Figure("cwmp.first_contact", Kind.FIRST_CONTACT),
    ),
}
