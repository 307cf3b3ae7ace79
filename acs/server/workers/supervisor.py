"""The process that looks after the workers: it opens the ports, and serves no device itself."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from acs.api import Part, State
from acs.http import split_address
from acs.http.listen import BACKLOG
from acs.log import get_logger
from acs.server.workers import orders
from acs.server.workers.admin import Pages, health_of, site
from acs.server.workers.crew import (
    Action,
    Crew,
    Drain,
    Duties,
    GiveUp,
    NotRenewed,
    Serving,
    Stage,
    Start,
)
from acs.server.workers.figures import Figures
from acs.server.workers.messages import Tell, Told
from acs.server.workers.neighbours import NeighbourGone, Neighbours, socket_of
from acs.server.workers.orders import Assignment, Order
from acs.settings import Settings

log = get_logger("acs.workers")

START_SECONDS = 120.0
"""For a worker to serve; one that takes longer is ended."""
TELL_SECONDS = 3.0
"""For a worker to say how it is."""
LOOK_SECONDS = 10.0
"""How often each is asked: what it had counted is not lost when it is killed."""
DEAF_LOOKS = 6
"""Looks in a row without an answer after which a worker hangs, and is ended."""
END_SECONDS = 15.0
"""For a worker to write what it learned, after its time to drain."""
_FIRST_PORT = 3
"""The descriptor of a worker's first port; those before it are its standard ones."""


