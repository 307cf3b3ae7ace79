"""The command: run every check, show findings as they come, and count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import click
from sqlalchemy.exc import SQLAlchemyError

from acs.cli import render
from acs.cli.doctor import (
    blueprints,
    clock,
    configuration,
    database,
    disk,
    erpnext,
    files,
    firmware,
    ports,
    secrets_file,
    tls,
    usp,
)
from acs.cli.failures import DIFFERENT, Failure, explain, leave
from acs.cli.main import Context, pass_context
from acs.settings import Settings, SettingsError
from erp_bridge.schema import Finding, Level

Check = Callable[[Settings], Iterator[Finding]]


class _Area(NamedTuple):
    """What is looked at, by the name that is shown and in JSON."""

    name: str
    check: Check


AREAS = (
    _Area("settings", configuration.check),
    _Area("secrets", secrets_file.check),
    _Area("disk", disk.check),
    _Area("database", database.check),
    _Area("blueprints", blueprints.check),
    _Area("tls", tls.check),
    _Area("ports", ports.check),
    _Area("usp", usp.check),
    _Area("files", files.check),
    _Area("firmware", firmware.check),
    _Area("erpnext", erpnext.check),
    _Area("clock", clock.check),
)

_SIGNS = {Level.OK: "ok", Level.WARNING: "warning", Level.ERROR: "error"}


@click.command()
@render.json_option
@pass_context
def doctor(context: Context, as_json: bool) -> None:
    """Look at settings, files, database, ports, ERPNext and clock, and name what to mend.

    Nothing is made or changed. A server may run meanwhile or not; run it as the user the server
    runs as. Ends with 1 when there is an error; warnings end with 0.

    \b
    Examples:
      acs doctor
      acs doctor --json | jq '.findings[] | select(.level != "ok")'
    """
    counts: Counter[Level] = Counter()
    findings = []
    for area, finding in _examined(context):
        counts[finding.level] += 1
        if as_json:
            findings.append(
                {
                    "area": area,
                    "level": finding.level.value,
                    "text": finding.text,
                    "fix": finding.fix or None,
                }
            )
        else:
            _print(area, finding)
    errors, warnings = counts[Level.ERROR], counts[Level.WARNING]
    if as_json:
        render.emit({"findings": findings, "errors": errors, "warnings": warnings})
    else:
        click.echo(f"\n{_number(errors, 'error')}, {_number(warnings, 'warning')}.")
    leave(DIFFERENT if errors else 0)


def _examined(context: Context) -> Iterator[tuple[str, Finding]]:
    try:
        settings = context.given
    except SettingsError as error:
        for problem in error.problems:
            yield "settings", Finding(Level.ERROR, problem, "Correct it; docs/settings.md has all")
        return
    for area in AREAS:
        with render.progress(f"Looking at {area.name} …"):
            found = list(_fenced(area.check, settings))
        for finding in found:
            yield area.name, finding


def _fenced(check: Check, settings: Settings) -> Iterator[Finding]:
    """Run a check; what keeps it from ending is a finding too, and the others go on."""
    try:
        yield from check(settings)
    except (Failure, SQLAlchemyError, OSError, ValueError) as error:
        failure = error if isinstance(error, Failure) else explain(error)
        text = "; ".join(failure.lines) if failure else str(error)
        yield Finding(Level.ERROR, text, "Mend this first, then run acs doctor again")
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        fix = "Mend this first, then run acs doctor again"
        yield Finding(Level.ERROR, "; ".join(failure.lines), fix)


def _print(area: str, finding: Finding) -> None:
    from rich.text import Text

    sign = _SIGNS[finding.level]
    line = Text(f"{sign:8}", style=render.STYLES[sign])
    line.append(f"{area:11} {render.plain(finding.text)}", style="")
    console = render.console()
    console.print(line)
    if finding.fix:
        console.print(Text(f"{'':20} → {render.plain(finding.fix)}", style="bold"))


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
