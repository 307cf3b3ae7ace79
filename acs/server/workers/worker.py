"""One worker: a whole server on ports that its supervisor has opened.

It takes orders on its standard input.  Should its supervisor die, it lets its sessions end, so that
the ports are free for the next one.
"""

from __future__ import annotations

import gc
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.stdio import StandardIO
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from acs import log
from acs.cwmp.edge import CwmpEdge
from acs.reactor import install
from acs.server.place import Door, Place, new_token
from acs.server.server import Server
from acs.server.workers import messages, replay
from acs.server.workers.board import Board
from acs.server.workers.claims import Claims
from acs.server.workers.desk import Desk
from acs.server.workers.messages import Answer, Forward, GiveWay, Question, Tell
from acs.server.workers.names import tokens
from acs.server.workers.neighbours import Hearing, Neighbours, listen, socket_of
from acs.server.workers.orders import (
    Assignment,
    Last,
    Leaving,
    Order,
    Ready,
    Word,
    encode,
)
from acs.server.workers.share import share_of
from acs.settings import Settings, SettingsError, complete
from acs.store.errors import StoreError

logger = log.get_logger("acs.workers")

ANSWER_SECONDS = 110.0
"""For another worker to answer a CPE: less than the CPE's own worker waits (`acs.http.Bounds`)."""
CHALLENGE_SECONDS = 2.0
"""For CPEs that were challenged, and have no session yet, to come with their answer."""
LOOK_SECONDS = 0.1
"""How often one that drains looks whether all is over."""
UNUSABLE = 3
"""Exit code of one that cannot serve, as that of `acs serve`."""


