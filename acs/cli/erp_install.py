"""`acs erp install` and `acs erp check`: what the ERPNext site needs for this server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from acs.cli import erp_install_print as shown
from acs.cli import render
from acs.cli.failures import DIFFERENT, Amiss, Failure, leave
from acs.cli.main import Context, pass_context
from acs.model import Secret
from acs.server.bridge import load_mapping, make_client
from acs.settings import Settings
from acs.settings.load import ADMIN_KEY_VARIABLE, ADMIN_SECRET_VARIABLE
from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpError
from erp_bridge.install import look as site
from erp_bridge.install.apply import apply
from erp_bridge.install.difference import Difference, Plan, Seen
from erp_bridge.install.plan import compare
from erp_bridge.install.wanted import PATH, ROLE, Wanted
from erp_bridge.mapping import Mapping

SECRET_VARIABLE = "ACS_ERP_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
_SCHEMA_SECONDS = 60.0
"""A site may take long for a change of schema, and waits 50 s for a lock."""

_role = click.option(
    "--role", default=ROLE, show_default=True, help="Role of this server's user on the site."
)
_admin = click.option(
    "--admin-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with KEY:SECRET of a System Manager, for this command only. Else the variables"
    f" {ADMIN_KEY_VARIABLE} and {ADMIN_SECRET_VARIABLE}.",
)


@click.command("check")
@_role
@_admin
@render.json_option
@pass_context
def check(context: Context, role: str, admin_key_file: Path | None, as_json: bool) -> None:
    """Compare the site with what this server needs of it; changes nothing.

    Goes by the mapping. With the server's own key roles, scripts and webhooks are not shown by
    the site; the key of a System Manager shows them. Ends with 1 when something is missing.

    \b
    Examples:
      acs erp check
      acs erp check --admin-key-file admin.key --json
    """
    settings = _connected(context)
    with _clients(settings, admin_key_file) as (user, client):
        mapping = load_mapping(settings.erp)
        seen = site.look(client, mapping, user=user, role=role)
        secret = settings.erp.webhook_secret or None
        wanted = site.wanted(mapping, seen, user=user, role=role, url="", secret=secret)
        plan = compare(wanted, seen)
    if secret is None:
        extra = Difference(
            "erp.webhook_secret is not set: this server takes no webhooks",
            "acs erp install --url URL --apply --write-secret-file FILE, and set it",
        )
        plan = Plan((*plan.differences, extra), plan.hidden)
    shown.findings(plan, user, as_json=as_json)
    leave(DIFFERENT if plan.differences else 0)


@click.command("install")
@click.option("--url", default="", help="Where the site reaches this server's REST interface.")
@click.option("--plan", "only_plan", is_flag=True, help="Show each step, and do none.  [default]")
@click.option("--apply", "do_it", is_flag=True, help="Do the steps.")
@_admin
@_role
@click.option(
    "--write-secret-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Keep the secret of webhooks there, as {SECRET_VARIABLE}=…; if it exists, use its.",
)
@click.option(
    "--script", help="Print the text of this Server Script for the site, and nothing else."
)
@render.json_option
@pass_context
def install(
    context: Context,
    url: str,
    only_plan: bool,
    do_it: bool,
    admin_key_file: Path | None,
    role: str,
    write_secret_file: Path | None,
    script: str | None,
    as_json: bool,
) -> None:
    """Set up the ERPNext site for this server: role, fields, scripts, webhooks.

    What is there already is left alone: nothing is deleted, and no field changes its type. A
    second run finds nothing to do. --apply needs the key of a System Manager (who has the role
    Script Manager, too); it is used for this command and kept nowhere.

    It changes how the site is set up, no data of customers: safety.mode does not hold it back.

    With --apply it ends with 1 when something is left to be done by hand.

    \b
    Examples:
      acs erp install --url https://acs.example.net
      acs erp install --url https://acs.example.net --admin-key-file admin.key --apply
      acs erp install --script acs_create_order
    """
    if only_plan and do_it:
        raise click.UsageError("Give --plan or --apply.")
    settings = _connected(context)
    if script is None:
        _check_url(url)
    if do_it and not _has_admin(admin_key_file):
        raise Failure(
            "only a System Manager may change the site: name a file with KEY:SECRET of one"
            f" (--admin-key-file), or set {ADMIN_KEY_VARIABLE} and {ADMIN_SECRET_VARIABLE}"
        )
    mapping = load_mapping(settings.erp)
    with _clients(settings, admin_key_file) as (user, client):
        with render.progress("Looking at the site"):
            seen = site.look(client, mapping, user=user, role=role)
        want = partial(site.wanted, mapping, user=user, role=role, url=url)
        if script is not None:
            _print_script(want(seen, secret=None), script)
            return
        secret = _secret(settings, seen, write_secret_file)
        plan = compare(want(seen, secret=secret or Secret("unset")), seen)
        if not do_it:
            shown.plan(plan, user, as_json=as_json)
            return
        is_new = secret is None
        secret = secret or Secret(secrets.token_urlsafe(32))
        if write_secret_file and not write_secret_file.exists():
            # Before it is used: a secret that nobody has is of no use on the site.
            _keep(secret, write_secret_file)
        wanted = want(seen, secret=secret)
        left = _apply(client, mapping, wanted, compare(wanted, seen), as_json=as_json)
    _tell_secret(settings, secret, write_secret_file, is_new=is_new)
    leave(DIFFERENT if left else 0)


def _apply(
    client: ErpClient, mapping: Mapping, wanted: Wanted, plan: Plan, *, as_json: bool
) -> bool:
    """Do the steps, look again, and tell; return whether anything is left."""
    outcomes = []
    try:
        for outcome in apply(
            client,
            plan.steps,
            role=wanted.role,
            scripts_run=partial(site.scripts_run, client, mapping),
        ):
            outcomes.append(outcome)
            if not as_json:
                shown.outcome(outcome, len(outcomes), len(plan.steps))
    except ErpError:
        done = sum(1 for outcome in outcomes if not outcome.why)
        click.echo(f"{done} of {len(plan.steps)} steps were done; run it again", err=True)
        raise
    left = plan
    if outcomes:
        left = compare(wanted, site.look(client, mapping, user=wanted.user, role=wanted.role))
    shown.applied(outcomes, left, as_json=as_json)
    return bool(left.differences)


def _connected(context: Context) -> Settings:
    if not context.settings.erp.url:
        raise Failure("erp.url is empty: no ERPNext is connected; set it (docs/connect-erpnext.md)")
    return context.settings


@contextmanager
def _clients(settings: Settings, admin_key_file: Path | None) -> Iterator[tuple[str, ErpClient]]:
    """Yield the name of this server's user, and the client to look and write with."""
    own = make_client(settings.erp)
    try:
        user = own.whoami()
        if not _has_admin(admin_key_file):
            yield user, own
            return
        key, secret = _admin_key(admin_key_file)
        erp = msgspec.structs.replace(
            settings.erp,
            api_key=key,
            api_secret=Secret(secret),
            timeout=max(settings.erp.timeout, _SCHEMA_SECONDS),
        )
        client = make_client(erp)
        try:
            yield user, client
        finally:
            client.close()
    finally:
        own.close()


