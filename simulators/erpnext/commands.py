"""The commands that meddle with a running stand-in, by its controls."""

from __future__ import annotations

import json
from typing import Any

import click
import requests

from simulators.erpnext.controls import DESK_USER
from simulators.erpnext.faults import FaultKind
from simulators.erpnext.queueing import Twist

_TIMEOUT = 60.0

at = click.option(
    "--at",
    "url",
    default="http://127.0.0.1:8069",
    envvar="ERPNEXT_SIM_URL",
    show_default=True,
    help="Address of the stand-in (ERPNEXT_SIM_URL).",
)


def _control(url: str, method: str, action: str, body: Any = None) -> Any:
    try:
        answer = requests.request(
            method, f"{url.rstrip('/')}/__sim__/{action}", json=body, timeout=_TIMEOUT
        )
        told = answer.json()
    except (requests.ConnectionError, requests.Timeout) as error:
        raise click.ClickException(
            f"no stand-in answers at {url}: {type(error).__name__};"
            " start it with `erpnext-sim serve`, or name its address with --at"
        ) from None
    except requests.JSONDecodeError:
        raise click.ClickException(f"{url} is no stand-in of ERPNext") from None
    if answer.status_code != requests.codes.ok:
        raise click.ClickException(told.get("error", answer.text))
    return told


