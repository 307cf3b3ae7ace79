"""The `acs` command: its groups, and what they share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acs.cli.failures import EXIT_CODES, explain
from acs.cli.lazy import Lazy, LazyGroup

if TYPE_CHECKING:
    from acs.cli.wanted import Wanted
    from acs.settings import Settings


@dataclass
class Context:
    """What every command is handed: where the settings are, and the settings once read."""

    config: Path | None = None
    collect: Callable[[Wanted], None] | None = None
    """Takes what a job command is told, when it is not for one device (`acs bulk start`)."""

    @cached_property
    def given(self) -> Settings:
        """The settings as they are given, without what a first start would make."""
        from acs.settings import Settings

        return Settings.load(self.config, os.environ)

    @cached_property
    def settings(self) -> Settings:
        """The settings, with what is made at the first start."""
        import secrets

        from acs.settings import complete

        return complete(self.given, secrets.token_bytes)


pass_context = click.make_pass_decorator(Context)

COMMANDS = {
    "serve": Lazy("acs.cli.serve:serve", "Serve devices until stopped."),
    "status": Lazy("acs.cli.status:status", "Show how the running server is."),
    "doctor": Lazy("acs.cli.doctor:doctor", "Look for what is missing or wrong, and name the fix."),
    "erp": Lazy("acs.cli.erp:erp", "See how fresh the mirror of ERPNext is."),
    "plan": Lazy("acs.cli.plan:plan", "Show what would be written to a device, without writing."),
    "device": Lazy("acs.cli.device:device", "Look at devices, and have things done on them."),
    "usp": Lazy("acs.cli.usp:usp", "Look at USP agents, and send them requests."),
    "job": Lazy("acs.cli.job:job", "Look at what was asked of devices, and take it back."),
    "tag": Lazy("acs.cli.tag:tag", "List tags, and tag many devices."),
    "token": Lazy("acs.cli.token:token", "Look after what other systems show to be let in."),
    "group": Lazy("acs.cli.group:group", "Name queries, to use them elsewhere."),
    "events": Lazy("acs.cli.events:events_group", "Tell other systems what happened to devices."),
    "reconcile": Lazy(
        "acs.cli.reconcile:reconcile_group", "Show where this server and ERPNext do not agree."
    ),
    "rule": Lazy("acs.cli.rule:rule", "Look at rules, and try them on a device."),
    "bulk": Lazy("acs.cli.bulk:bulk", "Have one thing done on many devices, with care."),
    "blueprint": Lazy("acs.cli.blueprint:blueprint", "Look at blueprints and check your own."),
    "file": Lazy("acs.cli.file:file", "Look after firmware and other files of devices."),
    "session": Lazy("acs.cli.session:session", "Record sessions, and play them again."),
    "settings": Lazy("acs.cli.settings:settings", "Show and check the settings."),
    "db": Lazy("acs.cli.db:db", "Look after the database."),
    "completion": Lazy("acs.cli.completion:completion", "Print a completion script for a shell."),
}


class _Root(LazyGroup):
    """The command itself; it turns errors that a person can mend into one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            failure = explain(error)
            if failure is None:
                raise
            raise failure from error


@click.group(
    cls=_Root,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.option(
    "-c",
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file. Default: $ACS_CONFIG, ./acs.toml, /etc/gigafibre-acs/acs.toml.",
)
@click.version_option(package_name="gigafibre-acs")
@click.pass_context
def acs(ctx: click.Context, config: Path | None) -> None:
    """Gigafibre ACS: zero-touch provisioning of ONTs from ERPNext.

    \b
    Examples:
      acs serve                     serve devices
      acs doctor                    is everything as it should be?
      acs device list               who has called
      acs plan 22275A7000001        what would be written to this device
    """
    ctx.obj = Context(config)


def main() -> None:
    """Run the command line."""
    acs(prog_name="acs")
