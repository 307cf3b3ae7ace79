"""The `cpe-sim scenario` commands."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from simulators.cpe.flags import account_options, json_option, time_scale_option

from .children import ChildError
from .evidence import Evidence
from .reading import RunError, ScenarioError, find, library, read
from .scenario import Scenario, paced, resized
from .verdict import judge, passed

if TYPE_CHECKING:  # their libraries are loaded only where a scenario really runs
    from .house import House

PASSED, FAILED, NOT_RUN = 0, 1, 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def scenario() -> None:
    """Try a server with a town of ONTs, and say whether it did what is expected.

    \b
    Examples:
      cpe-sim scenario list
      cpe-sim scenario run first-boot --html report.html
      cpe-sim scenario run mixed --units 30 --json report.json
      cpe-sim scenario check my-town.toml

    \b
    Exit codes of run:
      0  all expectations were met
      1  one was not
      2  it could not be run
    """


@scenario.command("list")
@json_option("Print one JSON document.")
def list_scenarios(as_json: bool) -> None:
    """List the scenarios that come with the simulator."""
    found = [(name, read(find(name)[1], name)) for name in library()]
    if as_json:
        rows = [
            {"name": n, "title": s.name, "units": s.count, "seconds": s.length, "about": s.about}
            for n, s in found
        ]
        click.echo(json.dumps({"scenarios": rows}, ensure_ascii=False, indent=2))
        return
    for name, each in found:
        size = f"{each.count} units, at most {_minutes(each.length)}"
        click.echo(f"{name:18} {each.name} ({size})")


@scenario.command()
@click.argument("name", metavar="NAME|FILE")
def show(name: str) -> None:
    """Print the file of a scenario, to read it or to begin one of your own.

    \b
    Example:
      cpe-sim scenario show power-cut > my-town.toml
    """
    with _usable():
        click.echo(find(name)[1], nl=False)


@scenario.command()
@click.argument("names", metavar="NAME|FILE...", nargs=-1, required=True)
def check(names: tuple[str, ...]) -> None:
    """Read scenarios without running them; name what is wrong, with the line."""
    failed = False
    for name in names:
        try:
            found = read(*reversed(find(name)))
        except ScenarioError as error:
            click.echo(str(error), err=True)
            failed = True
        else:
            size = f"{found.count} units, at most {_minutes(found.length)}"
            click.echo(f"{name}: {found.name}: {size}")
    if failed:
        sys.exit(NOT_RUN)


@scenario.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--units", type=click.IntRange(min=1), help="Scale it to so many units in all.")
@time_scale_option("Multiply all its times: 0.5 is twice as fast. The server's own times stay.")
@click.option("--seed", type=int, help="Instead of the scenario's.")
@click.option("--acs", metavar="URL", help="Try this server, instead of one of the scenario's own.")
@account_options("Account of the units, with --acs.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the report there as JSON; - for standard output.")  # fmt: skip
@click.option("--html", "html_file", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the report there as one page with plots.")  # fmt: skip
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run in this new directory and leave all there: log, database, what programs said.",
)
def run(
    name: str,
    units: int | None,
    time_scale: float,
    seed: int | None,
    acs: str | None,
    username: str,
    password: str,
    json_file: Path | None,
    html_file: Path | None,
    keep: Path | None,
) -> None:
    """Run a scenario and judge it.

    The server, its database and the stand-in of ERPNext are started on free loopback ports in a
    temporary directory, and end with the scenario.

    \b
    Examples:
      cpe-sim scenario run first-boot
      cpe-sim scenario run power-cut --units 500 --html report.html --json report.json
      cpe-sim scenario run soak --units 200 --time-scale 0.1
    """
    from . import report

    with _usable():
        _check_places(json_file, html_file)
        chosen = read(*reversed(find(name)))
        if units is not None:
            chosen = resized(chosen, units)
        if time_scale != 1.0:
            chosen = paced(chosen, time_scale)
        if seed is not None:
            chosen = replace(chosen, seed=seed)
        account = (username, password)
        with _ending_in_order():
            seen = _played(chosen, acs, account, keep)
        verdicts = judge(chosen, seen)
        for line in report.lines(verdicts):
            click.echo(line, err="-" in (str(json_file), str(html_file)))
        if json_file is not None:
            told = json.dumps(report.document(chosen, seen, verdicts), ensure_ascii=False, indent=2)
            _write(json_file, told + "\n")
        if html_file is not None:
            _write(html_file, report.page(chosen, seen, verdicts))
    watched = seen.ending is None or seen.ending.watched
    sys.exit(PASSED if passed(verdicts, watched=watched) else FAILED)


def _played(
    chosen: Scenario, acs: str | None, account: tuple[str, str], keep: Path | None
) -> Evidence:
    if acs is not None:
        if chosen.mtps:
            raise ScenarioError("units that speak USP need the scenario's own server, not --acs")
        return _drive(chosen, acs, account, None)
    from .house import House

    if keep is not None and keep.exists():
        raise ScenarioError(f"{keep} is there already: name a new directory")
    if keep is not None:
        keep.mkdir(parents=True)
    folder = nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory(prefix="scenario-")
    with folder as name, House(chosen, Path(name).resolve()) as house:
        return _drive(chosen, house.url, house.account, house)


def _drive(chosen: Scenario, acs: str, account: tuple[str, str], house: House | None) -> Evidence:
    """Run the reactor until the scenario is over. Raises what ended it, or `RunError`."""
    # The reactor is installed by its import: only once a scenario really runs.
    from rich.console import Console
    from twisted.internet import reactor as installed

    from simulators.cpe.process import allow_sockets, settle_memory

    from .display import display
    from .run import Run

    reactor: Any = installed
    allow_sockets()
    settle_memory()
    outcome: list[Any] = []

    def over(result: Any) -> None:
        outcome.append(result)
        if reactor.running:
            reactor.stop()

    with display(Console(stderr=True)) as shown:
        played = Run(
            chosen,
            acs=acs,
            account=account,
            house=house,
            reactor=reactor,
            tell=shown.tell,
            note=shown.note,
        )
        reactor.callWhenRunning(lambda: played.play().addBoth(over))
        reactor.run()
    if not outcome:
        raise RunError("interrupted")
    if isinstance(outcome[0], Evidence):
        return outcome[0]
    raise outcome[0].value


@contextmanager
def _usable() -> Iterator[None]:
    """End with `NOT_RUN` whatever goes wrong: an exit code of 1 is a verdict on the server."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("cpe-sim: interrupted", err=True)
    except (ScenarioError, ChildError, RunError, OSError) as error:
        click.echo(f"cpe-sim: {error}", err=True)
    except Exception:
        traceback.print_exc()
        click.echo("cpe-sim: that is a defect of cpe-sim, and says nothing of the server", err=True)
    else:
        return
    sys.exit(NOT_RUN)


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end what was started, as Ctrl-C does.

    While the reactor runs, SIGTERM is its own.
    """

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    def hand_on(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    before = [signal.signal(signal.SIGTERM, end), signal.signal(signal.SIGHUP, hand_on)]
    try:
        yield
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGHUP), before, strict=True):
            signal.signal(number, handler)


def _check_places(*places: Path | None) -> None:
    """See before the run that its reports can be written."""
    for place in places:
        if place is not None and str(place) != "-" and not os.access(place.parent, os.W_OK):
            raise ScenarioError(f"{place} cannot be written: there is no directory {place.parent}")


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        click.echo(text, nl=False)
    else:
        path.write_text(text, encoding="utf-8")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