class Supervisor:
    """A running server of several workers: `start` it, `restart` its workers, stop it."""

    def __init__(self, settings: Settings, reactor: Any, folder: Path, config: Path | None) -> None:
        """``folder``: its own directory; ``config``: the settings file that was named."""
        self._settings = settings
        self._reactor = reactor
        self._folder = folder
        self._config = str(config.absolute()) if config else ""
        self._crew = Crew(settings.server.workers)
        self._processes: dict[str, _Process] = {}
        self._waiting: dict[str, Any] = {}
        """Starts that are yet to come."""
        self._deaf: dict[str, int] = {}
        self._sockets: dict[str, socket.socket] = {}
        self._admin: Any = None
        self._figures = Figures()
        self._lately: dict[str, str] = {}
        """What each worker had counted when it was asked last."""
        self._neighbours = Neighbours(reactor, folder, settings.http.decompressed_bytes)
        self._serving: Deferred[bool] = Deferred()
        self._all_ended: Deferred[None] | None = None
        self._looking = LoopingCall(self._look)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._ends = Counter(
            "acs_worker_ends",
            "Workers that ended though nobody asked for it.",
            registry=self._registry,
        )
        Gauge("acs_workers", "Workers that serve.", registry=self._registry).set_function(
            lambda: len(self._crew.serving)
        )

    # --- life --------------------------------------------------------------------------

    def start(self) -> Deferred[bool]:
        """Open the ports and start the workers; fires when all serve, with False: they cannot.

        Raises `CannotListenError`.
        """
        settings = self._settings
        for name, address in (
            ("http", settings.cwmp.listen),
            ("https", settings.cwmp.tls_listen),
            ("files", settings.files.listen),
            ("files_tls", settings.files.tls_listen),
            ("api", settings.api.listen),
            ("api_tls", settings.api.tls_listen),
        ):
            if address:
                self._sockets[name] = _opened(address)
        if settings.admin.listen:
            host, port = split_address(settings.admin.listen)
            pages = site(Pages(self.health, self.metrics))
            self._admin = self._reactor.listenTCP(port, pages, interface=host)
        self._do(self._crew.begin())
        self._looking.clock = self._reactor
        self._looking.start(LOOK_SECONDS, now=False)
        return self._serving

    def restart(self) -> None:
        """Put a new process in the place of each worker, one after the other."""
        log.info("workers are renewed", serving=len(self._crew.serving))
        self._do(self._crew.restart())

    def stop_deferred(self) -> Deferred[None]:
        """Have all workers end; fires when they have."""
        if self._looking.running:
            self._looking.stop()
        for opened in self._sockets.values():
            opened.close()
        over: Deferred[None] = Deferred()
        self._all_ended = over
        self._do(self._crew.stop())
        self._see_whether_all_ended()

        def tidy(_: object) -> None:
            shutil.rmtree(self._folder, ignore_errors=True)
            log.info("stopped")

        return over.addCallback(tidy)

    @property
    def addresses(self) -> dict[str, str]:
        """Where each listener is, for instance ``http`` → ``0.0.0.0:7547``."""
        places = {name: opened.getsockname()[:2] for name, opened in self._sockets.items()}
        if self._admin is not None:
            at = self._admin.getHost()
            places["admin"] = (at.host, at.port)
        return {
            name: f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            for name, (host, port) in places.items()
        }

    def ready_line(self) -> str:
        """One line of JSON for whoever started us: where we listen."""
        return json.dumps({"event": "ready", **self.addresses})

    # --- what the crew decides ---------------------------------------------------------

    def _do(self, actions: Iterable[Action]) -> None:
        for action in list(actions):
            match action:
                case Start(number, name, after):
                    self._waiting[name] = self._reactor.callLater(after, self._spawn, number, name)
                case Drain(name):
                    self._drain(name)
                case Duties(name):
                    log.info("duties", worker=name)
                    self._processes[name].order(Order.DUTIES)
                case Serving():
                    log.info("serving", workers=len(self._crew.serving), **self.addresses)
                    self._serving.callback(True)
                case GiveUp():
                    self._serving.callback(False)
                case NotRenewed(name):
                    log.error("workers not renewed", worker=name, fix="see the log, acs doctor")

    def _spawn(self, number: int, name: str) -> None:
        del self._waiting[name]
        child = {at: _FIRST_PORT + at_number for at_number, at in enumerate(self._sockets)}
        assignment = Assignment(
            name,
            number,
            self._crew.workers,
            self._settings.cwmp.max_sessions,
            str(self._folder),
            child,
            self._config,
        )
        ours: dict[int, Any] = {0: "w", 1: "r", 2: 2}
        ours |= {child[at]: opened.fileno() for at, opened in self._sockets.items()}
        argument = orders.encode(assignment).decode()
        process = _Process(self, name)
        self._processes[name] = process
        try:
            self._reactor.spawnProcess(
                process,
                sys.executable,
                [sys.executable, "-m", "acs.server.workers.worker", argument],
                env=None,
                childFDs=ours,
            )
        except OSError as error:
            self.ended(name, f"not started: {error.strerror}")
            return
        self._expect(name, START_SECONDS, "does not start")

    def _drain(self, name: str) -> None:
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            waiting.cancel()
            self._do(self._crew.ended(name, self._reactor.seconds()))
            return
        self._processes[name].order(Order.DRAIN)
        self._expect_end(name)

    def _expect_end(self, name: str) -> None:
        self._expect(name, self._settings.server.drain_seconds + END_SECONDS, "does not end")

    def _expect(self, name: str, seconds: float, otherwise: str) -> None:
        """Kill the worker that has neither said a word nor ended in so many ``seconds``."""
        process = self._processes[name]
        process.in_time()
        process.overdue = self._reactor.callLater(seconds, self._kill, name, otherwise)

    def _kill(self, name: str, why: str) -> None:
        process = self._processes.get(name)
        if process is not None:
            log.error("worker is ended", worker=name, why=why)
            process.kill()

    # --- what workers tell -------------------------------------------------------------

    def heard(self, name: str, word: orders.Word) -> None:
        """A worker has spoken."""
        match word:
            case orders.Ready():
                process = self._processes[name]
                if self._crew.members[name].stage is Stage.STARTING:
                    process.in_time()
                log.info("worker serves", worker=name, process=process.process_id)
                self._do(self._crew.ready(name, self._reactor.seconds()))
            case orders.Leaving():
                log.warning("worker leaves", worker=name, why="it was told to by somebody else")
                self._expect_end(name)
                self._do(self._crew.leaves(name))
            case orders.Last(figures):
                self._lately[name] = figures

    def ended(self, name: str, how: str) -> None:
        """A worker's process has ended."""
        del self._processes[name]
        self._deaf.pop(name, None)
        socket_of(self._folder, name).unlink(missing_ok=True)
        if counted := self._lately.pop(name, ""):
            self._figures.keep(counted)
        unasked = self._crew.members[name].stage is not Stage.LEAVING
        self._do(self._crew.ended(name, self._reactor.seconds()))
        if unasked:
            self._ends.inc()
            soon = [call.getTime() for call in self._waiting.values()]
            pause = max(0.0, min(soon, default=0.0) - self._reactor.seconds())
            log.error("worker died", worker=name, how=how, next_in_seconds=round(pause, 1))
        else:
            log.info("worker ended", worker=name, how=how)
        self._see_whether_all_ended()

    def _see_whether_all_ended(self) -> None:
        if self._all_ended is not None and not self._crew.members:
            over, self._all_ended = self._all_ended, None
            over.callback(None)

    # --- health and metrics ------------------------------------------------------------

    def health(self) -> Deferred[tuple[State, dict[str, Part]]]:
        """How the server is as a whole."""

        def judged(told: Mapping[str, Told | None]) -> tuple[State, dict[str, Part]]:
            parts = {name: each.parts if each else None for name, each in told.items()}
            return health_of(parts, self._crew.workers)

        return self._told().addCallback(judged)

    def metrics(self) -> Deferred[bytes]:
        """The metrics of all workers and of this process."""

        def added(_: object) -> bytes:
            ours = generate_latest(self._registry).decode()
            return self._figures.together([*self._lately.values(), ours])

        return self._told().addCallback(added)

    def _told(self) -> Deferred[dict[str, Told | None]]:
        """Ask all that serve how they are; None for those who do not answer."""
        names = [member.name for member in self._crew.serving]
        asked = gatherResults([self._ask(name) for name in names], consumeErrors=True)
        return asked.addCallback(lambda told: dict(zip(names, told, strict=True)))

    def _ask(self, name: str) -> Deferred[Told | None]:
        worker = self._neighbours.named(name)

        def told(answer: object) -> Told:
            told = cast(Told, answer)
            if name in self._processes:
                self._lately[name] = told.figures.decode()
                self._deaf.pop(name, None)
            return told

        def mute(failure: Failure) -> None:
            failure.trap(NeighbourGone)

        if worker is None:
            nobody: Deferred[Told | None] = Deferred()
            nobody.callback(None)
            return nobody
        return worker.ask(Tell, TELL_SECONDS).addCallbacks(told, mute)

    def _look(self) -> Deferred[None]:
        """Keep what each has counted, and end who hangs."""

        def seen(told: Mapping[str, Told | None]) -> None:
            for name, each in told.items():
                if each is None and name in self._processes:
                    self._deaf[name] = self._deaf.get(name, 0) + 1
                    if self._deaf[name] >= DEAF_LOOKS:
                        self._kill(name, "does not answer")

        return self._told().addCallback(seen)


