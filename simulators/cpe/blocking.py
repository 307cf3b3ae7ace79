"""A CPE on blocking sockets: runs sessions in the calling thread, for integration tests."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Sequence

from .device import Ont
from .exchange import Exchange, Send, Stop
from .render import Event
from .report import SessionReport
from .wire import Response, ResponseReader, Target, WireError

_CHUNK = 65536


class Client:
    """Runs sessions of ``ont`` with the ACS at ``url`` (factory setting of the unit).

    ``connection`` is ``keep`` (one for the session) or ``new`` (one for every request).
    ``timeout`` bounds each wait for the ACS, in seconds.  With ``settle`` what waits for
    the end of a session (delayed values, reboot, factory reset) happens at once after it.
    ``ca_file`` trusts a certificate authority for https; ``seed`` fixes the client nonces.

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
            cnonce=lambda: f"{self._random.getrandbits(64):016x}",
            keep=self._keep,
        )
        self._run(exchange)
        if self._settle:
            self.ont.settle()
        return exchange.report

    def _events(self, events: Sequence[Event | str | tuple[str, str]] | None) -> tuple[Event, ...]:
        if events is None:
            return self.ont.next_events() or (Event("2 PERIODIC"),)
        return tuple(Event(e) if isinstance(e, str) else Event(*e) for e in events)

    def _run(self, exchange: Exchange) -> None:
        step: Send | Stop = exchange.start()
        connection: socket.socket | None = None
        try:
            while isinstance(step, Send):
                try:
                    if connection is None or step.fresh or _closed(connection):
                        if connection is not None:
                            connection.close()
                        connection = self._connect(step.target)
                        exchange.report.connections += 1
                    connection.sendall(step.data)
                    response = self._answer(connection)
                except (OSError, WireError) as error:
                    step = exchange.lost(_reason(error))
                else:
                    step = exchange.received(response)
            if step.linger and connection is not None:
                _await_close(connection)
        finally:
            if connection is not None:
                connection.close()

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
            return context.wrap_socket(plain, server_hostname=target.host)
        except OSError:
            plain.close()
            raise


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


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the ACS did not answer in time"
    return str(error) or type(error).__name__
