"""The `cpe-sim` command."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import click

from simulators.scenario.cli import scenario

from .asking import request_download, transferred_itself
from .cli_fleet import faults, fleet
from .cli_manner import Manner, habits
from .cli_model import model as model_group
from .cli_play import play
from .content import make_image
from .device import Ont
from .flags import acs_option
from .fleet import DEMO, FleetError, Unit, read_fleet, with_account
from .life import Life, Pace
from .listening import ListenError, listen
from .misbehaviour import Misbehaviour, parse_draw
from .modelfile import ModelFileError, model_names
from .pem import PemError
from .repertoire import WrongError, misbehave
from .run_flags import shared_options
from .state import StateDirectory

_BAD = (FleetError, ListenError, ModelFileError, PemError)


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a fleet, whichever units it has."""

    connection: str
    periodic: float | None
    time_scale: float
    apply_delay: float
    reboot_time: float
    start_within: float
    once: bool
    max_sessions: int | None
    timeout: float
    state_dir: Path | None
    ca_file: str | None
    listen: str | None
    as_json: bool
    seed: int
    test_time: float
    firmware: str
    ask_download: str
    tell_download: str
    misbehaviour: Misbehaviour
    manner: Manner


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Simulated TP-Link ONTs that call an ACS over TR-069 (CWMP).

    They speak on the wire as the real units do, keep a parameter tree with the same
    names, limits and quirks, apply Wi-Fi and WAN changes late, and go over to the
    credentials the ACS gives them.
    """


@main.command()
@acs_option()
@click.option("--model", help="Model to simulate (`cpe-sim models`), or a file ./my.toml.")
@click.option("--serial", default="", help="SerialNumber (counted up with --count).")
@click.option(
    "--serial-template",
    default="",
    metavar="TEXT",
    help="Serial with the unit's number in it, such as 22275A7{:06d}.",
)
@click.option("--oui", default="", help="OUI; default: the first half of the MAC.")
@click.option("--product-class", default="", help="ProductClass; default: the model's own.")
@click.option(
    "--mac",
    "--mac-start",
    "mac",
    default="1C:61:B4:FA:11:C8",
    show_default=True,
    help="Base (label) MAC of the first unit; the next ones follow in steps of 16.",
)
@click.option(
    "--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many units."
)
@click.option(
    "--fleet",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the units from a TOML file instead: top-level defaults (acs, "
    "username, …) and [[unit]] tables with model, serial, mac, count, …; a unit "
    "without a password of its own has that of CPE_SIM_PASSWORD.",
)
@shared_options
def run(
    acs: str | None,
    model: str | None,
    serial: str,
    serial_template: str,
    oui: str,
    product_class: str,
    mac: str,
    count: int,
    fleet: Path | None,
    username: str,
    password: str,
    **shared: Any,
) -> None:
    """Run one unit, a row of alike units, or a fleet file.

    \b
    cpe-sim run --acs http://127.0.0.1:7547/ --model tplink-a-xx230v \\
        --serial 22275A7000001 --mac 1C:61:B4:FA:11:C8 --username acs --password secret
    """
    try:
        if fleet is not None:
            units = read_fleet(fleet)
            if acs:
                units = [replace(unit, acs=acs) for unit in units]
        elif model is None:
            raise FleetError("give --model (and --serial), or --fleet")
        else:
            row = Unit(
                model,
                serial,
                oui,
                mac,
                product_class,
                acs=acs or "",
                count=count,
                serial_template=serial_template,
            )
            units = list(row.expand())
        _run(with_account(units, username, password), _shared(shared))
    except _BAD as error:
        raise click.ClickException(str(error)) from None


@main.command()
@acs_option(required=True)
@shared_options
def demo(acs: str, username: str, password: str, **shared: Any) -> None:
    """Run the three ONTs of the demonstration.

    \b
    XX230v     class Device2    serial 22275A7000001  GPON, telephony
    EX220      class EX220      serial 2226469000002  router
    XC220-G3v  class XC220-G3v  serial 225C1CU000003  GPON, telephony
    """
    units = [replace(unit, acs=acs) for unit in DEMO]
    try:
        _run(with_account(units, username, password), _shared(shared))
    except _BAD as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False, writable=True))
@click.option("--version", required=True, help="SoftwareVersion of the unit that installs it.")
@click.option("--model", default="", help="ModelName it is for, such as XX230v; default: any.")
@click.option("--size", type=click.IntRange(min=0), default=1_000_000, help="Octets of payload.")
@click.option("--damaged", is_flag=True, help="Give it a wrong checksum.")
def image(target: Path, version: str, model: str, size: int, damaged: bool) -> None:
    """Write a firmware image for simulated units.

    \b
    cpe-sim image xx230v.bin --model XX230v --version "0.7.0 3.0.0 v6066.0 Build 230412"
    """
    data = make_image(version, model, Random(version).randbytes(size))
    try:
        target.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if damaged and size else data)
    except OSError as error:
        raise click.ClickException(f"{target}: {error.strerror}") from None
    click.echo(f"{target}: {len(data)} octets, {version}")


@main.command()
def models() -> None:
    """List the models that can be simulated."""
    for name in model_names():
        click.echo(name)


main.add_command(habits)
main.add_command(model_group)
main.add_command(play)
main.add_command(faults)
main.add_command(fleet)
main.add_command(scenario)


def _shared(given: dict[str, Any]) -> Options:
    refuse = {}
    for entry in given.pop("refuse"):
        pattern, _, code = entry.rpartition("=")
        if not pattern or not code.isdigit():
            raise FleetError(f"--refuse wants PATTERN=CODE, not {entry!r}")
        refuse[pattern] = int(code)
    try:
        draws = tuple(parse_draw(text) for text in given.pop("faults"))
    except ValueError as error:
        raise FleetError(f"--fault: {error}") from None
    names = (
        "hang_up_after", "silent", "wrong_password", "transfer_complete",
        "reverse_transfers", "cut_transfers", "late_rows",
    )  # fmt: skip
    misbehaviour = Misbehaviour(
        **{name: given.pop(name) for name in names},
        hostile="unclosed" if given.pop("broken_xml") else "",
        refuse=refuse,
        faults=draws,
        forget_key=frozenset(given.pop("forget_key")),
    )
    try:
        misbehaviour = misbehave(given.pop("misbehave"), misbehaviour, number=given["seed"])
    except WrongError as error:
        raise FleetError(f"--misbehave: {error}") from None
    return Options(misbehaviour=misbehaviour, manner=Manner.take(given), **given)


def _run(units: Sequence[Unit], options: Options) -> None:
    # The reactor is installed by its import: only once a command really runs.
    from twisted.internet import defer, reactor

    from .http import Sessions

    random = Random(options.seed)

    def nonce() -> str:
        return f"{random.getrandbits(64):016x}"

    sessions = Sessions(
        reactor,
        cnonce=nonce,
        keep=options.connection == "keep",
        timeout=options.timeout,
        ca_file=options.ca_file,
        certificate=options.manner.certificate,
        key=options.manner.key,
    )
    pace = Pace(
        options.time_scale,
        options.apply_delay,
        options.reboot_time,
        options.periodic,
        options.start_within,
        options.test_time,
    )
    try:
        store = StateDirectory(options.state_dir) if options.state_dir else None
    except OSError as error:
        raise FleetError(f"--state-dir: {options.state_dir}: {error.strerror}") from None
    observe = _print_json if options.as_json else _print_line
    limit = options.max_sessions or (10 if options.once else None)
    lives = []
    for unit in options.manner.of(units):
        ont = unit.build(options.misbehaviour)
        if store is not None:
            try:
                store.load(ont)
            except ValueError as error:
                raise FleetError(str(error)) from None
        ont.next_firmware = options.firmware
        if options.ask_download:
            wanted = request_download(options.ask_download, (), ont.dialect)
            ont.announcements.append(wanted)
        if options.tell_download:
            ont.announcements.append(transferred_itself(options.tell_download, ont.dialect))
        life = Life(
            ont,
            sessions,
            reactor,
            pace=pace,
            seed=options.seed,
            observe=observe,
            save=store.save if store else None,
            quit_when_done=options.once,
            max_sessions=limit,
        )
        lives.append(life)
        if options.listen:
            listen(reactor, life, options.listen, nonce, options.manner.quirks)
    engine: Any = reactor
    failures: list[BaseException] = []

    def over(results: list[tuple[bool, Any]]) -> None:
        failures.extend(result.value for success, result in results if not success)
        if engine.running:
            engine.stop()

    def begin() -> None:
        running = [life.run() for life in lives]
        defer.DeferredList(running, consumeErrors=True).addCallback(over)

    engine.callWhenRunning(begin)
    engine.run()
    if failures:
        raise failures[0]
    if options.once:
        missing = [life.ont.identity.serial for life in lives if not life.provisioned]
        if missing:
            click.echo(f"not provisioned: {', '.join(missing)}", err=True)
            sys.exit(1)


def _print_json(ont: Ont, kind: str, fields: dict[str, Any]) -> None:
    line = {"event": kind, "serial": ont.identity.serial, **fields}
    click.echo(json.dumps(line, ensure_ascii=False))


def _print_line(ont: Ont, kind: str, fields: dict[str, Any]) -> None:
    match kind:
        case "boot":
            text = f"powers on: {', '.join(fields['events']) or 'nothing to report'}"
        case "session-start":
            text = f"calls its ACS: {', '.join(fields['events'])}"
        case "rpc":
            names = fields["names"]
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            text = f"  {fields['method']} {names[0] if names else ''}{more}".rstrip()
            text += f" → fault {fields['fault']}" if fields["fault"] else ""
            text += " (drawn)" if fields["drawn"] else ""
        case "set":
            late = " (takes effect later)" if fields["status"] else ""
            text = f"    {fields['name']} = {fields['value']}{late}"
        case "told":
            answer = f"refused with {fields['fault']}" if fields["fault"] else "answered"
            text = f"  tells {fields['method']} {fields['key']}".rstrip() + f" → {answer}"
        case "transfer":
            outcome = f"failed with {fields['fault']}: {fields['reason']}"
            outcome = outcome if fields["fault"] else "is done"
            text = f"{fields['method']} {fields['key']} ({fields['file_type']}) {outcome}"
        case "tested":
            text = f"ended {', '.join(fields['objects']) or 'no test'}"
        case "session-end":
            reason = f": {fields['reason']}" if fields["reason"] else ""
            text = f"session {fields['end']}{reason} ({fields['rpcs']} requests of the ACS)"
        case "retry":
            text = f"tries again in {fields['seconds']} s (retry {fields['count']})"
        case "applied":
            text = f"put {len(fields['parameters'])} accepted values into effect"
        case _:
            text = kind
    click.echo(f"{ont.identity.serial}  {text}")
