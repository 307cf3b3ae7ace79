"""How much the CWMP edge takes on, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field

from acs.cwmp.session import Limits


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """Bounds of the edge."""

    session: Limits = field(default_factory=Limits)
    timeout: float = 60.0
    """Seconds of silence after which a session is lost (TR-069 3.7.2.4: at least 30)."""
    timeout_max: float = 600.0
    """Longest SessionTimeout a CPE is granted."""
    sessions: int = 20_000
    sessions_per_minute: int = 60
    """Of one device from one address."""
    hold_requests: bool = False
    path: str = ""
    """The only URL path that is served; empty: any."""
