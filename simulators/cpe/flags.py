"""Options that several commands have, each declared once, with the words they share."""

from __future__ import annotations

from collections.abc import Callable

import click

Command = Callable[..., None]
Option = Callable[[Command], Command]
"""A decorator that adds options to a command."""


def together(*options: Option) -> Option:
    """One decorator that adds ``options``; the help shows them in this order."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def acs_option(*, required: bool = False) -> Option:
    """``--acs``."""
    return click.option(
        "--acs", required=required, help="URL of the ACS, such as http://127.0.0.1:7547/."
    )


def account_options(whose: str) -> Option:
    """``--username`` and ``--password``; ``whose`` is the help of the former."""
    return together(
        click.option("--username", default="", help=whose),
        click.option(
            "--password",
            default="",
            envvar="CPE_SIM_PASSWORD",
            help="Its password (better in the variable CPE_SIM_PASSWORD).",
        ),
    )


def time_scale_option(help: str) -> Option:
    """``--time-scale``; ``help`` says what it multiplies."""
    return click.option(
        "--time-scale",
        type=click.FloatRange(min=0, min_open=True),
        default=1.0,
        show_default=True,
        metavar="F",
        help=help,
    )


def pace_options(scale: str) -> Option:
    """How fast units live; ``scale`` is the help of ``--time-scale``."""
    return together(
        click.option(
            "--periodic",
            type=click.FloatRange(min=0.01),
            metavar="SECONDS",
            help="Call this often, whatever PeriodicInformInterval says.",
        ),
        time_scale_option(scale),
        seconds_option("--apply-delay", 40.0, "Until values accepted with Status 1 take effect."),
        seconds_option("--reboot-time", 130.0, "How long a reboot takes."),
    )


def seconds_option(name: str, default: float, help: str) -> Option:
    """A time that may be none at all."""
    return click.option(
        name,
        type=click.FloatRange(min=0),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=help,
    )


def json_option(help: str) -> Option:
    """``--json`` as a switch, given to the command as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help=help)


connection_option = click.option(
    "--connection",
    type=click.Choice(["keep", "new"]),
    default="keep",
    show_default=True,
    help="One connection for a session, or a new one for each request.",
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0.01),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait for the ACS no longer than this (not scaled).",
)
ca_file_option = click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False),
    help="Certificate authority to trust for https (PEM).",
)
listen_option = click.option(
    "--listen",
    metavar="ADDRESS",
    help="Each unit answers connection requests on a free port of this address (127.0.0.1), "
    "announced in its Inform.",
)
seed_option = click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed of all that is random."
)
