"""`acs serve`: run the server."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click
import msgspec
from twisted.internet import error as net_error

from acs import log
from acs.cli.failures import UNUSABLE
from acs.cli.main import Context, pass_context
from acs.cli.serve_workers import run_workers
from acs.settings import Settings

IMPATIENT_SECONDS = 1.0
"""From then on a second signal ends a stop that takes long. Before, it is the same Ctrl-C, sent to
us by the terminal and by whoever started us."""


@click.command()
@click.option(
    "--ready",
    is_flag=True,
    help="Print one line of JSON with the addresses once devices are served (for scripts).",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 32),
    help="Processes that serve devices. Default: server.workers, which is 1.",
)
@pass_context
def serve(context: Context, ready: bool, workers: int | None) -> None:
    """Serve devices until stopped (Ctrl-C or SIGTERM).

    Runs with no settings at all: CWMP on port 7547, a database and generated secrets in the data
    directory. `acs doctor` says what is still missing. With several workers, SIGHUP puts a new
    process in the place of each, one after the other; no session is lost.

    \b
    Examples:
      acs serve
      acs --config /etc/gigafibre-acs/acs.toml serve
      ACS_LOG_LEVEL=debug acs serve
      acs serve --workers 4
    """
    settings = context.settings
    if workers is not None:
        server = msgspec.structs.replace(settings.server, workers=workers)
        settings = replace(settings, server=server)
    many = settings.server.workers > 1
    end_log = log.configure(
        file=settings.log_file,
        level=settings.log.level.value,
        max_bytes=settings.log.max_bytes,
        backups=settings.log.backups,
        json=settings.log.format == "json",
        shared_as="supervisor" if many else "",
    )
    try:
        if not _fits(settings):
            sys.exit(UNUSABLE)
        _await_room(settings)
        if many:
            sys.exit(run_workers(settings, context.config, ready, _stop_once, _reason))
        sys.exit(_run(settings, ready))
    finally:
        end_log()


def _stop_once(reactor: Any) -> None:
    """Stop in order at the first signal; at one that comes later, end at once."""

    def expect(action: signal.Handlers | Callable[[int, object], object]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, action)

    begun: list[bool] = []

    def begin() -> None:
        if not begun:
            begun.append(True)
            reactor.callLater(IMPATIENT_SECONDS, expect, signal.SIG_DFL)
            reactor.stop()

    def stop(_number: int, _frame: object) -> None:
        # Not SIG_IGN: Python calls it an error when one is already on its way.
        expect(lambda _number, _frame: None)
        # Another signal may have come in the middle of that, and have run this, too.
        reactor.callFromThread(begin)

    expect(stop)


def _reason(error: Exception) -> str:
    if not isinstance(error, net_error.CannotListenError):
        return str(error)
    why = getattr(error.socketError, "strerror", None) or error.socketError
    return (
        f"{error.interface}:{error.port}: {why}. End the program that has this address, or set "
        "another one (cwmp.listen, cwmp.tls_listen, files.listen, admin.listen)"
    )


def _fits(settings: Settings) -> bool:
    """Tell whether the mapping fits ERPNext, and say what does not."""
    from acs.server.bridge import misfits

    try:
        problems = misfits(settings.erp) if settings.erp.url else []
    except ValueError as error:
        click.echo(f"acs: settings: {error}", err=True)
        return False
    for problem in problems:
        click.echo(f"acs: ERPNext: {problem.text}. {problem.fix}.", err=True)
    return not problems


def _await_room(settings: Settings) -> None:
    """A disk without any room would let us fail at each start, until nobody starts us any more."""
    from acs.server.disk_sacrifice import wait_for_room

    wait_for_room(settings, lambda text: click.echo(f"acs: {text}", err=True))


def _run(settings: Settings, ready: bool) -> int:
    from acs.reactor import install

    install()
    from twisted.internet import reactor as installed

    from acs.server.server import Server

    reactor: Any = installed
    try:
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
            click.echo(f"acs: cannot serve: {_reason(error)}", err=True)
            return
        # What is loaded by now stays: the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        if ready:
            click.echo(server.ready_line())
            sys.stdout.flush()
        else:
            where = ", ".join(f"{name} {address}" for name, address in server.addresses.items())
            click.echo(f"Serving: {where}. Log: {settings.log_file or 'standard error'}.", err=True)

    failed: list[int] = []
    reactor.callWhenRunning(_stop_once, reactor)
    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", server.stop_deferred)
    reactor.run()
    return UNUSABLE if failed else 0
