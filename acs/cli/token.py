"""`acs token`: what other systems show when they ask something of this server."""

from __future__ import annotations

import re
import time
from typing import Any

import click

from acs.api.scopes import Scope
from acs.cli import render
from acs.cli.ages import age, iso
from acs.cli.database import opened
from acs.cli.failures import Amiss
from acs.cli.job_request import asked_by
from acs.cli.lazy import Lazy, LazyGroup
from acs.cli.main import Context, pass_context
from acs.store import tokens
from acs.store.tokens import Token

COMMANDS = {
    "create": Lazy("acs.cli.token:create", "Make a token, and show it this once."),
    "list": Lazy("acs.cli.token:list_tokens", "List tokens, what they are good for, their use."),
    "revoke": Lazy("acs.cli.token:revoke", "Take a token back; it is refused at once."),
}
_DAY = 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@click.group(cls=LazyGroup, lazy=COMMANDS)
def token() -> None:
    """Tokens: what other systems show when they ask something of this server (docs/api.md).

    \b
    Examples:
      acs token create n8n --scope reprovision --days 365
      acs token list
      acs token revoke n8n
    """


@click.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it is good for; may be given more than once. `*`: everything.",
)
@click.option("--days", type=click.IntRange(min=1), help="It ends after so many days.")
@render.json_option
@pass_context
def create(
    context: Context, name: str, scopes: tuple[str, ...], days: int | None, as_json: bool
) -> None:
    """Make a token called NAME, and print it.

    It is shown this once: what is kept of it can check it, and not show it again.

    \b
    Examples:
      acs token create n8n --scope reprovision --days 365
      acs token create hub --scope devices:read --scope reprovision
    """
    if not _NAME.fullmatch(name):
        raise click.UsageError(
            f"{name!r} is no name of a token: use letters, digits, dots and dashes"
        )
    now = time.time()
    expires_at = now + days * _DAY if days else 0.0
    with opened(context) as database:
        text = database.run(
            "create token",
            tokens.create_thd,
            name,
            scopes,
            now,
            expires_at=expires_at,
            created_by=asked_by(),
        )
    if text is None:
        raise Amiss(f"there is a token {name} already; `acs token revoke {name}` takes it back")
    if as_json:
        render.emit(
            {
                "name": name,
                "token": text,
                "scopes": sorted(set(scopes)),
                "expires": iso(expires_at),
            }
        )
        return
    render.say(text)
    until = f", for {days} days" if days else ""
    click.echo(
        f"Token {name} is good for {', '.join(sorted(set(scopes)))}{until}. "
        "Keep it: it is not shown again.",
        err=True,
    )


@click.command("list")
@render.json_option
@pass_context
def list_tokens(context: Context, as_json: bool) -> None:
    """List tokens by name. Ends with 0, also when there is none.

    \b
    Examples:
      acs token list
      acs token list --json | jq -r '.tokens[] | select(.good | not) | .name'
    """
    with opened(context) as database, database.read() as conn:
        found = tokens.list_thd(conn)
    now = time.time()
    if as_json:
        render.emit({"tokens": [_document(each, now) for each in found]})
        return
    rows = [
        (
            each.name,
            " ".join(sorted(each.scopes)),
            _until(each, now),
            age(each.last_used_at, now),
            each.created_by,
        )
        for each in found
    ]
    headings = ("Token", "Good for", "Ends", "Last used", "Made by")
    render.print_table(headings, rows, "There is no token: acs token create makes one.")


@click.command()
@click.argument("name")
@pass_context
def revoke(context: Context, name: str) -> None:
    """Take the token called NAME back. Whoever shows it is refused from now on.

    \b
    Example:
      acs token revoke n8n
    """
    with opened(context) as database:
        gone = database.run("revoke token", tokens.revoke_thd, name)
    if not gone:
        raise Amiss(f"there is no token {name}; see `acs token list`")
    render.say(f"Token {name} is revoked.")


def _until(token: Token, now: float) -> str:
    if not token.expires_at:
        return "never"
    return age(token.expires_at, now) if token.is_good(now) else "expired"


def _document(token: Token, now: float) -> dict[str, Any]:
    return {
        "name": token.name,
        "scopes": sorted(token.scopes),
        "good": token.is_good(now),
        "created": iso(token.created_at),
        "created_by": token.created_by,
        "expires": iso(token.expires_at),
        "last_used": iso(token.last_used_at),
    }
