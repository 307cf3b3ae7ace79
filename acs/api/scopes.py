"""What a token may be good for."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """A right that a token can have."""

    DEVICES_READ = "devices:read"
    """See devices and how they stand."""
    DEVICES_WRITE = "devices:write"
    """Have things done on devices."""
    REPROVISION = "reprovision"
    """Have devices compared with ERPNext again."""
    RECONCILE_READ = "reconcile:read"
    """See where the lists of this server and ERPNext differ."""
    EVENTS_READ = "events:read"
    """See who is told of events, and what could not be delivered."""
    EVENTS_WRITE = "events:write"
    """Choose who is told of events."""
    ALL = "*"
    """Everything, also what comes with later releases."""
