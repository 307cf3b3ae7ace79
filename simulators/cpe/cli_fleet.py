"""`cpe-sim fleet` and `cpe-sim faults`: many units at once, some of which do wrong."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import click

from .addresses import NetworkError, check_source, sources
from .arrivals import ArrivalsError, parse_arrivals, parse_power_cut
from .cli_manner import Manner, manner_options
from .flags import (
    account_options,
    acs_option,
    ca_file_option,
    connection_option,
    json_option,
    listen_option,
    pace_options,
    seed_option,
    timeout_option,
)
from .fleet import MOST_UNITS, FleetError, Unit, alternate, read_fleet, with_account
from .fleet_text import progress, summary_text
from .hostile import DOCUMENTS
from .life import Pace
from .listening import ListenError
from .modelfile import ModelFileError
from .pem import PemError
from .repertoire import WRONGS, WrongError
from .shares import ShareError, deal, parse_share

_BAD = (
    ArrivalsError,
    FleetError,
    ListenError,
    ModelFileError,
    NetworkError,
    PemError,
    ShareError,
    WrongError,
)


@click.command()
@acs_option()
@click.option(
    "--model",
    "models",
    multiple=True,
    default=("tplink-a-xx230v",),
    show_default=True,
    help="Model of the units; several take turns.",
)
@click.option(
    "--count",
    type=click.IntRange(1, MOST_UNITS),
    default=100,
    show_default=True,
    help="How many units.",
)
@click.option(
    "--serial-template",
    default="22275A7{:06d}",
    show_default=True,
    metavar="TEXT",
    help="Serial with the unit's number in it.",
)
@click.option(
    "--mac-start",
    "mac",
    default="1C:61:B4:00:00:00",
    show_default=True,
    help="Base MAC of the first unit; the next ones follow in steps of 16.",
)
@click.option(
    "--fleet",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the units from a TOML file instead (see `cpe-sim run --help`).",
)
@account_options("Factory ACS account of the units.")
@click.option(
    "--arrivals",
    default="steady:10",
    show_default=True,
    metavar="CURVE",
    help="When the units call first: once, steady:RATE (calls a second), "
    "ramp:FROM,TO,SECONDS (calls a second), storm:WITHIN (seconds).",
)
@click.option(
    "--power-cut",
    metavar="SECONDS:CURVE",
    help="After so many seconds the power goes in the town; all boot and call along the curve.",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="SHARE:FAULT[=VALUE][+FAULT…]",
    help="A share of the units does wrong: 0.05:silent, 1%:hostile=deep+flood=20. "
    "`cpe-sim faults` lists what there is.",
)
@click.option(
    "--from-address",
    "network",
    metavar="NETWORK",
    help="Each unit calls from an address of its own in this network, such as 127.1.0.0/16.",
)
@pace_options("Multiply waits of the units (not the curves): 0.1 is ten times faster than life.")
@timeout_option
@connection_option
@ca_file_option
@listen_option
@manner_options
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="End after this time, when the sessions of units without a fault are over; "
    "default: when interrupted, or after --max-sessions of each.",
)
@click.option("--max-sessions", type=click.IntRange(min=1), metavar="N", help="Sessions of each.")
@click.option("--measure", is_flag=True, help="Say what a unit takes of memory, and call nobody.")
@json_option("The summary as one JSON object.")
@seed_option
def fleet(**given: Any) -> None:
    """Run a town of units, with curves of arrival and shares of faults.

    Shows units, sessions, rate, failures and times while it runs and sums them up at its end.
    Exit status 1 if a unit without a fault had no complete session.

    \b
    cpe-sim fleet --acs http://127.0.0.1:7547/ --count 1000 --arrivals storm:30 --for 120
    cpe-sim fleet --acs http://127.0.0.1:7547/ --count 200 --arrivals steady:20 \\
        --share 0.05:silent --share 5%:hostile --share 1%:flood=50 --for 60 --json
    cpe-sim fleet --count 10000 --measure
    """
    try:
        _run(**given)
    except _BAD as error:
        raise click.ClickException(str(error)) from None


@click.command()
@json_option("One JSON object.")
def faults(as_json: bool) -> None:
    """List what units can be told to do wrong (--misbehave of run, --share of fleet).

    \b
    cpe-sim run … --misbehave slow=3 --misbehave hang-up=2
    cpe-sim fleet … --share 0.1:hostile=billion-laughs
    """
    if as_json:
        words = {name: wrong.about for name, wrong in WRONGS.items()}
        documents = {name: found.about for name, found in DOCUMENTS.items()}
        click.echo(json.dumps({"faults": words, "hostile": documents}, ensure_ascii=False))
        return
    for name, wrong in WRONGS.items():
        word = f"{name}[={wrong.unit}]" if wrong.usual else name
        usual = f" ({wrong.usual})" if wrong.usual else ""
        click.echo(f"{word:<28} {wrong.about}{usual}")
    click.echo("\nDocuments of hostile:")
    for name, found in DOCUMENTS.items():
        click.echo(f"{name:<28} {found.about} [{found.harm}]")


def _units(given: dict[str, Any]) -> list[Unit]:
    acs = given["acs"] or ("http://127.0.0.1:9/" if given["measure"] else "")
    if given["file"] is not None:
        units = read_fleet(given["file"])
        units = [replace(unit, acs=acs or unit.acs) for unit in units]
    else:
        models = given["models"]
        row = Unit(
            models[0],
            mac=given["mac"],
            acs=acs,
            count=given["count"],
            serial_template=given["serial_template"],
        )
        units = alternate(row, models)
    if not all(unit.acs for unit in units):
        raise FleetError("give --acs, the URL that the units call")
    return with_account(units, given["username"], given["password"])


def _run(**given: Any) -> None:
    # The reactor is installed by its import: only once a command really runs.
    from twisted.internet import reactor

    from .fleet_run import FleetRun
    from .http import Sessions

    manner = Manner.take(given)
    units = manner.of(_units(given))
    cut = parse_power_cut(given["power_cut"])
    source = sources(given["network"]) if given["network"] else None
    if source is not None and not given["measure"]:
        check_source(source(0))
    random = Random(given["seed"])

    def nonce() -> str:
        return f"{random.getrandbits(64):016x}"

    sessions = Sessions(
        reactor,
        cnonce=nonce,
        keep=given["connection"] == "keep",
        timeout=given["timeout"],
        ca_file=given["ca_file"],
        certificate=manner.certificate,
        key=manner.key,
    )
    run = FleetRun(
        units,
        sessions,
        reactor,
        pace=Pace(
            given["time_scale"], given["apply_delay"], given["reboot_time"], given["periodic"]
        ),
        seed=given["seed"],
        arrivals=parse_arrivals(given["arrivals"]),
        wrongs=deal([parse_share(text) for text in given["shares"]], len(units), given["seed"]),
        source=source,
        max_sessions=given["max_sessions"],
    )
    if given["listen"]:
        run.listen(given["listen"], nonce, manner.quirks)
    if given["measure"]:
        found = {"units": len(units), "kib_each": run.kib_each, "kib": run.kib}
        text = "{units} units: {kib_each} KiB each, {kib:,} KiB together".format(**found)
        click.echo(json.dumps(found) if given["as_json"] else text)
        return
    run.run(given["seconds"], cut, progress(run, sys.stderr))
    summary = run.summary()
    click.echo(json.dumps(summary) if given["as_json"] else summary_text(summary))
    if run.unanswered:
        some = ", ".join(run.unanswered[:5]) + (" …" if len(run.unanswered) > 5 else "")
        click.echo(f"never had a complete session: {some}", err=True)
        sys.exit(1)
