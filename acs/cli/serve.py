"""`acs serve`: run the server."""

from __future__ import annotations

import sys
from typing import Any

import click
from twisted.internet import error as net_error

from acs import log
from acs.cli.failures import UNUSABLE
from acs.cli.main import Context, pass_context
from acs.settings import Settings


@click.command()
@click.option(
    "--ready",
    is_flag=True,
    help="Print one line of JSON with the addresses once devices are served (for scripts).",
)
@pass_context
def serve(context: Context, ready: bool) -> None:
    """Serve devices until stopped (Ctrl-C or SIGTERM).

    Runs with no settings at all: CWMP on port 7547, a database and generated secrets in the data
    directory. `acs doctor` says what is still missing.

    \b
    Examples:
      acs serve
      acs --config /etc/gigafibre-acs/acs.toml serve
      ACS_LOG_LEVEL=debug acs serve
    """
    settings = context.settings
    end_log = log.configure(
        file=settings.log_file,
        level=settings.log.level.value,
        max_bytes=settings.log.max_bytes,
        backups=settings.log.backups,
        json=settings.log.format == "json",
    )
    try:
        sys.exit(_run(settings, ready))
    finally:
        end_log()


def _run(settings: Settings, ready: bool) -> int:
    from twisted.internet import reactor as installed

    from acs.server.bridge import misfits
    from acs.server.server import Server

    reactor: Any = installed
    try:
        problems = misfits(settings.erp) if settings.erp.url else []
        if problems:
            for problem in problems:
                click.echo(f"acs: ERPNext: {problem.text}. {problem.fix}.", err=True)
            return UNUSABLE
        server = Server(settings, reactor)
    except ValueError as error:
        click.echo(f"acs: settings: {error}", err=True)
        return UNUSABLE

    def start() -> None:
        try:
            server.start()
        except Exception as error:
            failed.append(UNUSABLE)
            reactor.stop()
            if not isinstance(error, net_error.CannotListenError | OSError | ValueError):
                raise
            click.echo(f"acs: cannot serve: {error}", err=True)
            return
        if ready:
            click.echo(server.ready_line())
            sys.stdout.flush()
        else:
            where = ", ".join(f"{name} {address}" for name, address in server.addresses.items())
            click.echo(f"Serving: {where}. Log: {settings.log_file or 'standard error'}.", err=True)

    failed: list[int] = []
    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", server.stop_deferred)
    reactor.run()
    return UNUSABLE if failed else 0