class Worker:
    """One worker's parts and life."""

    def __init__(self, assignment: Assignment, settings: Settings, reactor: Any) -> None:
        """Build the server, as part of the whole; nothing is open yet."""
        self._reactor = reactor
        self._ports = dict(assignment.ports)
        self._drain_seconds = settings.server.drain_seconds
        self._longest = settings.http.decompressed_bytes
        self._draining = self._stopping = False
        folder = Path(assignment.folder)
        self._socket = socket_of(folder, assignment.name)
        self._name = assignment.name
        self.neighbours = Neighbours(reactor, folder, self._longest)
        claimed = Board(folder / "claims", assignment.sessions, time.monotonic)
        self._claims = Claims(assignment.name, claimed, self.neighbours)
        self._taken = Board(folder / "taken", replay.ROWS, time.monotonic)
        self.supervisor = _Supervisor(self)
        self._desk: Desk | None = None
        self._local: Any = None
        self.server = Server(
            share_of(settings, assignment.number, assignment.workers),
            reactor,
            Place(
                open_port=self._adopt,
                token=tokens(assignment.name, new_token),
                replay=replay.SharedReplay(self._taken),
                rivals=self._claims,
                door=self._door,
                workers=assignment.workers,
            ),
        )

    def _door(self, edge: CwmpEdge) -> Door:
        self._desk = Desk(self._name, edge, self.neighbours, ANSWER_SECONDS)
        return self._desk

    def _adopt(self, name: str, address: str, factory: Any, _backlog: int) -> Any:
        """Listen on the socket that the supervisor has opened."""
        number = self._ports.pop(name, None)
        if number is None:
            raise ValueError(f"the address {address} is new: restart the server, not its workers")
        with socket.socket(fileno=number) as opened:
            return self._reactor.adoptStreamPort(opened.fileno(), opened.family, factory)

    # --- life ------------------------------------------------------------------------------

    def start(self) -> None:
        """Serve, and say so. Raises what `Server.start` does."""
        self._local = listen(self._reactor, self._socket, self._answer, self._longest)
        self.server.start()
        StandardIO(self.supervisor, reactor=self._reactor)
        self.supervisor.say(Ready())

    def ordered(self, order: Order) -> None:
        """Do as the supervisor says."""
        match order:
            case Order.DUTIES if not self._draining:
                self.server.begin_duties()
            case Order.DRAIN:
                self.drain()
            case _:
                pass

    def leave(self) -> None:
        """End as one that is drained; the supervisor has another take its place at once."""
        if not self._draining:
            self.supervisor.say(Leaving())
            self.drain()

    def drain(self) -> None:
        """Take no more connections, let sessions end, and end."""
        if not self._draining:
            self._draining = True
            Deferred.fromCoroutine(self._drained()).addErrback(self._failed)

    async def _drained(self) -> None:
        logger.info("draining", sessions=self.server.work, seconds=self._drain_seconds)
        self.server.end_duties()
        await self.server.close_ports()
        assert self._desk is not None
        self._desk.leaving = True
        began = self._reactor.seconds()
        challenged = min(began + CHALLENGE_SECONDS, began + self._drain_seconds)
        while (
            self.server.work
            or self._desk.under_way
            or (self.server.connections and self._reactor.seconds() < challenged)
        ):
            if self._reactor.seconds() >= began + self._drain_seconds:
                logger.warning("sessions cut: the time to drain is over", open=self.server.work)
                break
            await deferLater(self._reactor, LOOK_SECONDS)
        if not self._stopping:
            self._reactor.stop()

    def abandoned(self) -> None:
        """The supervisor is gone: free its ports, and where it was to end anyway, at once."""
        if not self._draining:
            self.drain()
        elif not self._stopping:
            self._reactor.stop()

    def _failed(self, failure: Failure) -> None:
        logger.error("internal error", where="draining", exc_info=failure.value)
        self._reactor.stop()

    def stop_deferred(self) -> Deferred[None]:
        """End in order, in the form the reactor's shutdown waits for."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._stopping = True
        if self._local is not None:
            await maybeDeferred(self._local.stopListening)
        self.neighbours.close()
        await self.server.stop()
        _last_word(Last(self.server.metrics.render().decode()))

    # --- neighbours ------------------------------------------------------------------------

    def _answer(self, hearing: Hearing, question: Question) -> Deferred[Answer]:
        """Answer another worker, or the supervisor."""
        match question:
            case Forward():
                assert self._desk is not None
                return self._desk.asked(hearing, question)
            case GiveWay():
                return Deferred.fromCoroutine(self._give_way(question))
            case Tell():
                _, parts = self.server.health.report()
                told = {name: (str(part.state), part.detail) for name, part in parts.items()}
                return succeed(messages.Told(question.id, told, self.server.metrics.render()))

    async def _give_way(self, question: GiveWay) -> Answer:
        edge, key = self.server.edge, question.contact.device.key
        had = key in edge.lines.by_device
        yes = edge.gives_way(question.contact)
        if yes:
            self._claims.void(key)
        if had and yes:
            # What the session learned is to be seen by the one that takes its place.
            await self.server.written()
        return messages.Gone(question.id, yes)


class _Supervisor(LineReceiver):
    """The supervisor, as its worker hears it."""

    delimiter = b"\n"

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def say(self, word: Word) -> None:
        """Tell the supervisor."""
        if self.connected:
            self.sendLine(encode(word))  # type: ignore[no-untyped-call]

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        self._worker.ordered(Order(line.decode()))

    def connectionLost(self, reason: object = None) -> None:  # noqa: N802
        self._worker.abandoned()


def _last_word(word: Word) -> None:
    """Tell the supervisor at the very end, when the reactor writes no more."""
    output = sys.stdout.fileno()
    os.set_blocking(output, True)
    with suppress(BrokenPipeError):  # there may be no supervisor any more
        os.write(output, encode(word) + b"\n")


def main(argument: str, environ: Mapping[str, str]) -> int:
    """Serve until told to end; the exit code."""
    assignment = msgspec.json.decode(argument, type=Assignment)
    # The terminal's Ctrl-C reaches us too, but it is the supervisor who decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    config = Path(assignment.config) if assignment.config else None
    try:
        settings = complete(Settings.load(config, environ), secrets.token_bytes)
    except SettingsError as error:
        return _unusable("settings", *error.problems)
    end_log = log.configure(
        file=settings.log_file,
        level=settings.log.level.value,
        max_bytes=settings.log.max_bytes,
        backups=settings.log.backups,
        json=settings.log.format == "json",
        shared_as=assignment.name,
    )
    try:
        return _run(assignment, settings)
    finally:
        end_log()


def _run(assignment: Assignment, settings: Settings) -> int:
    install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    failed: list[int] = []
    try:
        worker = Worker(assignment, settings, reactor)
    except SettingsError as error:
        return _unusable("settings", *error.problems)
    except (StoreError, ValueError, OSError) as error:
        return _unusable("cannot serve", str(error))

    def start() -> None:
        signal.signal(signal.SIGTERM, lambda _number, _frame: reactor.callFromThread(worker.leave))
        try:
            worker.start()
        except Exception as error:
            failed.append(_unusable("cannot serve", str(error)))
            reactor.stop()
            if not isinstance(error, ValueError | OSError):
                raise
            return
        gc.collect()
        gc.freeze()

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", worker.stop_deferred)
    reactor.run()
    return failed[0] if failed else 0


def _unusable(where: str, *problems: str) -> int:
    for problem in problems:
        print(f"acs: {where}: {problem}", file=sys.stderr, flush=True)
    return UNUSABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], os.environ))
