"""A Mosquitto of our own: set up, started, looked after, stopped.

For a house that has no broker yet. Its files are in one directory; agents' accounts outlive a
restart there. It listens on loopback unless told otherwise, and ends with us.
"""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import shutil
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from acs.log import get_logger
from acs.model import Secret
from acs.usp.mqtt.mosquitto import (
    ACCOUNTS,
    CONTROLLER,
    BrokerFiles,
    BrokerOptions,
    accounts,
    acl,
    configuration,
    parse_accounts,
)

log = get_logger(__name__)

BROKER_FOLDER = "mosquitto"
"""Its directory, below the data directory."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
STEADY_SECONDS = 60.0
STOP_SECONDS = 5.0
ASK_AGAIN_SECONDS = 0.25
_PLUGIN = "mosquitto_dynamic_security.so"
_PLUGIN_PLACES = ("/usr/lib/*/", "/usr/lib64/", "/usr/lib/", "/usr/local/lib/")
_RUNNING = re.compile(r"mosquitto version \S+ running")
_BAD = re.compile(r"error|warning|unable|cannot|invalid", re.I)
_ALWAYS_SAID = "should not be run as root"
_MOST_LINE = 500
_LINES_KEPT = 20


class BrokerError(Exception):
    """The embedded broker cannot be; the message says what to do."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where it answers, and who we are there."""

    host: str
    port: int
    username: str
    password: Secret

    def __str__(self) -> str:
        """``host:port``, with the brackets that IPv6 needs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where Mosquitto's parts are on this machine."""

    mosquitto: str
    plugin: str


def find_programs(path: str | None = None) -> Programs:
    """Find Mosquitto and its plugin; ``path`` as in ``$PATH``.

    Raises `BrokerError` with the fix named.
    """
    everywhere = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    program = shutil.which("mosquitto", path=everywhere if path is None else path)
    fix = 'apt install mosquitto, or set mqtt.broker to the address of a broker or to "off"'
    if program is None:
        raise BrokerError(f"mosquitto is not installed; {fix}")
    for place in _PLUGIN_PLACES:
        found = sorted(Path("/").glob(f"{place.lstrip('/')}{_PLUGIN}"))
        if found:
            return Programs(program, str(found[0]))
    raise BrokerError(f"mosquitto has no {_PLUGIN} (it came with version 2.0); {fix}")


