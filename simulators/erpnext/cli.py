"""The ``erpnext-sim`` command."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import react
from twisted.python import log

from simulators.erpnext.commands import COMMANDS
from simulators.erpnext.faults import Fault, FaultKind
from simulators.erpnext.queueing import MAX_QUEUED, WebhookQueue
from simulators.erpnext.schema import read_doctypes, standard_doctypes
from simulators.erpnext.seeding import bulk_documents, demo_documents, read_documents
from simulators.erpnext.simulator import Simulator
from simulators.erpnext.site import Site
from simulators.erpnext.users import DEMO_USERS, User
from simulators.erpnext.web import web_site
from simulators.erpnext.webhooks import BodyForm
from simulators.erpnext.worker import Workers

_File = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Run a stand-in of ERPNext for tests and demonstrations, and meddle with it.

    \b
    erpnext-sim serve --customers 100
    erpnext-sim set "Service Equipment" EQP-00001 wifi_password=Sapin-12-bleu
    erpnext-sim fault 503 --seconds 60
    erpnext-sim state
    """


for command in COMMANDS:
    main.add_command(command)


@main.command()
@click.option("--listen", default="127.0.0.1:8069", show_default=True, help="HOST:PORT.")
@click.option("--port", type=int, help="Port instead of the one in --listen; 0: any free one.")
@click.option("--seed-file", type=_File, help="Documents in TOML instead of the demo customers.")
@click.option("--empty", is_flag=True, help="Start without documents.")
@click.option("--customers", default=0, show_default=True, help="Generate so many customers more.")
@click.option("--random-seed", default=1, show_default=True, help="Seed of the generated ones.")
@click.option("--doctypes", type=_File, help="Doctypes in TOML instead of the demo ISP's.")
@click.option("--bare", is_flag=True, help="No role, custom fields, scripts of ours: to install.")
@click.option("--no-server-scripts", is_flag=True, help="server_script_enabled is off.")
@click.option("--host", "hosts", multiple=True, help="Site name to answer to; default: any.")
@click.option("--time-zone", default="America/Toronto", show_default=True, help="Of the site.")
@click.option("--api-key", default="demo-key", show_default=True, help="Of the bridge user.")
@click.option("--api-secret", default="demo-secret", show_default=True, help="Of the bridge user.")
@click.option("--slow", default=0.0, help="Answer every request so many seconds late.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice([kind.value for kind in FaultKind]),
    help="In force from the start, until cleared.",
)
@click.option("--webhook-workers", default=1, show_default=True, help="More: order not kept.")
@click.option("--webhook-delay", default=0.0, help="Seconds until a worker comes to a webhook.")
@click.option(
    "--webhook-form",
    type=click.Choice([form.value for form in BodyForm]),
    default=BodyForm.V15.value,
    show_default=True,
    help="JSON of a version of Frappe.",
)
@click.option("--max-queued", default=MAX_QUEUED, show_default=True, help="Webhooks that may wait.")
@click.option(
    "--time-scale",
    default=1.0,
    show_default=True,
    help="Shortens the site's waits: tries and time-outs of webhooks, waits for locks.",
)
@click.option("--log-requests", is_flag=True, help="Write an access log to standard error.")
def serve(
    listen: str,
    port: int | None,
    seed_file: Path | None,
    empty: bool,
    customers: int,
    random_seed: int,
    doctypes: Path | None,
    bare: bool,
    no_server_scripts: bool,
    hosts: tuple[str, ...],
    time_zone: str,
    api_key: str,
    api_secret: str,
    slow: float,
    faults: tuple[str, ...],
    webhook_workers: int,
    webhook_delay: float,
    webhook_form: str,
    max_queued: int,
    time_scale: float,
    log_requests: bool,
) -> None:
    """Serve until interrupted; print ``listening URL`` when ready."""
    kinds = read_doctypes(doctypes.read_text("utf-8")) if doctypes else standard_doctypes()
    users = _users(api_key, api_secret)
    queue = WebhookQueue(
        time.monotonic,
        delay=webhook_delay,
        workers=webhook_workers,
        seed=random_seed,
        limit=max_queued,
    )

    def build() -> Site:
        site = Site(
            kinds,
            _utc_now,
            users=users,
            hosts=hosts,
            time_zone=time_zone,
            scripts_allowed=not no_server_scripts,
            bare=bare,
        )
        if seed_file:
            site.seed(read_documents(seed_file.read_text("utf-8")))
        elif not empty:
            site.seed(demo_documents())
        site.seed(bulk_documents(customers, random_seed))
        return site

    form = BodyForm(webhook_form)
    simulator = Simulator(build, _utc_now, queue=queue, form=form, scale=time_scale)
    if slow:
        simulator.order(Fault(kind=FaultKind.SLOW, delay=slow))
    for kind in faults:
        simulator.order(Fault(kind=FaultKind(kind)))
    if log_requests:
        log.startLogging(sys.stderr, setStdout=False)
    host, _, listed = listen.rpartition(":")
    for user in users:
        click.echo(f"user {user.name} token {user.api_key}:{user.api_secret}")
    try:
        react(_run, (simulator, time_scale, host, int(listed) if port is None else port))
    except CannotListenError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{error.port}: {error.socketError}; name another --port"
        ) from None


def _run(
    reactor: Any, simulator: Simulator, time_scale: float, host: str, port: int
) -> Deferred[None]:
    workers = Workers(
        simulator.queue,
        scale=time_scale,
        sent=lambda delivery, fate: reactor.callFromThread(simulator.sent, delivery, fate),
    )
    workers.start()
    bound = reactor.listenTCP(port, web_site(simulator, reactor), interface=host)
    click.echo(f"listening http://{host}:{bound.getHost().port}")
    sys.stdout.flush()
    return Deferred()


def _users(api_key: str, api_secret: str) -> tuple[User, ...]:
    bridge, *others = DEMO_USERS
    return (replace(bridge, api_key=api_key, api_secret=api_secret), *others)


def _utc_now() -> datetime:
    return datetime.now(UTC)
