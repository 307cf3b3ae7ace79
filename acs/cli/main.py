"""The `acs` command: its groups, and what they share."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from acs.settings import Settings, SettingsError
from acs.settings.first_start import complete
from acs.store.errors import StoreError


@dataclass
class Context:
    """What every command is handed: where the settings are, and the settings once read."""

    config: Path | None = None

    @cached_property
    def settings(self) -> Settings:
        """The settings, with what is made at the first start."""
        return complete(Settings.load(self.config, os.environ), secrets.token_bytes)


pass_context = click.make_pass_decorator(Context)

EXIT_CODES = """\b
Exit codes:
  0  done, and all is well
  1  done, but something is not as it should be
  2  the command was not understood
  3  the settings or the database cannot be used
  4  no such device, or more than one
"""


@click.group(
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
    """Gigafibre ACS: zero-touch provisioning of ONTs from ERPNext."""
    ctx.obj = Context(config)


def main() -> None:
    """Run the command line; what goes wrong is one line that names the fix, not a trace."""
    from acs.cli import serve  # noqa: F401, PLC0415 - registers its command

    try:
        acs(prog_name="acs")
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"acs: settings: {problem}", err=True)
        sys.exit(3)
    except StoreError as error:
        click.echo(f"acs: database: {error}", err=True)
        sys.exit(3)
