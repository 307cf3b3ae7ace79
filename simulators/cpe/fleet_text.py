"""What is shown of a fleet while it runs, and at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from .fleet_run import FleetRun

_PLAIN_EVERY = 10
"""Seconds between lines of progress where nobody watches."""
_REWRITE = "\r{}\033[K"


def progress(run: FleetRun, stream: TextIO) -> Iterator[None]:
    """Show on each step, which is a second, how a run goes."""
    tally = run.tally

    def line(rate: int) -> str:
        times = (f"p{share} {_ms(tally.sessions.percentile(share / 100))}" for share in (50, 95))
        return (
            f"{run.units} units  {tally.open} open  {tally.ended} sessions  "
            f"{rate}/s  {tally.failures.total()} failed  {'  '.join(times)} ms"
        )

    return each_second(lambda: tally.ended, line, stream)


def each_second(
    count: Callable[[], int], line: Callable[[int], str], stream: TextIO
) -> Iterator[None]:
    """Show a line on each step, which is a second: over and over at a terminal, else each tenth.

    ``count`` is what was done so far, and ``line`` is given how much of it in the last second.
    """
    watched = stream.isatty()
    second = before = 0
    while True:
        second += 1
        done = count()
        rate, before = done - before, done
        if watched or second % _PLAIN_EVERY == 0:
            shown = f"{second:5} s  {line(rate)}"
            click.echo(_REWRITE.format(shown) if watched else shown, file=stream, nl=not watched)
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
        lines.append(counts_line(name, summary[key]))
    lines.append(
        f"simulator    {summary['processor_seconds']} s of processor, {summary['kib']:,} KiB; "
        f"{summary['kib_each']} KiB for each idle unit, {summary['kib_each_at_end']} at the end"
    )
    return "\n".join(lines)


def counts_line(name: str, counts: Mapping[str, int]) -> str:
    """How often what happened, as a line of a summary."""
    told = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    return f"{name:<12} {told or 'none'}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