class _Process(ProcessProtocol):
    """One worker's process, as the supervisor hears it."""

    def __init__(self, supervisor: Supervisor, name: str) -> None:
        self._supervisor = supervisor
        self._name = name
        self._unread = b""
        self.overdue: Any = None

    @property
    def process_id(self) -> int | None:
        """Its number in the system."""
        pid: int | None = getattr(self.transport, "pid", None)
        return pid

    def order(self, order: Order) -> None:
        """Tell the worker; one that is ending does not hear it."""
        transport: Any = self.transport
        transport.write(f"{order}\n".encode())

    def kill(self) -> None:
        """End it at once."""
        transport: Any = self.transport
        if transport.pid:
            transport.signalProcess(signal.SIGKILL)

    def outReceived(self, data: bytes) -> None:  # noqa: N802
        """The worker says something."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            try:
                word = orders.read(line)
            except msgspec.DecodeError:
                log.error("a worker is not understood", worker=self._name, said=line[:100])
                continue
            self._supervisor.heard(self._name, word)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        """It is gone, and all it said has been heard."""
        self.in_time()
        status: Any = reason.value
        how = f"signal {status.signal}" if status.signal else f"exit {status.exitCode}"
        self._supervisor.ended(self._name, how)

    def in_time(self) -> None:
        """What was expected of it has come."""
        if self.overdue is not None and self.overdue.active():
            self.overdue.cancel()


def _opened(address: str) -> socket.socket:
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise CannotListenError(host, port, error) from None
    return opened