class EmbeddedBroker:
    """Mosquitto as a child process in ``directory``."""

    def __init__(
        self,
        options: BrokerOptions,
        directory: Path,
        reactor: Any,
        *,
        find: Callable[[], Programs] = find_programs,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self.condition = "not started"
        """How it is, in words, for health pages."""
        self.running = False
        self._options = options
        self._directory = directory
        self._reactor = reactor
        self._find = find
        self._spread = spread
        self._command: list[str] = []
        self._address: BrokerAddress | None = None
        self._process: _Process | None = None
        self._ready: Deferred[BrokerAddress] | None = None
        self._stopped: Deferred[None] | None = None
        self._retry: Any = None
        self._again: Any = None
        self._failures = 0
        self._started = 0.0

    @property
    def address(self) -> str:
        """Where it is to answer, ``host:port``; empty before it is set up."""
        return str(self._address) if self._address else ""

    def start(self) -> Deferred[BrokerAddress]:
        """Set it up and start it; fires when it first answers.

        Fails with `BrokerError` when it cannot be set up. A broker that ends at once, for its
        port is taken, is tried again for ever: `condition` tells why.
        """
        try:
            self._address = self._set_up()
        except BrokerError as error:
            self.condition = str(error)
            return fail(error)
        except (OSError, ValueError) as error:
            self.condition = f"{self._directory}: cannot be set up: {error}"
            return fail(BrokerError(self.condition))
        self._ready = Deferred()
        self._spawn()
        return self._ready

    def stop(self) -> Deferred[None]:
        """End it; fires when it has ended. It is killed when it takes too long."""
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        self.condition = "stopped"
        if self._process is None:
            return succeed(None)
        self._stopped = Deferred()
        self._end(self._process, until=self._reactor.seconds() + STOP_SECONDS)
        return self._stopped

    def _end(self, process: _Process, until: float) -> None:
        """Ask it to end, more than once: as it starts, Mosquitto forgets that it was asked."""
        over = self._reactor.seconds() >= until
        process.signal("KILL" if over else "TERM")
        self._again = self._reactor.callLater(ASK_AGAIN_SECONDS, self._end, process, until)

    def _set_up(self) -> BrokerAddress:
        programs = self._find()
        options = self._options
        if not options.port:
            options = replace(options, port=_free_port(options.host))
        files = BrokerFiles(str(self._directory), programs.plugin)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        passwords = _own_passwords(Path(files.passwords))
        salts = iter(lambda: secrets.token_bytes(12), b"")
        try:
            made = accounts(_kept(Path(files.accounts)), options, passwords, salts)
        except ValueError as error:
            raise BrokerError(
                f"{files.accounts} cannot be read ({error}); put back a copy of it, or move it "
                "away and add the agents' accounts again"
            ) from None
        _write(Path(files.accounts), json.dumps(made, indent=1))
        _write(Path(files.acl), acl(options.topic))
        user = "root" if os.geteuid() == 0 else "mosquitto"
        _write(Path(files.configuration), configuration(options, files, user=user))
        # It ends with us even when we are killed, and leaves the port for who comes next.
        setpriv = shutil.which("setpriv")
        with_us = [setpriv, "--pdeathsig=TERM"] if setpriv else []
        self._command = [*with_us, programs.mosquitto, "-c", files.configuration]
        return BrokerAddress(
            answering_at(options.host), options.port, CONTROLLER, Secret(passwords[CONTROLLER])
        )

    def _spawn(self) -> None:
        self._retry = None
        self.condition = "starting"
        self._started = self._reactor.seconds()
        self._process = _Process(self._running, self._ended)
        self._reactor.spawnProcess(self._process, self._command[0], self._command, env={})

    def _running(self) -> None:
        self.running = True
        address = self._address
        assert address is not None
        self.condition = f"running at {address.host}:{address.port}"
        log.info("embedded broker", at=f"{address.host}:{address.port}")
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.callback(address)

    def _ended(self, why: str) -> None:
        self.running = False
        self._process = None
        if self._stopped is not None:
            self._again.cancel()
            self._stopped.callback(None)
            return
        if self._reactor.seconds() - self._started >= STEADY_SECONDS:
            self._failures = 0
        pause = min(FIRST_PAUSE * 2.0 ** min(self._failures, 10), LONGEST_PAUSE)
        pause *= 0.5 + self._spread() / 2
        self._failures += 1
        self.condition = f"ended: {why}"
        log.error("embedded broker ended", why=why, again_in=f"{pause:.1f}")
        self._retry = self._reactor.callLater(pause, self._spawn)


class _Process(ProcessProtocol):
    """Reads what Mosquitto says: a few last lines are kept, warnings go to our log."""

    def __init__(self, running: Callable[[], None], ended: Callable[[str], None]) -> None:
        self._running = running
        self._ended = ended
        self._rest = b""
        self._bad: deque[str] = deque(maxlen=_LINES_KEPT)
        self._answers = False

    def signal(self, name: str) -> None:
        transport: Any = self.transport
        with suppress(ProcessExitedAlready):
            transport.signalProcess(name)

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_MOST_LINE:]
        for line in lines:
            self._hear(line[:_MOST_LINE].decode("utf-8", "replace").strip())

    outReceived = errReceived  # noqa: N815

    def _hear(self, line: str) -> None:
        if not self._answers and _RUNNING.search(line):
            self._answers = True
            self._running()
        elif line.partition(": ")[2].startswith("Client ") or not _BAD.search(line):
            return  # presence, which is read elsewhere, and what is in order
        elif _ALWAYS_SAID not in line:
            self._bad.append(line)
            log.warning("embedded broker", said=line)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        self._hear(self._rest.decode("utf-8", "replace").strip())
        said = "; ".join(list(self._bad)[-3:])
        self._ended(said or str(reason.value))


def answering_at(host: str) -> str:
    """Where we reach a broker that listens at ``host``, which may stand for all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def read_passwords(directory: Path) -> tuple[Secret, Secret]:
    """Read the passwords of `CONTROLLER` and `ACCOUNTS`.

    Raises `BrokerError` when the broker was never started.
    """
    path = Path(BrokerFiles(str(directory), "").passwords)
    try:
        found = json.loads(path.read_text("utf-8"))
        return Secret(found[CONTROLLER]), Secret(found[ACCOUNTS])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokerError(
            f"{path} cannot be read ({type(error).__name__}); start the server with the embedded "
            "broker once"
        ) from None


def _own_passwords(path: Path) -> dict[str, str]:
    if not path.exists():
        made = {name: secrets.token_urlsafe(24) for name in (CONTROLLER, ACCOUNTS)}
        _write(path, json.dumps(made))
    ours, theirs = read_passwords(path.parent)
    return {CONTROLLER: ours.reveal(), ACCOUNTS: theirs.reveal()}


def _kept(path: Path) -> Any:
    try:
        return parse_accounts(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}


def _write(path: Path, text: str) -> None:
    """Write for our eyes only; a crash leaves the old file or the new one."""
    aside = path.with_suffix(f"{path.suffix}.new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])
