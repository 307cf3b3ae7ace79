"""WebSocket links (TR-369, WebSocket binding): autobahn's client for each agent."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.python.failure import Failure

from .dialling import Address
from .links import OPEN_SECONDS, Dial, Listener

SUBPROTOCOL = "v1.usp"
_MOST_OCTETS = 8 * 1024 * 1024
_CLOSE_SECONDS = 3.0
_NORMAL, _UNSUPPORTED = 1000, 1003


@dataclass(frozen=True, slots=True)
class WebSocketOptions:
    """How agents speak over WebSocket. ``{endpoint}`` stands for the agent's endpoint id."""

    address: Address
    username: str = ""
    """For HTTP Basic in the handshake; empty: none."""
    password: str = field(default="", repr=False)
    keep_alive: float = 30.0
    """Seconds between two pings, 0: none."""


class WebSocketWay:
    """WebSocket to one controller."""

    mtp = "websocket"

    def __init__(self, options: WebSocketOptions, dial: Dial, reactor: Any) -> None:
        self.options = options
        self._dial = dial
        self._reactor = reactor

    def open(self, endpoint: str, listener: Listener) -> WebSocketLink:
        """See `links.Way.open`."""
        link = WebSocketLink(listener)
        factory = _Factory(link, self.options, endpoint, self._reactor)
        self._dial(factory, OPEN_SECONDS)
        return link


class WebSocketLink(WebSocketClientProtocol):
    """See `links.Link`."""

    transport: Any

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener: Listener | None = listener
        self._up = False
        self._frozen = False

    # --- links.Link -------------------------------------------------------------------------------

    def send(self, octets: bytes, to: str | None) -> bool:
        """See `links.Link.send`; there is nobody but the controller to send to."""
        if not self._up or self._frozen:
            return False
        self.sendMessage(octets, isBinary=True)  # type: ignore[no-untyped-call]
        return True

    def close(self) -> None:
        """See `links.Link.close`."""
        if self._up and not self._frozen:
            self.sendClose(_NORMAL)
        elif self.transport is not None:
            self.transport.abortConnection()
        self._end("closed by us")

    def hang_up(self) -> None:
        """See `links.Link.hang_up`."""
        if self.transport is not None:
            self.transport.loseConnection()
        self._end("closed by us")

    def cut(self) -> None:
        """See `links.Link.cut`."""
        if self.transport is not None:
            self.transport.abortConnection()
        self._end("cut off")

    def freeze(self) -> None:
        """See `links.Link.freeze`."""
        self._frozen = True
        if self.transport is not None:
            self.transport.pauseProducing()
        ping: Any = self.autoPingPendingCall
        if ping is not None:
            ping.cancel()
            self.autoPingPendingCall = None

    # --- autobahn ---------------------------------------------------------------------------------

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Shake hands, unless nobody wants it any more."""
        if self._listener is None:
            self.transport.abortConnection()
        super().connectionMade()

    def onConnect(self, response: Any) -> None:  # noqa: N802 - autobahn's name
        """The handshake is through; without the subprotocol there is no session (R-WS.12)."""
        if response.protocol != SUBPROTOCOL:
            self._refuse(f"the controller does not speak {SUBPROTOCOL}")

    def onOpen(self) -> None:  # noqa: N802
        """Records can go."""
        if self._listener is not None:
            self._up = True
            self._listener.link_up("")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        """A record, unless it is text (R-WS.16)."""
        if self._listener is None or self._frozen:
            return
        if isBinary:
            self._listener.link_record(payload, None)
        else:
            self._refuse("the controller sent a text frame")

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
        """The session is over."""
        words = f": {reason}" if reason else ""
        self._end(f"the session was closed{'' if code is None else f' with {code}'}{words}")

    def failed(self, why: str) -> None:
        """There was never a connection."""
        self._end(why)

    # --- behind that ----------------------------------------------------------------------------

    def _refuse(self, why: str) -> None:
        self._end(why)
        if self._up:
            # sendClose is for applications, which may not say this.
            self.sendCloseFrame(code=_UNSUPPORTED, isReply=False)
        else:
            self.transport.loseConnection()

    def _end(self, why: str) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.link_down(why)


class _Factory(WebSocketClientFactory):
    """Makes the one connection of a link."""

    noisy = False

    def __init__(
        self, link: WebSocketLink, options: WebSocketOptions, endpoint: str, reactor: Any
    ) -> None:
        address = options.address
        mark = "&" if "?" in address.path else "?"
        url = f"{address.scheme}://{address.authority}{address.path}{mark}eid={_in_query(endpoint)}"
        headers = {}
        if options.username:
            username = options.username.replace("{endpoint}", endpoint)
            pair = base64.b64encode(f"{username}:{options.password}".encode())
            headers["Authorization"] = f"Basic {pair.decode()}"
        # Real agents name the host they connect to (libwebsockets).
        origin = f"{'https' if address.tls else 'http'}://{address.authority}"
        super().__init__(  # type: ignore[no-untyped-call]
            url, origin=origin, protocols=[SUBPROTOCOL], headers=headers, reactor=reactor
        )
        self.setProtocolOptions(  # type: ignore[no-untyped-call]
            openHandshakeTimeout=OPEN_SECONDS,
            closeHandshakeTimeout=_CLOSE_SECONDS,
            maxMessagePayloadSize=_MOST_OCTETS,
            maxFramePayloadSize=_MOST_OCTETS,
            autoPingInterval=options.keep_alive,
            autoPingTimeout=options.keep_alive,
            tcpNoDelay=True,
        )
        self._link = link

    def buildProtocol(self, _: Any) -> WebSocketLink:  # noqa: N802 - Twisted's name
        """The link itself."""
        self._link.factory = self
        return self._link

    def clientConnectionFailed(self, _: Any, reason: Failure) -> None:  # noqa: N802
        """Say why there is none."""
        self._link.failed(f"no connection to the controller: {reason.getErrorMessage()}")


def _in_query(endpoint: str) -> str:
    """Percent signs become ``%25`` (R-WS.10c); what a query may hold stays."""
    return quote(endpoint, safe=":-._~")
