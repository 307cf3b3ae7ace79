"""Northbound: what other systems and people ask of the server.

It holds health and metrics; `status_site` serves both.
"""

from __future__ import annotations

from acs.api.metrics import Metrics
from acs.api.status import Health, Part, State, status_site

__all__ = ["Health", "Metrics", "Part", "State", "status_site"]
