"""A CPE on blocking sockets: runs sessions in the calling thread, for integration tests."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Sequence

import requests
import urllib3

from .delivery import pieces
from .device import Ont
from .errand import Errand, Next
from .exchange import Carry, Exchange, Send, Stop
from .files import begin, finish
from .render import Event
from .report import Lost, SessionReport
from .session import Talk
from .software import carry_out
from .transfers import State, Transfer
from .wire import Response, ResponseReader, Target, WireError

_CHUNK = 65536


class _HungUpError(Exception):
    """The unit broke off because it was told to."""


class Client:
    """Runs sessions of ``ont`` with the ACS at ``url`` (factory setting of the unit).

    ``connection`` is ``keep`` (one for the session) or ``new`` (one for every request).
    ``timeout`` bounds each wait for the ACS, in seconds.  With ``settle`` what waits for
    the end of a session (delayed values, transfers without delay, diagnostics, reboot,
    factory reset) happens at once after it.
    ``ca_file`` trusts a certificate authority for https; ``certificate`` and ``key`` are
    files of the unit's own; ``seed`` fixes the client nonces.

    Once the ACS has written ManagementServer.URL, sessions go there.
    """

    def __init__(
        self,
        url: str,
        ont: Ont,
        *,
        connection: str = "keep",
        timeout: float = 10.0,
        settle: bool = True,
        ca_file: str | None = None,
        certificate: str | None = None,
        key: str | None = None,
        seed: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if connection not in ("keep", "new"):
            raise ValueError(f"connection must be 'keep' or 'new', not {connection!r}")
        ont.acs_url = url
        self.ont = ont
        self._keep = connection == "keep"
        self._timeout = timeout
        self._settle = settle
        self._ca_file = ca_file
        self._own = (certificate, key)
        self._random = random.Random(seed)
        self._clock = clock

    def session(
        self, events: Sequence[Event | str | tuple[str, str]] | None = None
    ) -> SessionReport:
        """Run one session and return what happened; never raises for what the ACS does.

        ``events`` are codes or (code, CommandKey); None: what the unit has to report, or
        ``2 PERIODIC``.
        """
        exchange = Exchange(
            self.ont,
            self._events(events),
            now=self._clock(),
            cnonce=self._cnonce,
            keep=self._keep,
        )
        self._run(exchange)
        if self._settle:
            self.settle()
        return exchange.report

    def play(self, talk: Talk) -> SessionReport:
        """Run one session in which ``talk`` speaks for the unit."""
        exchange = Exchange(
            self.ont, (), now=self._clock(), cnonce=self._cnonce, keep=self._keep, talk=talk
        )
        self._run(exchange)
        return exchange.report

    def settle(self, *, delayed: bool = False) -> None:
        """Do at once what waits for the end of a session; ``delayed`` transfers too."""
        for transfer in self.ont.transfers.within(State.WAITING):
            if delayed or not (transfer.delay or transfer.windows):
                self._transfer(transfer)
        changes, self.ont.changes[:] = list(self.ont.changes), []
        for change in changes:
            steps = carry_out(self.ont, change, self._cnonce, self._clock)
            for errand in steps:
                self._carry(errand)
        self.ont.end_tests(self._clock())
        self.ont.settle()

    def _transfer(self, transfer: Transfer) -> None:
        errand = begin(self.ont, transfer, self._clock(), self._cnonce)
        self._carry(errand)
        finish(self.ont, transfer, errand, self._clock())

    def _cnonce(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def _carry(self, errand: Errand) -> None:
        """Run an errand to its end."""
        with requests.Session() as line:
            line.trust_env = False
            line.verify = self._ca_file or True
            while _attempt(line, errand, self._timeout) is Next.AGAIN:
                pass

    def _events(self, events: Sequence[Event | str | tuple[str, str]] | None) -> tuple[Event, ...]:
        if events is None:
            return self.ont.next_events() or (Event("2 PERIODIC"),)
        return tuple(Event(e) if isinstance(e, str) else Event(*e) for e in events)

    def _run(self, exchange: Exchange) -> None:
        step: Send | Carry | Stop = exchange.start()
        connection: socket.socket | None = None
        try:
            while not isinstance(step, Stop):
                if isinstance(step, Carry):
                    self._transfer(step.transfer)
                    step = exchange.carried()
                    continue
                try:
                    if connection is None or step.fresh or _closed(connection):
                        if connection is not None:
                            connection.close()
                        connection = self._connect(step.target)
                        exchange.report.connections += 1
                    if step.after:
                        time.sleep(step.after)
                    self._send(connection, step.data, exchange.report.requests)
                    response = self._answer(connection)
                except _HungUpError as error:
                    step = exchange.lost(str(error), Lost.OWN)
                except (OSError, WireError) as error:
                    step = exchange.lost(_reason(error), _sort(error))
                else:
                    step = exchange.received(response)
            if step.linger and connection is not None:
                _await_close(connection)
        finally:
            if connection is not None:
                connection.close()

    def _send(self, connection: socket.socket, data: bytes, number: int) -> None:
        for piece in pieces(self.ont.misbehaviour, data, number):
            time.sleep(piece.wait)
            connection.sendall(piece.octets)
            if piece.hang_up:
                raise _HungUpError("hung up in the middle of a request")

    def _answer(self, connection: socket.socket) -> Response:
        reader, deadline = ResponseReader(), time.monotonic() + self._timeout
        while True:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            data = connection.recv(_CHUNK)
            if not data:
                raise WireError("the ACS closed the connection before its answer was whole")
            response = reader.feed(data)
            if response is not None:
                connection.settimeout(self._timeout)
                return response

    def _connect(self, target: Target) -> socket.socket:
        plain = socket.create_connection((target.host, target.port), self._timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not target.tls:
            return plain
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
            certificate, key = self._own
            if certificate is not None:
                context.load_cert_chain(certificate, key)
            return context.wrap_socket(plain, server_hostname=target.host)
        except OSError:
            plain.close()
            raise


def _attempt(line: requests.Session, errand: Errand, timeout: float) -> Next:
    """Send one request of ``errand`` and take its answer."""
    wanted = errand.request()
    try:
        response = line.request(
            wanted.method,
            wanted.url,
            headers={**wanted.headers, "Accept-Encoding": "identity"},
            data=wanted.body or None,
            timeout=timeout,
            stream=True,
            allow_redirects=False,
        )
    except (requests.ConnectionError, requests.Timeout) as lost:
        return errand.unreachable(type(lost).__name__)
    except requests.RequestException as lost:
        return errand.broken(type(lost).__name__)
    headers = {name.lower(): [text] for name, text in response.headers.items()}
    with response:
        step = errand.answered(response.status_code, headers)
        if step is not Next.BODY:
            return step
        try:
            for piece in response.raw.stream(_CHUNK, decode_content=False):
                if not errand.received(piece):
                    return errand.broken("broken off")
        except urllib3.exceptions.HTTPError as lost:
            return errand.broken(type(lost).__name__)
    return errand.ended()


def _closed(connection: socket.socket) -> bool:
    """Tell whether the ACS closed a kept connection since its last answer."""
    if isinstance(connection, ssl.SSLSocket):
        return False
    timeout = connection.gettimeout()
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(timeout)


def _await_close(connection: socket.socket) -> None:
    """Say nothing until the ACS closes the connection, or the time-out."""
    try:
        while connection.recv(_CHUNK):
            pass
    except OSError:
        return


def _sort(error: Exception) -> Lost:
    match error:
        case TimeoutError():
            return Lost.TIMED_OUT
        case ConnectionRefusedError():
            return Lost.NO_CONNECTION
        case WireError():
            return Lost.RULES
        case _:
            return Lost.RESET


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the ACS did not answer in time"
    return str(error) or type(error).__name__
