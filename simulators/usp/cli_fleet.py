"""`usp-sim fleet` and `usp-sim faults`: many agents at once, some of which do wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from simulators.cpe.arrivals import ArrivalsError, parse_arrivals, parse_power_cut
from simulators.cpe.flags import json_option, seed_option
from simulators.cpe.fleet import MOST_UNITS, FleetError, Unit, alternate
from simulators.cpe.modelfile import ModelFileError
from simulators.cpe.pem import PemError
from simulators.cpe.shares import ShareError, draw, parse_share

from .dialling import AddressError
from .flags import MTPS, agent_options, link_options
from .fleet_text import progress, summary_text
from .mischief import MEANINGS, SECONDS, Mischief
from .setting_up import SetUpError, make_agent_options, make_files, make_mischief, make_way

_BAD = (
    AddressError,
    ArrivalsError,
    FleetError,
    ModelFileError,
    PemError,
    SetUpError,
    ShareError,
)


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    default=("tplink-a-xx230v",),
    show_default=True,
    help="Model of the agents; several take turns.",
)
@click.option(
    "--count",
    type=click.IntRange(1, MOST_UNITS),
    default=100,
    show_default=True,
    help="How many agents.",
)
@click.option(
    "--serial-template",
    default="22275B7{:06d}",
    show_default=True,
    metavar="TEXT",
    help="Serial with the agent's number in it.",
)
@click.option(
    "--mac-start",
    "mac",
    default="1C:61:B5:00:00:00",
    show_default=True,
    help="Base MAC of the first agent; the next ones follow in steps of 16.",
)
@click.option(
    "--mtps",
    default="",
    metavar="LIST",
    help="Several MTPs that take turns, such as mqtt5,mqtt3,websocket; default: --mtp alone.",
)
@link_options
@agent_options
@click.option(
    "--arrivals",
    default="steady:10",
    show_default=True,
    metavar="CURVE",
    help="When the agents connect first: once, steady:RATE (a second), "
    "ramp:FROM,TO,SECONDS (a second), storm:WITHIN (seconds).",
)
@click.option(
    "--power-cut",
    metavar="SECONDS:CURVE",
    help="After so many seconds the power goes in the town; all boot and connect along the curve.",
)
@click.option(
    "--changes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="RATE",
    help="So many values change a second, each in another agent.",
)
@click.option(
    "--change-path",
    default="Device.DeviceInfo.ProvisioningCode",
    show_default=True,
    metavar="PATH",
    help="Which value --changes is for.",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="SHARE:FAULT[=VALUE][+FAULT…]",
    help="A share of the agents does wrong: 0.05:silent-after=30, 1%:twice=0.5+lost=0.1. "
    "`usp-sim faults` lists what there is.",
)
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="End after this time; default: when interrupted.",
)
@click.option(
    "--once",
    is_flag=True,
    help="End when every agent without a fault is onboarded; exit status 1 if that does not come "
    "within --for.",
)
@click.option(
    "--measure", is_flag=True, help="Say what an agent takes of memory, and connect none."
)
@json_option("The summary as one JSON object.")
@seed_option
def fleet(**given: Any) -> None:
    """Run a town of agents, with curves of arrival and shares of faults.

    Shows agents, links and records while it runs and sums them up at its end.  Exit status 1 if
    the controller said nothing to an agent without a fault, or --once was not met.

    \b
    usp-sim fleet --count 1000 --bootstrap-password-file bootstrap.txt \\
        --arrivals storm:30 --periodic 60 --for 120
    usp-sim fleet --count 200 --mtps mqtt5,mqtt3,websocket --share 5%:silent-after=20 \\
        --changes 10 --power-cut 60:storm:20 --for 180 --json
    usp-sim fleet --count 5000 --measure
    """
    try:
        _run(given)
    except _BAD as error:
        raise click.ClickException(str(error)) from None


@click.command()
@json_option("One JSON object.")
def faults(as_json: bool) -> None:
    """List what agents can be told to do wrong (--misbehave of run, --share of fleet).

    \b
    usp-sim run … --misbehave twice=0.2 --misbehave silent-after=60
    usp-sim fleet … --share 0.1:lost-notifies=0.5+swapped=0.1
    """
    if as_json:
        click.echo(json.dumps({"faults": list(MEANINGS)}))
        return
    for word, meaning in MEANINGS.items():
        value = "SECONDS" if word in SECONDS else "SHARE"
        click.echo(f"{f'{word}={value}':22}  {meaning}")


def _run(given: dict[str, Any]) -> None:
    # The reactor is installed by its import: only once a command really runs.
    from twisted.internet import reactor

    from simulators.cpe.alarms import Alarms

    from .crowd import Resident
    from .fleet import FleetRun
    from .life import Retry

    mtps = [name.strip() for name in (given["mtps"] or given["mtp"]).split(",")]
    if unknown := [name for name in mtps if name not in MTPS]:
        raise SetUpError(f"--mtps: no MTP {unknown[0]!r}; there are {', '.join(MTPS)}")
    engine: Any = reactor
    alarms = Alarms(engine)
    ways = [make_way(given, name, engine, alarms) for name in mtps]
    options = make_agent_options(given)
    models = given["models"]
    row = Unit(
        models[0], mac=given["mac"], count=given["count"], serial_template=given["serial_template"]
    )
    residents = [
        Resident(unit, options, ways[number % len(ways)])
        for number, unit in enumerate(alternate(row, models))
    ]
    run = FleetRun(
        residents,
        reactor=engine,
        alarms=alarms,
        seed=given["seed"],
        arrivals=parse_arrivals(given["arrivals"]),
        retry=Retry(given["retry"]),
        mischief=_mischief(given, len(residents)),
        files=make_files(given, engine),
    )
    if given["measure"]:
        found = {"units": run.agents, "kib_each": run.kib_each}
        text = f"{run.agents} agents: {run.kib_each} KiB each"
        click.echo(json.dumps(found) if given["as_json"] else text)
        return
    run.run(
        given["seconds"],
        once=given["once"],
        power_cut=parse_power_cut(given["power_cut"]),
        changes=(given["changes"], given["change_path"]) if given["changes"] else None,
        progress=progress(run, sys.stderr),
    )
    summary = run.summary()
    click.echo(json.dumps(summary) if given["as_json"] else summary_text(summary))
    if run.unheard:
        some = ", ".join(run.unheard[:5]) + (" …" if len(run.unheard) > 5 else "")
        click.echo(f"never spoken to: {some}", err=True)
        sys.exit(1)
    if given["once"] and run.onboarded + run.with_faults < run.agents:
        click.echo(f"onboarded: {run.onboarded} of {run.agents - run.with_faults}", err=True)
        sys.exit(1)


def _mischief(given: Mapping[str, Any], count: int) -> dict[int, Mischief]:
    shares = [parse_share(text, make_mischief) for text in given["shares"]]
    return {
        number: make_mischief(share.words)
        for share, numbers in draw(shares, count, given["seed"])
        for number in numbers
    }
