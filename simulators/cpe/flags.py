"""The options that `cpe-sim run` and `cpe-sim demo` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from .cli_manner import manner_options
from .repertoire import WRONGS


def _words() -> str:
    return ", ".join(f"{name}=…" if wrong.usual else name for name, wrong in WRONGS.items())


def shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that `run` and `demo` share."""
    for option in reversed(
        (
            click.option("--username", default="", help="Factory ACS account of the units."),
            click.option(
                "--password",
                default="",
                envvar="CPE_SIM_PASSWORD",
                help="Its password (better in the variable CPE_SIM_PASSWORD).",
            ),
            click.option(
                "--connection",
                type=click.Choice(["keep", "new"]),
                default="keep",
                show_default=True,
                help="One connection for a session, or a new one for each request.",
            ),
            click.option(
                "--periodic",
                type=click.FloatRange(min=0.01),
                metavar="SECONDS",
                help="Call this often, whatever PeriodicInformInterval says.",
            ),
            click.option(
                "--time-scale",
                type=click.FloatRange(min=0, min_open=True),
                default=1.0,
                show_default=True,
                metavar="F",
                help="Multiply all waits: 0.1 is ten times faster than life.",
            ),
            click.option(
                "--apply-delay",
                type=click.FloatRange(min=0),
                default=40.0,
                show_default=True,
                metavar="SECONDS",
                help="Until values accepted with Status 1 take effect.",
            ),
            click.option(
                "--reboot-time",
                type=click.FloatRange(min=0),
                default=130.0,
                show_default=True,
                metavar="SECONDS",
                help="How long a reboot takes.",
            ),
            click.option(
                "--test-time",
                type=click.FloatRange(min=0),
                default=5.0,
                show_default=True,
                metavar="SECONDS",
                help="How long a diagnostic (ping, trace route, speed, …) takes.",
            ),
            click.option(
                "--firmware",
                default="",
                metavar="VERSION",
                help="SoftwareVersion after the next firmware image that does not tell its own.",
            ),
            click.option(
                "--ask-download",
                default="",
                metavar="FILE_TYPE",
                help="Ask the ACS for a file on the first call (RequestDownload), such as "
                "'1 Firmware Upgrade Image'.",
            ),
            click.option(
                "--tell-download",
                default="",
                metavar="FILE_TYPE",
                help="Tell on the first call of a download that nobody asked for "
                "(AutonomousTransferComplete), such as '1 Firmware Upgrade Image'.",
            ),
            click.option(
                "--start-within",
                type=click.FloatRange(min=0),
                default=0.0,
                metavar="SECONDS",
                help="Spread the first calls over this time.",
            ),
            click.option(
                "--once",
                is_flag=True,
                help="Stop each unit once it is provisioned: something was written, "
                "and a later session had nothing to change. Exit status 1 if "
                "any unit did not get there within --max-sessions.",
            ),
            click.option(
                "--max-sessions",
                type=click.IntRange(min=1),
                metavar="N",
                help="Stop each unit after N sessions (with --once: 10).",
            ),
            click.option(
                "--timeout",
                type=click.FloatRange(min=0.01),
                default=30.0,
                show_default=True,
                metavar="SECONDS",
                help="Wait for the ACS no longer than this (not scaled).",
            ),
            click.option(
                "--state-dir",
                type=click.Path(path_type=Path, file_okay=False),
                help="Keep each unit's state here; a restarted simulator goes on "
                "with it, as after a power cut. Holds secrets.",
            ),
            click.option(
                "--ca-file",
                type=click.Path(exists=True, dir_okay=False),
                help="Certificate authority to trust for https (PEM).",
            ),
            click.option(
                "--listen",
                metavar="ADDRESS",
                help="Answer connection requests on a free port of this address "
                "(127.0.0.1), announced in the Inform.",
            ),
            click.option(
                "--misbehave",
                multiple=True,
                metavar="FAULT[=VALUE]",
                help=f"Misbehave: {_words()}. `cpe-sim faults` says what each is.",
            ),
            click.option(
                "--hang-up-after",
                type=click.IntRange(min=0),
                metavar="N",
                help="Misbehave: close the connection after N answered RPCs.",
            ),
            click.option("--silent", is_flag=True, help="Misbehave: say nothing after the Inform."),
            click.option("--wrong-password", is_flag=True, help="Misbehave."),
            click.option(
                "--broken-xml", is_flag=True, help="Misbehave: an Inform that is not well formed."
            ),
            click.option(
                "--refuse",
                multiple=True,
                metavar="PATTERN=CODE",
                help="Misbehave: answer requests that name a path like this (* stands "
                "for anything), or a method, with a fault.",
            ),
            click.option(
                "--fault",
                "faults",
                multiple=True,
                metavar="METHOD[:PATH]=CODE[@WHEN]",
                help="Answer a method (*: any) with a fault code, 9000 to 9899; only where it "
                "names a path like PATH, if that is given. WHEN is always, once, or N for the "
                "Nth such request. TransferComplete and DUStateChangeComplete stand for the "
                "outcome they report.",
            ),
            click.option(
                "--transfer-complete",
                type=click.Choice(["once", "lost", "twice"]),
                default="once",
                show_default=True,
                help="Misbehave: never report the end of a transfer, or report it twice.",
            ),
            click.option(
                "--forget-key",
                multiple=True,
                type=click.Choice(["event", "request"]),
                help="Misbehave: leave the CommandKey of a transfer empty there.",
            ),
            click.option(
                "--reverse-transfers",
                is_flag=True,
                help="Misbehave: report several transfers together, the last one first.",
            ),
            click.option(
                "--late-rows",
                is_flag=True,
                help="Answer AddObject with Status 1: the row comes after --apply-delay.",
            ),
            click.option(
                "--cut-transfers",
                type=click.IntRange(min=0),
                default=0,
                metavar="N",
                help="Misbehave: break the first N attempts of each file transfer off half "
                "way (they are resumed; three make it fail).",
            ),
            click.option(
                "--json",
                "as_json",
                is_flag=True,
                help="One JSON object per event on standard output: boot, "
                "session-start, rpc, set, told, session-end, retry, applied, transfer, tested. "
                "Secrets are masked.",
            ),
            click.option(
                "--seed", type=int, default=1, show_default=True, help="Seed of all that is random."
            ),
        )
    ):
        command = option(command)
    return manner_options(command)
