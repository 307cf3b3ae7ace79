"""`acs settings`: what holds, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import click
from sqlalchemy.engine import make_url

from acs.cli import render
from acs.cli.failures import Amiss
from acs.cli.main import Context, pass_context
from acs.model import Secret
from acs.settings import Settings, describe
from acs.store.engine import without_password

MASK = "***"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as it may be shown."""

    key: str
    value: Any
    """Plain data; a secret is masked, and None while it is not set."""
    source: str
    secret: bool


@click.group()
def settings() -> None:
    """Show and check the settings.

    \b
    Examples:
      acs settings show
      acs settings show --reveal bootstrap_password
      acs --config new.toml settings check
    """


@settings.command()
@click.option("--reveal", metavar="KEY", help="Print this one secret, and nothing else.")
@render.json_option
@pass_context
def show(context: Context, reveal: str | None, as_json: bool) -> None:
    """Show each setting, its value, and where that came from. Secrets are masked.

    KEY of --reveal is a setting such as auth.bootstrap_password, or a part of its name that fits
    one secret only.

    \b
    Examples:
      acs settings show
      acs settings show --json | jq '.settings[] | select(.source != "default")'
      acs settings show --reveal bootstrap_password
    """
    if reveal is not None:
        click.echo(_revealed(context.given, reveal))
        return
    shown = every_setting(context.given)
    if as_json:
        render.emit(
            {
                "settings": [
                    {
                        "key": each.key,
                        "value": each.value,
                        "source": each.source,
                        "secret": each.secret,
                    }
                    for each in shown
                ]
            }
        )
        return
    render.print_table(
        ("Setting", "Value", "From"),
        ((each.key, as_text(each.value), each.source) for each in shown),
    )


@settings.command()
@render.json_option
@pass_context
def check(context: Context, as_json: bool) -> None:
    """Check the settings, and the files that they name. Nothing is made or changed.

    Ends with 3 when they cannot be used; each problem is named with its file and line, or its
    variable. `acs doctor` looks at what the settings lead to as well.

    \b
    Examples:
      acs settings check
      acs --config /etc/gigafibre-acs/acs.toml settings check
    """
    from acs.server import load_library
    from acs.server.bridge import load_mapping

    found = context.given
    load_mapping(found.erp)
    issues = [str(each) for each in load_library(found).issues]
    given = [each.key for each in every_setting(found) if each.source != "default"]
    if as_json:
        render.emit({"given": given, "issues": issues})
    else:
        for issue in issues:
            render.say(issue)
        if not issues:
            render.say(f"The settings are good; {len(given)} are not the default.")
    if issues:
        click.get_current_context().exit(1)


def every_setting(found: Settings) -> list[Shown]:
    """Return all settings in the order of the documentation, secrets masked."""
    shown = []
    for each in describe():
        section, _, name = each.key.partition(".")
        value = getattr(getattr(found, section), name)
        source = found.source(each.key)
        secret = isinstance(value, Secret) or each.key == "secrets.keys"
        if each.key == "database.url":
            # Worth seeing; its password is not.
            url = make_url(found.database_url.reveal())
            value = without_password(url)
            secret = value != url.render_as_string(hide_password=False)
        shown.append(Shown(each.key, _plain(value), source, secret))
    return shown


def as_text(value: Any) -> str:
    """Write a value for people."""
    match value:
        case None:
            return "(not set yet)"
        case bool():
            return "true" if value else "false"
        case dict():
            return ", ".join(f"{name}: {text}" for name, text in value.items()) or "(not set yet)"
        case tuple():
            return ", ".join(map(str, value)) or "(none)"
        case _:
            return str(value)


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return MASK if value else None
        case Enum():
            return value.value
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case _:
            return value


def _revealed(found: Settings, wanted: str) -> str:
    secrets = {each.key for each in every_setting(found) if each.secret} | {"database.url"}
    fitting = [key for key in sorted(secrets) if key == wanted] or [
        key for key in sorted(secrets) if wanted and wanted in key
    ]
    if len(fitting) != 1:
        those = ", ".join(fitting or sorted(secrets))
        raise click.UsageError(f"--reveal {wanted}: name one of {those}")
    section, _, name = fitting[0].partition(".")
    value = (
        found.database_url
        if fitting == ["database.url"]
        else getattr(getattr(found, section), name)
    )
    if not value:
        raise Amiss(
            f"{fitting[0]} is not set yet; the first start of `acs serve` makes one, if any"
        )
    if isinstance(value, Secret):
        return value.reveal()
    return "\n".join(f"{key_id}:{key.reveal()}" for key_id, key in value.items())
