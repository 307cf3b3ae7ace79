"""What can go wrong for reasons a person can mend: one line that names the fix, no trace."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from acs.cli.render import plain

DIFFERENT = 1
UNUSABLE = 3
UNKNOWN_DEVICE = 4

EXIT_CODES = """\b
Exit codes:
  0  done, and all is well
  1  done, but something is not as it should be
  2  the command was not understood
  3  the settings, the database or ERPNext cannot be used
  4  no such device, or more than one
"""


class Failure(click.ClickException):
    """Ends the command with ``lines`` on standard error: something cannot be used."""

    exit_code = UNUSABLE

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def show(self, file: object = None) -> None:
        """Print the lines to standard error; a site or a device may have worded them."""
        for line in self.lines:
            click.echo(f"acs: {plain(line)}", err=True)


class UnknownDevice(Failure):
    """No such device, or more than one."""

    exit_code = UNKNOWN_DEVICE


class Amiss(Failure):
    """What was asked for cannot be shown or done, though everything works."""

    exit_code = DIFFERENT


def explain(error: Exception) -> Failure | None:
    """Make the failure of an error that a person can mend; None: it is a defect of ours.

    The rooms are imported here only, where it is known that they are loaded anyway.
    """
    if _is(error, "acs.settings.load", "SettingsError"):
        problems: tuple[str, ...] = error.problems  # type: ignore[attr-defined]
        return Failure(*(f"settings: {problem}" for problem in problems))
    if _is(error, "acs.store.errors", "StoreError"):
        return Failure(f"database: {error}{_other_keys(error)}")
    if _is(error, "sqlalchemy.exc", "DBAPIError"):
        return Failure(f"database: {_first_line(error.orig)}")  # type: ignore[attr-defined]
    if _is(error, "erp_bridge.mapping", "MappingError"):
        return Failure(f"mapping: {error}")
    if _is(error, "erp_bridge.errors", "ErpError"):
        return Failure(f"ERPNext: {error}")
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        where = f"{error.filename}: " if error.filename else ""
        return Failure(f"{where}{error.strerror or error}")
    return None


def _is(error: Exception, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name))


def _other_keys(error: Exception) -> str:
    # A missing key is named by the error itself.
    if type(error).__name__ != "VaultError":
        return ""
    return "; put the secrets.toml back that belongs to this database"


def _first_line(cause: object) -> str:
    # What PostgreSQL says in further lines may quote values.
    return str(cause).partition("\n")[0]


def leave(code: int) -> NoReturn:
    """End the command with an exit code that says how things are."""
    click.get_current_context().exit(code)
