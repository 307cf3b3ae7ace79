"""``python -m bench``: measure, and say what came out."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bench.databases import NAMES
from bench.figures import SUITES, Figure
from bench.plots import page
from bench.processes import BenchError
from bench.report import Key, Measured, as_json, as_row, heading
from bench.run import measure
from bench.size import FULL, QUICK

_Count = click.IntRange(min=1)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--suite", type=click.Choice(sorted(SUITES)), default="cwmp", show_default=True)
@click.option("--json", "as_lines", is_flag=True, help="One JSON object per line, no table.")
@click.option("--quick", is_flag=True, help="One short round of each kind: shows that it runs.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this figure; may be repeated.")
@click.option(
    "--database",
    "kinds",
    type=click.Choice(NAMES),
    multiple=True,
    default=("sqlite",),
    show_default=True,
    help="Repeat it for both, which then are compared.",
)
@click.option("--workers", type=_Count, default=1, show_default=True, help="Of the server.")
@click.option("--load-processes", type=_Count, help="Default: as many as workers.")
@click.option("--rounds", type=_Count, help="Rounds of each figure.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), help="Of each round.")
@click.option("--connections", type=click.IntRange(1, 500), help="Sessions at the same time.")
@click.option("--storm-units", type=_Count, help="ONTs of the storm.")
@click.option("--storm-seconds", type=click.FloatRange(0.1), help="Within which they arrive.")
@click.option("--agents", type=_Count, help="Agents of USP.")
@click.option("--changes", type=_Count, help="Changes in ERPNext, one after the other.")
@click.option("--rows", type=click.IntRange(min=10), help="Equipments that are swept.")
@click.option(
    "--page",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".bench/index.html"),
    show_default=True,
    help="Where the page of plots goes.",
)
def main(
    suite: str,
    as_lines: bool,
    quick: bool,
    only: tuple[str, ...],
    kinds: tuple[str, ...],
    workers: int,
    load_processes: int | None,
    rounds: int | None,
    seconds: float | None,
    connections: int | None,
    storm_units: int | None,
    storm_seconds: float | None,
    agents: int | None,
    changes: int | None,
    rows: int | None,
    file: Path,
) -> None:
    """Measure sessions per CPU-second of the server, beside a bare echo in the same run.

    \b
    Examples:
      python -m bench
      python -m bench --suite usp --json
      python -m bench --suite erp --changes 20 --rows 5000 --storm-units 1000
      python -m bench --only cwmp.boot --rounds 9
      python -m bench --database sqlite --database postgresql --json
      python -m bench --workers 2 --only cwmp.periodic.7
      python -m bench --only cwmp.storm.20000 --storm-units 2000 --storm-seconds 20
    """
    given: dict[str, Any] = {
        "processes": load_processes or workers,
        "rounds": rounds,
        "seconds": seconds,
        "connections": connections,
        "storm_units": storm_units,
        "storm_seconds": storm_seconds,
        "agents": agents,
        "changes": changes,
        "rows": rows,
    }
    size = replace(QUICK if quick else FULL, **{name: each for name, each in given.items() if each})
    figures = _chosen(suite, only, one_of_a_kind=quick)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # in order: its files are large
    if not as_lines:
        click.echo(heading())
    seen: dict[Key, Measured] = {}
    try:
        for kind in kinds:
            for measured in measure(figures, size, _say, database=kind, workers=workers):
                seen[measured.name, kind] = measured
                click.echo(as_json(measured, seen) if as_lines else as_row(measured, seen))
                sys.stdout.flush()
    except BenchError as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(list(seen.values()), seen), encoding="utf-8")
    _say(f"plots: {file}")
    if len(seen) < len(figures) * len(kinds):
        sys.exit(1)


def _chosen(suite: str, only: tuple[str, ...], *, one_of_a_kind: bool) -> list[Figure]:
    names = {figure.name for figure in SUITES[suite]}
    if unknown := sorted(set(only) - names):
        raise click.BadParameter(f"{', '.join(unknown)}; there are: {', '.join(sorted(names))}")
    figures = [figure for figure in SUITES[suite] if not only or figure.name in only]
    if one_of_a_kind and not only:
        return list({(f.kind, f.digest, f.tls): f for f in figures}.values())
    return figures


def _say(text: str) -> None:
    click.echo(text, err=True)


main(prog_name="python -m bench")
