"""The reactor of the server: Twisted's, for Linux, without what it does around each event.

Twisted enters a logging context for each event of each socket, in five calls, so that a text
logged meanwhile can name the socket.  Our log lines name the device, and a session is a dozen
events: without it, a session of two requests costs a sixth less.
"""

from __future__ import annotations

import time

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.python import log


class PlainReactor(EPollReactor):
    """An epoll reactor that calls what is ready without more ado.

    Its time only grows: a clock that is set ends no session, and stops no periodic work.
    """

    def seconds(self) -> float:
        """Seconds since some time in the past."""
        return time.monotonic()

    def doPoll(self, timeout: float | None) -> None:  # noqa: N802 - Twisted's name
        """Wait up to ``timeout`` seconds for events (None: for ever), and see to them."""
        # A signal interrupts no wait: Python goes on with it after the handler (PEP 475).
        ready = self._poller.poll(
            -1 if timeout is None else timeout, max(len(self._selectables), 1)
        )
        selectables, see_to = self._selectables, self._doReadOrWrite
        for number, events in ready:
            selectable = selectables.get(number)
            if selectable is None:
                continue  # closed by one that came before
            try:
                see_to(selectable, number, events)  # type: ignore[no-untyped-call]
            except Exception:
                log.err(None, "an event of the reactor")

    doIteration = doPoll  # noqa: N815


def install() -> None:
    """Make it the reactor of this process; must come before the first import of the reactor.

    Raises `twisted.internet.error.ReactorAlreadyInstalledError`.
    """
    installReactor(PlainReactor())  # type: ignore[no-untyped-call]
