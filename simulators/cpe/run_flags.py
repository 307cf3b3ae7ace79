"""The options that `cpe-sim run` and `cpe-sim demo` share."""

from __future__ import annotations

from pathlib import Path

import click

from .cli_manner import manner_options
from .flags import (
    account_options,
    ca_file_option,
    connection_option,
    json_option,
    listen_option,
    pace_options,
    seconds_option,
    seed_option,
    timeout_option,
    together,
)
from .repertoire import WRONGS

_WORDS = ", ".join(f"{name}=…" if wrong.usual else name for name, wrong in WRONGS.items())

shared_options = together(
    manner_options,
    account_options("Factory ACS account of the units."),
    connection_option,
    pace_options("Multiply all waits: 0.1 is ten times faster than life."),
    seconds_option(
        "--test-time", 5.0, "How long a diagnostic (ping, trace route, speed, …) takes."
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
    timeout_option,
    click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Keep each unit's state here; a restarted simulator goes on "
        "with it, as after a power cut. Holds secrets.",
    ),
    ca_file_option,
    listen_option,
    click.option(
        "--misbehave",
        multiple=True,
        metavar="FAULT[=VALUE]",
        help=f"Misbehave: {_WORDS}. `cpe-sim faults` says what each is.",
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
    json_option(
        "One JSON object per event on standard output: boot, session-start, rpc, set, told, "
        "session-end, retry, applied, transfer, tested. Secrets are masked."
    ),
    seed_option,
)
