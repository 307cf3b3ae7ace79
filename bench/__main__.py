"""``python -m bench``: measure, and say what came out."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from bench.figures import SUITES
from bench.processes import BenchError
from bench.recording import RecordingError
from bench.report import as_json, as_row, heading
from bench.run import FULL, QUICK, measure


@click.command()
@click.option("--suite", type=click.Choice(sorted(SUITES)), default="cwmp", show_default=True)
@click.option("--json", "as_lines", is_flag=True, help="One JSON object per line, no table.")
@click.option("--quick", is_flag=True, help="One short round of each kind: shows that it runs.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this figure; may be repeated.")
@click.option("--rounds", type=click.IntRange(1, 100), help="Rounds of each figure.")
@click.option("--connections", type=click.IntRange(1, 500), help="Sessions at the same time.")
def main(
    suite: str,
    as_lines: bool,
    quick: bool,
    only: tuple[str, ...],
    rounds: int | None,
    connections: int | None,
) -> None:
    """Measure sessions per CPU-second of the server, beside a bare echo in the same run."""
    size = QUICK if quick else FULL
    size = replace(size, rounds=rounds or size.rounds)
    size = replace(size, connections=connections or size.connections)
    names = {figure.name for figure in SUITES[suite]}
    if unknown := sorted(set(only) - names):
        raise click.BadParameter(f"{', '.join(unknown)}; there are: {', '.join(sorted(names))}")
    figures = [figure for figure in SUITES[suite] if not only or figure.name in only]
    if quick and not only:
        figures = list({(each.kind, each.digest): each for each in figures}.values())
    if not as_lines:
        click.echo(heading())
    try:
        for measured in measure(figures, size, lambda text: click.echo(text, err=True)):
            click.echo(as_json(measured) if as_lines else as_row(measured))
            sys.stdout.flush()
    except (BenchError, RecordingError) as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(1)


main(prog_name="python -m bench")
