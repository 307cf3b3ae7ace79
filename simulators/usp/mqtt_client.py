"""MQTT links over Twisted: as little for each as thousands of agents in one process allow."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.cpe.alarms import Alarms

from .links import OPEN_SECONDS, Dial, Listener
from .mqtt_session import Down, MqttOptions, MqttSession, Record, Up
from .mqtt_wire import Version


class MqttWay:
    """MQTT to one broker; ``alarms`` are shared by all links."""

    def __init__(self, options: MqttOptions, dial: Dial, reactor: Any, alarms: Alarms) -> None:
        self.mtp = "mqtt5" if options.version is Version.V5 else "mqtt3"
        self.options = options
        self._dial = dial
        self._reactor = reactor
        self._alarms = alarms
        self._assigned: dict[str, str] = {}
        """Client ids that the broker gave, by endpoint: they stay (R-MQTT.9, R-MQTT.11)."""

    def open(self, endpoint: str, listener: Listener) -> MqttLink:
        """See `links.Way.open`."""
        configured = self.options.client_id.replace("{endpoint}", endpoint)
        client_id = self._assigned.get(endpoint, configured)
        link = MqttLink(self, endpoint, client_id, listener)
        self._dial(_Opening(link), OPEN_SECONDS)
        return link

    def assigned(self, endpoint: str, client_id: str) -> None:
        """Keep the client id that the broker gave."""
        if not self.options.client_id:
            self._assigned[endpoint] = client_id

    def now(self) -> float:
        """Seconds of the reactor's clock."""
        return float(self._reactor.seconds())

    def alarm(self, link: MqttLink) -> Any:
        """An alarm for a link."""
        return self._alarms.make(link.rang)


class MqttLink(Protocol):
    """See `links.Link`."""

    def __init__(self, way: MqttWay, endpoint: str, client_id: str, listener: Listener) -> None:
        self._way = way
        self._endpoint = endpoint
        self._client_id = client_id
        self._listener: Listener | None = listener
        self._session: MqttSession | None = None
        self._alarm = way.alarm(self)
        self._frozen = False

    # --- links.Link -------------------------------------------------------------------------------

    def send(self, octets: bytes, to: str | None) -> bool:
        """See `links.Link.send`."""
        session = self._session
        if session is None or not session.publish(octets, to, self._way.now()):
            return False
        self._write()
        return True

    def close(self) -> None:
        """See `links.Link.close`."""
        if self._session is not None:
            self._session.leave(self._way.now())
            self._write()
        self._end("closed by us", abort=False)

    def hang_up(self) -> None:
        """See `links.Link.hang_up`."""
        self._end("closed by us", abort=False)

    def cut(self) -> None:
        """See `links.Link.cut`."""
        self._end("cut off", abort=True)

    def freeze(self) -> None:
        """See `links.Link.freeze`."""
        self._frozen = True
        self._alarm.set(None)
        transport: Any = self.transport
        if transport is not None:
            transport.pauseProducing()

    # --- Twisted ----------------------------------------------------------------------------------

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Say CONNECT."""
        transport: Any = self.transport
        if self._listener is None:
            transport.abortConnection()
            return
        transport.setTcpNoDelay(True)
        self._session = MqttSession(
            self._way.options, self._endpoint, self._client_id, self._way.now()
        )
        self._write()
        self.rang()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Take what the broker says."""
        session = self._session
        if session is None or self._frozen:
            return
        events = session.received(data, self._way.now())
        self._write()
        for event in events:
            self._tell(event)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        """The connection is gone."""
        self._end(f"the connection was lost: {reason.getErrorMessage()}", abort=False)

    def failed(self, why: str) -> None:
        """There was never a connection."""
        self._end(why, abort=False)

    def rang(self) -> None:
        """Look at the clock; what is said in between only puts this off."""
        session = self._session
        if session is None or self._listener is None:
            return
        for event in session.tick(self._way.now()):
            self._tell(event)
        self._write()
        if self._session is not None:
            self._alarm.set(session.due)

    # --- behind that ----------------------------------------------------------------------------

    def _tell(self, event: Up | Record | Down) -> None:
        listener = self._listener
        if listener is None:
            return
        match event:
            case Up(topic, client_id):
                self._way.assigned(self._endpoint, client_id)
                self._alarm.set(self._session and self._session.due)
                listener.link_up(topic)
            case Record(octets, reply_to):
                listener.link_record(octets, reply_to)
            case Down(why):
                self._end(why, abort=False)

    def _write(self) -> None:
        session = self._session
        transport: Any = self.transport
        if session is None or transport is None or self._frozen:
            return
        octets = session.take()
        if octets:
            transport.write(octets)

    def _end(self, why: str, *, abort: bool) -> None:
        listener, self._listener = self._listener, None
        self._session = None
        self._alarm.set(None)
        transport: Any = self.transport
        if transport is not None:
            if abort or self._frozen:
                transport.abortConnection()
            else:
                transport.loseConnection()
        if listener is not None:
            listener.link_down(why)


class _Opening(ClientFactory[MqttLink]):
    """Makes the one connection of a link."""

    noisy = False

    def __init__(self, link: MqttLink) -> None:
        self._link = link

    def buildProtocol(self, _: Any) -> MqttLink:  # noqa: N802 - Twisted's name
        """The link itself."""
        return self._link

    def clientConnectionFailed(self, _: Any, reason: Failure) -> None:  # noqa: N802
        """Say why there is none."""
        self._link.failed(f"no connection to the broker: {reason.getErrorMessage()}")
