"""What is shown of many agents while they run, and at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from .fleet import FleetRun

_PLAIN_EVERY = 10
"""Seconds between lines of progress where nobody watches."""
_REWRITE = "\r{}\033[K"


def progress(run: FleetRun, stream: TextIO) -> Iterator[None]:
    """Show a line on each step, which is a second: over and over at a terminal, else each tenth."""
    watched, tally = stream.isatty(), run.tally
    second = before = 0
    while True:
        second += 1
        records = tally.sent + tally.received
        rate, before = records - before, records
        if watched or second % _PLAIN_EVERY == 0:
            line = (
                f"{second:5} s  {run.agents} agents  {tally.open} connected  {records} records  "
                f"{rate}/s  {tally.lost.total()} links lost"
            )
            click.echo(_REWRITE.format(line) if watched else line, file=stream, nl=not watched)
        yield


def summary_text(summary: Mapping[str, Any]) -> str:
    """The summary of a run for people."""
    times = ", ".join(
        f"{share} {seconds * 1000:.0f}" for share, seconds in summary["answer_seconds"].items()
    )
    lines = [
        "",
        f"agents       {summary['units']}, {summary['units_with_faults']} with faults; "
        f"{summary['unanswered']} of the others were never spoken to",
        f"onboarded    {summary['onboarded']}",
        f"records      {summary['records_sent']} sent, {summary['records_received']} received in "
        f"{summary['seconds']} s, {summary['records_per_second']} a second",
        f"first answer {times} ms",
        f"links        {summary['links']} opened",
    ]
    for name, key in (("lost", "failures"), ("with faults", "with_faults"), ("of it", "counters")):
        counts = ", ".join(f"{kind} {count}" for kind, count in summary[key].items())
        lines.append(f"{name:<12} {counts or 'none'}")
    lines.append(
        f"simulator    {summary['processor_seconds']} s of processor, {summary['kib']:,} KiB; "
        f"{summary['kib_each']} KiB for each agent, {summary['kib_each_connected']} once connected"
    )
    return "\n".join(lines)
