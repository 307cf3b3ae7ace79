"""`acs serve --workers N`: several processes on one set of ports, and one that looks after them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from twisted.python.failure import Failure

from acs.cli.failures import UNUSABLE
from acs.settings import Settings


def run_workers(
    settings: Settings,
    config: Path | None,
    ready: bool,
    expect_stop: Callable[[Any], None],
    reason: Callable[[Exception], str],
) -> int:
    """Serve until stopped; the exit code.

    ``config``: the settings file that was named. ``expect_stop`` has signals end the reactor,
    ``reason`` words why it cannot listen.
    """
    from twisted.internet import reactor as installed

    from acs.server import open_database
    from acs.server.workers.folder import make_folder
    from acs.server.workers.supervisor import Supervisor

    reactor: Any = installed
    # Whoever would have us renew the workers does not know whether there are any yet.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Once for all, before they come: the schema brought up to date.
    open_database(settings).dispose()
    folder = make_folder(settings.data_dir, os.getpid())
    supervisor = Supervisor(settings, reactor, folder, config)
    failed: list[int] = []

    def fail(problem: str = "") -> None:
        failed.append(UNUSABLE)
        if problem:
            click.echo(f"acs: cannot serve: {problem}", err=True)
        reactor.stop()

    def serving(all_serve: bool) -> None:
        if not all_serve:
            fail()
        elif ready:
            click.echo(supervisor.ready_line())
            sys.stdout.flush()
        else:
            where = ", ".join(f"{name} {at}" for name, at in supervisor.addresses.items())
            count = settings.server.workers
            log = settings.log_file or "standard error"
            click.echo(f"Serving with {count} workers: {where}. Log: {log}.", err=True)

    def broke(failure: Failure) -> None:
        fail()
        failure.raiseException()

    def start() -> None:
        signal.signal(
            signal.SIGHUP, lambda _number, _frame: reactor.callFromThread(supervisor.restart)
        )
        try:
            supervisor.start().addCallback(serving).addErrback(broke)
        except Exception as error:
            fail(reason(error))

    reactor.callWhenRunning(expect_stop, reactor)
    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", supervisor.stop_deferred)
    try:
        reactor.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return UNUSABLE if failed else 0
