"""What is shown of a fleet while it runs, and at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from .fleet_run import FleetRun

_PLAIN_EVERY = 10
"""Seconds between lines of progress where nobody watches."""
_REWRITE = "\r{}\033[K"


def progress(run: FleetRun, stream: TextIO) -> Iterator[None]:
    """Show a line on each step, which is a second: over and over at a terminal, else each tenth."""
    watched, tally = stream.isatty(), run.tally
    second = before = 0
    while True:
        second += 1
        rate, before = tally.ended - before, tally.ended
        if watched or second % _PLAIN_EVERY == 0:
            times = (
                f"p{share} {_ms(tally.sessions.percentile(share / 100))}" for share in (50, 95)
            )
            line = (
                f"{second:5} s  {run.units} units  {tally.open} open  {tally.ended} sessions  "
                f"{rate}/s  {tally.failures.total()} failed  {'  '.join(times)} ms"
            )
            click.echo(_REWRITE.format(line) if watched else line, file=stream, nl=not watched)
        yield


def summary_text(summary: dict[str, Any]) -> str:
    """The summary of a run for people."""
    lines = [
        "",
        f"units        {summary['units']}, {summary['units_with_faults']} with faults; "
        f"{summary['unanswered']} of the others never answered",
        f"sessions     {summary['sessions']} in {summary['seconds']} s, "
        f"{summary['sessions_per_second']} a second; {summary['complete']} complete",
        f"provisioned  {summary['provisioned']}",
    ]
    for name in ("session", "inform"):
        each = summary[f"{name}_seconds"].items()
        shown = ", ".join(f"{share} {_ms(value)}" for share, value in each)
        lines.append(f"{name + ' ms':<12} {shown}")
    for name, key in (("failed", "failures"), ("with faults", "with_faults")):
        counts = ", ".join(f"{kind} {count}" for kind, count in summary[key].items())
        lines.append(f"{name:<12} {counts or 'none'}")
    lines.append(
        f"simulator    {summary['processor_seconds']} s of processor, {summary['kib']:,} KiB; "
        f"{summary['kib_each']} KiB for each idle unit, {summary['kib_each_at_end']} at the end"
    )
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
