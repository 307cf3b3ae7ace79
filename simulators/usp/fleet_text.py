"""What is shown of many agents while they run, and at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from simulators.cpe.fleet_text import counts_line, each_second

if TYPE_CHECKING:
    from .fleet import FleetRun


def progress(run: FleetRun, stream: TextIO) -> Iterator[None]:
    """Show on each step, which is a second, how a run goes."""
    tally = run.tally

    def records() -> int:
        return tally.sent + tally.received

    def line(rate: int) -> str:
        return (
            f"{run.agents} agents  {tally.open} connected  {records()} records  "
            f"{rate}/s  {tally.lost.total()} links lost"
        )

    return each_second(records, line, stream)


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
        lines.append(counts_line(name, summary[key]))
    lines.append(
        f"simulator    {summary['processor_seconds']} s of processor, {summary['kib']:,} KiB; "
        f"{summary['kib_each']} KiB for each agent, {summary['kib_each_connected']} once connected"
    )
    return "\n".join(lines)