def _has_admin(file: Path | None) -> bool:
    return file is not None or bool(os.environ.get(ADMIN_KEY_VARIABLE))


def _admin_key(file: Path | None) -> tuple[str, str]:
    if file is None:
        return os.environ[ADMIN_KEY_VARIABLE], os.environ.get(ADMIN_SECRET_VARIABLE, "")
    key, colon, secret = file.read_text("utf-8").strip().partition(":")
    if not colon or not key.strip() or not secret.strip():
        raise Failure(f"{file}: must hold KEY:SECRET of a System Manager in one line")
    return key.strip(), secret.strip()


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(
            "Say where the site reaches this server: --url https://acs.example.net"
        )
    if parts.username is not None or parts.query or parts.fragment or PATH in parts.path:
        raise click.UsageError(
            f"--url must hold no user, query or fragment, and not {PATH} either: it is added"
        )


def _secret(settings: Settings, seen: Seen, file: Path | None) -> Secret | None:
    """Return the secret that webhooks are to be signed with, None for a new one."""
    if settings.erp.webhook_secret:
        return settings.erp.webhook_secret
    if file is not None and file.exists():
        name, _, text = file.read_text("utf-8").strip().partition("=")
        if name != SECRET_VARIABLE or not text:
            raise Failure(f"{file}: must hold {SECRET_VARIABLE}=…; name another file")
        return Secret(text)
    return seen.secret


def _keep(secret: Secret, file: Path) -> None:
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(f"{SECRET_VARIABLE}={secret.reveal()}\n", "utf-8")


def _tell_secret(settings: Settings, secret: Secret, file: Path | None, *, is_new: bool) -> None:
    if settings.erp.webhook_secret:
        return
    if file is not None:
        text = (
            f"Give the server the secret of the webhooks: its environment needs the line in {file}"
        )
    elif is_new:
        line = f"{SECRET_VARIABLE}={secret.reveal()}"
        text = f"Put this into the server's environment; it is not shown again:\n\n    {line}\n"
    else:
        text = (
            "erp.webhook_secret is not set, but the site's webhooks have a secret:"
            " --write-secret-file FILE keeps it for the server"
        )
    click.echo(text, err=True)
    click.echo("Then restart the server, and run `acs erp check`.", err=True)


def _print_script(wanted: Wanted, name: str) -> None:
    found = {script.name: script.text for script in wanted.scripts}
    if name not in found:
        raise Amiss(f"no script {name} is for this site; there are: {', '.join(found)}")
    click.echo(found[name], nl=False)
