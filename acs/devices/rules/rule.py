"""A rule as a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from acs.devices.query import EVERYTHING, Query
from acs.devices.record import JobKind
from acs.model import EventKind

TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}\Z")
"""What a tag looks like: no blank, no capital, no sign that a query gives a meaning to."""
TAG_FORM = "a tag is up to 40 of a-z, 0-9, dot, dash and underscore, and begins with a-z or 0-9"

RULE = "rule "
"""Begins the ``created_by`` of jobs that a rule made."""

FIRST_CONTACT = "first contact"
PROVISIONED = "provisioned"
FAULTED = "faulted"
SOFTWARE_CHANGED = "software changed"

# The end of something we asked for is no trigger: rules would set each other off.
TRIGGERS = (
    FIRST_CONTACT,
    PROVISIONED,
    FAULTED,
    SOFTWARE_CHANGED,
    EventKind.BOOTSTRAP.value,
    EventKind.BOOT.value,
    EventKind.PERIODIC.value,
    EventKind.VALUE_CHANGE.value,
    EventKind.CONNECTION_REQUEST.value,
    EventKind.AUTONOMOUS_TRANSFER_COMPLETE.value,
    EventKind.REQUEST_DOWNLOAD.value,
    EventKind.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE.value,
    EventKind.KICKED.value,
    EventKind.WAKEUP.value,
)

PAUSE = 3600.0
"""Seconds between two acts of a rule for one device, where the rule says nothing else."""
SHORTEST_PAUSE = 300.0
MOST_VERSIONS = 50
"""Versions of software a rule acts for on one device: a device can tell a new one each time."""


class Once(StrEnum):
    """How often in its life a device is acted on."""

    NEVER = "no limit"
    EVER = "once"
    VERSION = "once per software version"


@dataclass(frozen=True, slots=True)
class Window:
    """A time of day, in minutes since midnight by the server's clock; it may span midnight."""

    start: int
    length: int

    def since(self, minute: int) -> int | None:
        """Minutes since it began, at ``minute`` of the day; None: outside."""
        into = (minute - self.start) % 1440
        return into if into < self.length else None

    def __str__(self) -> str:
        end = (self.start + self.length) % 1440
        return f"{self.start // 60:02d}:{self.start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


@dataclass(frozen=True, slots=True)
class JobWish:
    """Enqueue a job; ``lifetime``: seconds until it expires, 0 for never."""

    kind: JobKind
    payload: Mapping[str, object] = field(default_factory=dict, repr=False)
    priority: int = 0
    lifetime: float = 0.0
    why: str = ""

    def __str__(self) -> str:
        return f"job {self.kind}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True, slots=True)
class FirmwareDue:
    """Give the device the image that the firmware rules want for it, in its hours."""

    attempts: int = 3
    """Failures after which the same version is tried no more."""
    priority: int = 0

    def __str__(self) -> str:
        return "firmware due"


@dataclass(frozen=True, slots=True)
class Tagging:
    """Give and take tags."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()

    def __str__(self) -> str:
        signs = [f"+{tag}" for tag in sorted(self.add)] + [f"-{tag}" for tag in sorted(self.remove)]
        return f"tag {' '.join(signs)}"


@dataclass(frozen=True, slots=True)
class Note:
    """Put a line on the device's timeline."""

    text: str

    def __str__(self) -> str:
        return f"note {self.text!r}"


Deed = JobWish | Tagging | Note
"""What can be done at once."""
Action = Deed | FirmwareDue


@dataclass(frozen=True, slots=True)
class Rule:
    """When what is done on which devices."""

    name: str
    do: tuple[Action, ...]
    on: frozenset[str] = frozenset()
    """Any of these happened, see `TRIGGERS`; none named: any contact will do."""
    when: Query = EVERYTHING
    pause: float = PAUSE
    """Seconds between two acts for one device."""
    window: Window | None = None
    spread: float = 0.0
    """Seconds over which the fleet is spread: into the window, or after ``since``."""
    once: Once = Once.NEVER
    since: float = 0.0
    """When the rule was written (epoch seconds): where the first spread begins."""
    place: str = ""
    """File and line."""

    def run_key(self, software: str) -> str:
        """The name under which is kept when it acted for a device with this software."""
        return f"{self.name}@{software}" if self.once is Once.VERSION else self.name

    def is_run(self, key: str) -> bool:
        """Tell whether it is kept under ``key`` when this rule acted, for whatever software."""
        of_version = self.once is Once.VERSION and key.startswith(f"{self.name}@")
        return key == self.name or of_version
