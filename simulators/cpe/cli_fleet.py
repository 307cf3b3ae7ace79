"""`cpe-sim fleet` and `cpe-sim faults`: many units at once, some of which do wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import click

from .addresses import NetworkError, sources
from .arrivals import ArrivalsError, parse_arrivals
from .fleet import FleetError, Unit, read_fleet
from .hostile import DOCUMENTS
from .life import Pace
from .modelfile import ModelFileError
from .process import allow_sockets, processor_seconds, resident, settle_memory
from .repertoire import WRONGS, WrongError
from .shares import ShareError, deal, parse_share
from .tally import Tally

_PLAIN_EVERY = 10
"""Seconds between lines of progress where nobody watches."""
_BAD = (ArrivalsError, FleetError, ModelFileError, NetworkError, ShareError, WrongError)


@click.command()
@click.option("--acs", help="URL of the ACS, such as http://127.0.0.1:7547/.")
@click.option(
    "--model",
    "models",
    multiple=True,
    default=("tplink-a-xx230v",),
    show_default=True,
    help="Model of the units; several take turns.",
)
@click.option("--count", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@click.option(
    "--serial-template",
    default="22275A7{:06d}",
    show_default=True,
    metavar="TEXT",
    help="Serial with the unit's number in it.",
)
@click.option("--mac-start", "mac", default="1C:61:B4:00:00:00", show_default=True)
@click.option(
    "--fleet",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the units from a TOML file instead (see `cpe-sim run --help`).",
)
@click.option("--username", default="", help="Factory ACS account of the units.")
@click.option(
    "--password",
    default="",
    envvar="CPE_SIM_PASSWORD",
    help="Its password (better in the variable CPE_SIM_PASSWORD).",
)
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
@click.option(
    "--periodic",
    type=click.FloatRange(min=0.01),
    metavar="SECONDS",
    help="Call this often, whatever PeriodicInformInterval says.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="F",
    help="Multiply waits of the units (not the curves): 0.1 is ten times faster than life.",
)
@click.option("--apply-delay", type=click.FloatRange(min=0), default=40.0, show_default=True)
@click.option("--reboot-time", type=click.FloatRange(min=0), default=130.0, show_default=True)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.01),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait for the ACS no longer than this (not scaled).",
)
@click.option(
    "--connection",
    type=click.Choice(["keep", "new"]),
    default="keep",
    show_default=True,
    help="One connection for a session, or a new one for each request.",
)
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="CA for https (PEM).")
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="End after this time; default: when interrupted, or after --max-sessions of each.",
)
@click.option("--max-sessions", type=click.IntRange(min=1), metavar="N", help="Sessions of each.")
@click.option("--measure", is_flag=True, help="Say what a unit takes of memory, and call nobody.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of all that is random.")
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
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
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
        units = [
            replace(unit, model=models[number % len(models)])
            for number, unit in enumerate(row.expand())
        ]
        if len({unit.serial for unit in units}) < len(units):
            raise FleetError("--serial-template gives several units the same serial")
    if not all(unit.acs for unit in units):
        raise FleetError("give --acs, the URL that the units call")
    username, password = given["username"], given["password"]
    if username:
        return [replace(unit, username=username, password=password) for unit in units]
    return [replace(unit, password=unit.password or password) for unit in units]


def _run(**given: Any) -> None:
    # The reactor is installed by its import: only once a command really runs.
    from twisted.internet import reactor as installed
    from twisted.internet.task import LoopingCall

    from .crowd import Crowd
    from .http import Sessions

    reactor: Any = installed
    units = _units(given)
    cut = _power_cut(given["power_cut"])
    wrongs = deal([parse_share(text) for text in given["shares"]], len(units), given["seed"])
    units[0].build()  # What all units of a model share is not counted.
    settle_memory()
    before = resident()
    random = Random(given["seed"])
    tally = Tally()
    answered: set[int] = set()

    def observe(ont: Any, kind: str, fields: dict[str, Any]) -> None:
        tally.observe(ont, kind, fields)
        if kind == "session-end" and fields["end"] == "complete":
            answered.add(id(ont))

    crowd = Crowd(
        units,
        sessions=Sessions(
            reactor,
            cnonce=lambda: f"{random.getrandbits(64):016x}",
            keep=given["connection"] == "keep",
            timeout=given["timeout"],
            ca_file=given["ca_file"],
        ),
        reactor=reactor,
        pace=Pace(
            given["time_scale"], given["apply_delay"], given["reboot_time"], given["periodic"]
        ),
        seed=given["seed"],
        observe=observe,
        arrivals=parse_arrivals("steady:0.001" if given["measure"] else given["arrivals"]),
        misbehaviours=wrongs,
        source=sources(given["network"]) if given["network"] else None,
        max_sessions=given["max_sessions"],
    )
    running = crowd.run()
    settle_memory()
    each = (resident() - before) / len(units) / 1024
    if given["measure"]:
        crowd.stop()
        said = {"units": len(units), "kib_each": round(each, 1), "kib": resident() // 1024}
        text = f"{len(units)} units: {each:.1f} KiB each, {resident() // 1024:,} KiB together"
        click.echo(json.dumps(said) if given["as_json"] else text)
        return
    allow_sockets()
    began, used = reactor.seconds(), processor_seconds()
    failures: list[BaseException] = []

    def over(failure: Any) -> None:
        if failure is not None:
            failures.append(failure.value)
        if reactor.running:
            reactor.stop()

    def begin() -> None:
        running.addBoth(over)
        if given["seconds"] is not None:
            reactor.callLater(given["seconds"], crowd.stop)
        if cut is not None:
            reactor.callLater(cut[0], crowd.call_all, cut[1])
        show = _progress(tally, len(units), reactor.seconds)
        LoopingCall(next, show).start(1.0, now=False)

    reactor.callWhenRunning(begin)
    reactor.run()
    if failures:
        raise failures[0]
    seconds = reactor.seconds() - began
    good = [life for number, life in enumerate(crowd.lives) if number not in wrongs]
    unanswered = [life.ont.identity.serial for life in good if id(life.ont) not in answered]
    summary = {
        "units": len(units),
        "units_with_faults": len(wrongs),
        "unanswered": len(unanswered),
        "provisioned": sum(life.provisioned for life in good),
        "seconds": round(seconds, 1),
        "sessions": tally.ended,
        "complete": tally.complete,
        "failures": dict(tally.failures),
        "with_faults": dict(tally.wrongs),
        "session_seconds": tally.sessions.summary(),
        "inform_seconds": tally.informs.summary(),
        "sessions_per_second": round(tally.ended / seconds, 1) if seconds else 0.0,
        "processor_seconds": round(processor_seconds() - used, 2),
        "kib_each_idle": round(each, 1),
        "kib": resident() // 1024,
    }
    click.echo(json.dumps(summary) if given["as_json"] else _text(summary))
    if unanswered:
        some = ", ".join(unanswered[:5]) + (" …" if len(unanswered) > 5 else "")
        click.echo(f"never had a complete session: {some}", err=True)
        sys.exit(1)


def _power_cut(text: str | None) -> tuple[float, Any] | None:
    if text is None:
        return None
    seconds, _, curve = text.partition(":")
    if not seconds.replace(".", "", 1).isdigit() or not curve:
        raise FleetError(f"--power-cut wants SECONDS:CURVE, such as 60:storm:30, not {text!r}")
    return float(seconds), parse_arrivals(curve)


def _progress(tally: Tally, units: int, now: Callable[[], float]) -> Iterator[None]:
    """Show a line at each step: over and over at a terminal, else now and then."""
    began, last, watched = now(), 0, sys.stderr.isatty()
    step = 0
    while True:
        step += 1
        ended, last = tally.ended - last, tally.ended
        if watched or step % _PLAIN_EVERY == 0:
            line = (
                f"{now() - began:5.0f} s  {units} units  {tally.open} open  "
                f"{tally.ended} sessions  {ended}/s  {tally.failures.total()} failed  "
                f"p50 {tally.sessions.percentile(0.5) * 1000:.0f} ms  "
                f"p95 {tally.sessions.percentile(0.95) * 1000:.0f} ms"
            )
            click.echo(f"\r{line}\033[K" if watched else line, err=True, nl=not watched)
        yield


def _text(summary: dict[str, Any]) -> str:
    """The summary for people."""
    times: Sequence[tuple[str, str]] = (
        ("session", "session_seconds"),
        ("Inform", "inform_seconds"),
    )
    lines = [
        "",
        f"units        {summary['units']}, {summary['units_with_faults']} with faults, "
        f"{summary['unanswered']} of the others never answered",
        f"sessions     {summary['sessions']} in {summary['seconds']} s, "
        f"{summary['sessions_per_second']} a second; {summary['complete']} complete",
        f"provisioned  {summary['provisioned']}",
    ]
    for name, key in times:
        each = ", ".join(f"{share} {value * 1000:.1f}" for share, value in summary[key].items())
        lines.append(f"{name + ' ms':<12} {each}")
    for name, key in (("failed", "failures"), ("with faults", "with_faults")):
        counts = ", ".join(f"{kind} {count}" for kind, count in summary[key].items())
        lines.append(f"{name:<12} {counts or 'none'}")
    lines.append(
        f"simulator    {summary['processor_seconds']} s of processor, "
        f"{summary['kib']:,} KiB, {summary['kib_each_idle']} KiB for each idle unit"
    )
    return "\n".join(lines)