def _show(told: Any) -> None:
    click.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _fields(pairs: tuple[str, ...]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.ClickException(f"{pair!r} is not FIELD=VALUE")
        fields[name] = value
    return fields


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _desk(url: str, user: str, action: str, doctype: str, name: str, **more: Any) -> None:
    act = {"action": action, "user": user, "doctype": doctype, "name": name, **more}
    _show(_control(url, "POST", "set", act))


user = click.option("--user", default=DESK_USER, show_default=True, help="Who does it.")


@click.command("set")
@click.argument("doctype")
@click.argument("name")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE...")
@user
@at
def set_fields(doctype: str, name: str, fields: tuple[str, ...], user: str, url: str) -> None:
    """Save a document as a person at the desk does; an empty VALUE empties the field.

    \b
    erpnext-sim set "Service Equipment" EQP-00001 wifi_password=Sapin-12-bleu
    erpnext-sim set "Service Subscription" SUB-0000000001 status=Suspendu
    """
    _desk(url, user, "save", doctype, name, fields=_fields(fields))


@click.command()
@click.argument("doctype")
@click.argument("fields", nargs=-1, metavar="FIELD=VALUE...")
@click.option("--name", default="", help="Where the doctype does not name it by itself.")
@user
@at
def create(doctype: str, fields: tuple[str, ...], name: str, user: str, url: str) -> None:
    """Create a document as a person at the desk does.

    \b
    erpnext-sim create "Service Equipment" --name EQP-9 equipment_type=ONT serial_number=X1
    """
    _desk(url, user, "create", doctype, name, fields=_fields(fields))


@click.command()
@click.argument("doctype")
@click.argument("name")
@user
@at
def delete(doctype: str, name: str, user: str, url: str) -> None:
    """Delete a document as a person at the desk does.

    \b
    erpnext-sim delete "Service Equipment" EQP-00001
    """
    _desk(url, user, "delete", doctype, name)


@click.command()
@click.argument("doctype")
@click.argument("name")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE...")
@click.option("--touch", is_flag=True, help="Let `modified` tell of it.")
@at
def sql(doctype: str, name: str, fields: tuple[str, ...], touch: bool, url: str) -> None:
    """Change a row behind Frappe's back: no rules, no webhook, `modified` as it was.

    \b
    erpnext-sim sql "Service Equipment" EQP-00001 status=returned
    """
    statement = {"doctype": doctype, "name": name, "fields": _fields(fields), "touch": touch}
    _control(url, "POST", "sql", statement)


@click.command()
@click.argument("kind", required=False, type=click.Choice([kind.value for kind in FaultKind]))
@click.option("--count", type=int, help="Hit so many requests.")
@click.option("--seconds", type=float, help="Last so long.")
@click.option("--match", help="Hit only what has this in METHOD /path.")
@click.option("--delay", type=float, help="Seconds, of slow and lockwait.")
@click.option("--retry-after", type=int, help="Seconds, of 429.")
@click.option("--exc-type", help="Class of frappe.exceptions, of 417.")
@click.option("--field", help="Name of the field, of field.")
@click.option("--clear", is_flag=True, help="Take back all faults.")
@at
def fault(kind: str | None, clear: bool, url: str, **options: Any) -> None:
    """Let requests fail; without --count and --seconds until cleared.

    \b
    erpnext-sim fault 503 --seconds 60
    erpnext-sim fault 417 --exc-type MandatoryError --match "PUT /api/resource" --count 1
    erpnext-sim fault 500html --count 1        # saved, and answered 500
    erpnext-sim fault --clear
    """
    if kind is None and not clear:
        raise click.UsageError("name a KIND, or --clear")
    if clear:
        told = _control(url, "DELETE", "faults")
    if kind is not None:
        told = _control(url, "POST", "faults", {"kind": kind, **_given(**options)})
    _show(told["faults"])


@click.group()
def webhook() -> None:
    """See what becomes of webhooks, and lose, delay, double or mix them.

    \b
    erpnext-sim webhook worker stopped     # they wait …
    erpnext-sim webhook redis down         # … or are lost, and the request answers 500
    erpnext-sim webhook twist reorder --count 3
    erpnext-sim webhook list
    """


@webhook.command("list")
@at
def list_webhooks(url: str) -> None:
    """Show what waits, and what became of the last thousand."""
    _show(_control(url, "GET", "webhooks"))


@webhook.command()
@click.argument("state", type=click.Choice(["running", "stopped"]))
@at
def worker(state: str, url: str) -> None:
    """Stop the worker: webhooks wait; or let it run again."""
    _control(url, "POST", "webhooks", {"worker": state})


@webhook.command()
@click.argument("state", type=click.Choice(["up", "down"]))
@at
def redis(state: str, url: str) -> None:
    """Take the queue down: what is saved is answered 500, and its webhook is lost."""
    _control(url, "POST", "webhooks", {"redis": state})


@webhook.command()
@click.argument("jobs", type=int)
@at
def limit(jobs: int, url: str) -> None:
    """Set how many webhooks may wait; a save that finds no room is answered 500."""
    _control(url, "POST", "webhooks", {"limit": jobs})


@webhook.command()
@at
def flush(url: str) -> None:
    """Lose what waits, as a restart of a Redis without persistence does."""
    _control(url, "POST", "webhooks", {"flush": True})


@webhook.command()
@click.argument("kind", required=False, type=click.Choice([kind.value for kind in Twist]))
@click.option("--count", type=int, help="Of the next so many; default 1.")
@click.option("--match", help="Only what has this in WEBHOOK DOCTYPE/NAME.")
@click.option("--seconds", type=float, help="How late.")
@click.option("--copies", type=int, help="How many of each.")
@click.option("--clear", is_flag=True, help="Take back all twists; what is held back goes.")
@at
def twist(kind: str | None, clear: bool, url: str, **options: Any) -> None:
    """Lose, double, delay or mix the next webhooks."""
    if kind is None and not clear:
        raise click.UsageError("name a KIND, or --clear")
    if clear:
        told = _control(url, "DELETE", "webhooks/faults")
    if kind is not None:
        told = _control(url, "POST", "webhooks/faults", {"kind": kind, **_given(**options)})
    _show(told["faults"])


@click.command()
@click.option("--count", type=int, default=1, show_default=True)
@click.option("--match", default="", help="Only what has this in WEBHOOK DOCTYPE/NAME.")
@at
def lose(count: int, match: str, url: str) -> None:
    """Lose the next webhooks without a trace."""
    _control(url, "POST", "webhooks/faults", {"kind": "lose", "count": count, "match": match})


@click.command()
@click.option("--zone", help="Time zone, as America/Vancouver.")
@click.option("--shift", type=float, help="Seconds the site's clock is ahead; 0 sets it right.")
@at
def clock(zone: str | None, shift: float | None, url: str) -> None:
    """Change the site's time zone, or put its clock wrong.

    \b
    erpnext-sim clock --zone America/Vancouver
    erpnext-sim clock --shift -- -3600
    """
    told = _control(url, "POST", "clock", _given(zone=zone, shift=shift))
    _show({"time": told["time"], "time_zone": told["time_zone"]})


def _plain(name: str, method: str, action: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @at
    def command(url: str) -> None:
        _show(_control(url, method, action))

    return command


COMMANDS: tuple[click.Command, ...] = (
    set_fields,
    create,
    delete,
    sql,
    fault,
    webhook,
    lose,
    clock,
    _plain("state", "GET", "state", "Show counts of documents and requests, and the faults."),
    _plain("pause", "POST", "pause", "Answer nothing; requests wait."),
    _plain("resume", "POST", "resume", "Answer again, first those who waited."),
    _plain("reset", "POST", "reset", "Go back to the documents of the start."),
)
"""All of them; each takes ``--at URL``."""
