"""`usp-sim run`: one agent, or a few alike, with each message in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from simulators.cpe.flags import json_option, seed_option
from simulators.cpe.fleet import FleetError, Unit
from simulators.cpe.modelfile import ModelFileError
from simulators.cpe.pem import PemError

from .dialling import AddressError
from .flags import agent_options, link_options
from .setting_up import (
    SetUpError,
    make_agent,
    make_agent_options,
    make_files,
    make_mischief,
    make_way,
)

_BAD = (AddressError, FleetError, ModelFileError, PemError, SetUpError)


@click.command()
@click.option(
    "--model", required=True, help="Model to simulate (`usp-sim models`), or a file ./my.toml."
)
@click.option("--serial", required=True, help="SerialNumber (counted up with --count).")
@click.option("--oui", default="", help="OUI; default: the first half of the MAC.")
@click.option("--product-class", default="", help="ProductClass; default: the model's own.")
@click.option(
    "--mac",
    default="1C:61:B4:FA:11:C8",
    show_default=True,
    help="Base (label) MAC of the first agent; the next ones follow in steps of 16.",
)
@click.option(
    "--endpoint",
    default="",
    metavar="ID",
    help="Endpoint id; default: ops::OUI-PRODUCTCLASS-SERIAL.",
)
@click.option(
    "--count", type=click.IntRange(1, 100), default=1, show_default=True, help="How many agents."
)
@link_options
@agent_options
@click.option(
    "--misbehave",
    multiple=True,
    metavar="FAULT[=VALUE]",
    help="Misbehave, such as twice=0.2; `usp-sim faults` lists what there is.",
)
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="End after this time; default: when interrupted.",
)
@json_option(
    "One JSON object per event on standard output: connecting, up, received, sent, unsent, down, "
    "off, hung. Secrets are masked."
)
@seed_option
def run(**given: Any) -> None:
    """Run one agent, and show each message in words.

    \b
    usp-sim run --model tplink-a-xx230v --serial 22275A7000001 \\
        --broker mqtt://127.0.0.1:7883 --bootstrap-password-file bootstrap.txt
    usp-sim run --model tplink-a-xx230v --serial 22275A7000001 --mtp websocket \\
        --websocket ws://127.0.0.1:7588/usp --user bootstrap --password-file bootstrap.txt
    """
    try:
        _run(given)
    except _BAD as error:
        raise click.ClickException(str(error)) from None


def _run(given: dict[str, Any]) -> None:
    # The reactor is installed by its import: only once a command really runs.
    from twisted.internet import reactor

    from simulators.cpe.alarms import Alarms

    from .life import Life, Retry
    from .run import watch

    if given["endpoint"] and given["count"] > 1:
        raise SetUpError("--endpoint is for one agent: leave --count away")
    engine: Any = reactor
    alarms = Alarms(engine)
    way = make_way(given, given["mtp"], engine, alarms)
    options = replace(
        make_agent_options(given, given["endpoint"]), mischief=make_mischief(given["misbehave"])
    )
    row = Unit(
        given["model"],
        given["serial"],
        given["oui"],
        given["mac"],
        given["product_class"],
        count=given["count"],
    )
    files = make_files(given, engine)
    observe = watch(given["as_json"])
    lives = [
        Life(
            make_agent(unit, options, seed=given["seed"], now=engine.seconds()),
            way,
            clock=engine.seconds,
            alarms=alarms,
            observe=observe,
            retry=Retry(given["retry"]),
            seed=given["seed"],
            first=engine.seconds(),
            files=files,
        )
        for unit in row.expand()
    ]

    def end() -> None:
        for life in lives:
            life.stop()
        engine.callLater(0.2, engine.stop)

    if given["seconds"] is not None:
        engine.callWhenRunning(engine.callLater, given["seconds"], end)
    engine.run()
