"""How a run goes, in a few figures, while it goes."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.page.figures import quantile

from .evidence import Evidence

WINDOW = 10.0
"""Seconds that rate and percentiles look back."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of a run. ``p50`` and ``p95`` are seconds; None: nothing in the window."""

    at: float
    phase: str
    left: float
    """Seconds until the phase is over, at the latest."""
    served: int
    good: int
    sessions: int
    per_second: float
    open_sessions: int
    failures: dict[str, int]
    p50: float | None
    p95: float | None
    rss: int
    log: int
    disk: int


def progress(
    seen: Evidence, *, at: float, phase: str, left: float, served: int, open_sessions: int
) -> Progress:
    """Return how it goes at ``at`` seconds."""
    recent = []
    for call in reversed(seen.calls):
        if call.ended < at - WINDOW:
            break
        recent.append(call)
    lengths = sorted(call.seconds for call in recent if call.good and not call.failure)
    last = seen.samples[-1] if seen.samples else None
    return Progress(
        at,
        phase,
        left,
        served,
        seen.good,
        len(seen.calls),
        len(recent) / min(WINDOW, max(at, 1.0)),
        open_sessions,
        dict(seen.failures()),
        quantile(lengths, 0.5) if lengths else None,
        quantile(lengths, 0.95) if lengths else None,
        last.rss if last else 0,
        last.log if last else 0,
        last.disk if last else 0,
    )
