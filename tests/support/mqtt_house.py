"""A reactor in a thread with brokers and MQTT edges in it, and plain clients as agents."""

from __future__ import annotations

import queue
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.process import reapAllProcesses
from twisted.internet.task import LoopingCall, deferLater
from usp_receiver import NotingReceiver, NotingWatcher

from acs.model import Secret
from acs.usp.mqtt.broker import BrokerAddress, EmbeddedBroker
from acs.usp.mqtt.edge import EdgeOptions, MqttEdge
from acs.usp.mqtt.mosquitto import BrokerOptions
from acs.usp.mqtt.remote import Broker, Version
from acs.usp.mqtt.topics import Topics

CONTROLLER = "self::acs"
SHARED = ("bootstrap", "open sesame")
PATIENCE = 20.0


class Edge:
    """An edge and what it told."""

    def __init__(self, edge: MqttEdge, receiver: NotingReceiver, watcher: NotingWatcher) -> None:
        self.edge = edge
        self.receiver = receiver
        self.watcher = watcher

    def from_agent(self, endpoint: str) -> list[bytes]:
        """Records that an agent was vouched for."""
        return [octets for octets, origin in self.receiver.records if origin.vouched == endpoint]


class House:
    """Everything runs in one reactor, in its own thread."""

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()
        self.changed = threading.Condition()
        self._edges: list[Edge] = []
        self._brokers: list[EmbeddedBroker] = []
        self._reaper = LoopingCall(reapAllProcesses)  # signals go to the main thread
        self._reaper.clock = self.reactor
        self._thread = threading.Thread(target=self.reactor.run, args=(False,), daemon=True)
        self._thread.start()
        self.call(lambda: self._reaper.start(0.05) and None)

    def call(self, function: Callable[[], Any]) -> Any:
        """Run in the reactor's thread; give back what it gives, a `Deferred`'s result too."""
        box: queue.Queue[Any] = queue.Queue()

        def run() -> None:
            try:
                found = function()
            except Exception as error:
                box.put(error)
                return
            if hasattr(found, "addBoth"):
                found.addCallbacks(box.put, lambda failure: box.put(failure.value))
            else:
                box.put(found)

        self.reactor.callFromThread(run)
        found = box.get(timeout=PATIENCE)
        if isinstance(found, Exception):
            raise found
        return found

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for what receivers are told to make ``condition`` true."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), self._said()

    def eventually(self, condition: Callable[[], object]) -> None:
        """Wait for what nobody is told of, such as the text of a health page."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self._said()
            self.call(lambda: deferLater(self.reactor, 0.01))

    def _said(self) -> str:
        return "; ".join(
            f"{each.edge.condition}, {each.receiver.told[-10:]}, {each.watcher.bugs}, "
            f"{len(each.receiver.records)} records"
            for each in self._edges
        )

    def notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def broker(self, directory: Path, **options: Any) -> tuple[EmbeddedBroker, BrokerAddress]:
        """Start an embedded broker on a free port."""
        wanted = BrokerOptions(
            port=0, bootstrap_username=SHARED[0], bootstrap_password=Secret(SHARED[1]), **options
        )
        broker = EmbeddedBroker(wanted, directory, self.reactor, spread=lambda: 0.0)
        self._brokers.append(broker)
        return broker, self.call(broker.start)

    def edge(self, broker: Broker, *, started: bool = True, **options: Any) -> Edge:
        """Start an edge, and wait until its link is up."""
        receiver = NotingReceiver(changed=self.notify)
        watcher = NotingWatcher()
        wanted = EdgeOptions(**{"topics": Topics(controller=CONTROLLER), **options})
        edge = MqttEdge(broker, wanted, receiver, self.reactor, watcher, spread=lambda: 0.0)
        found = Edge(edge, receiver, watcher)
        self._edges.append(found)
        self.call(edge.start)
        if started:
            self.until(lambda: "mqtt up" in receiver.told)
        return found

    def stop_edge(self, edge: Edge) -> None:
        self._edges.remove(edge)
        self.call(edge.edge.stop)

    def stop(self) -> None:
        for each in [*self._edges]:
            self.stop_edge(each)
        for broker in self._brokers:
            if broker.running:
                self.call(broker.stop)
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join(PATIENCE)


def broker_at(address: BrokerAddress, name: str = CONTROLLER, **options: Any) -> Broker:
    """The broker as an edge called ``name`` reaches it."""
    return Broker(
        address.host,
        address.port,
        name,
        CONTROLLER,
        username=address.username,
        password=address.password,
        **options,
    )


class Agent:
    """A client with the client id ``endpoint``; what comes is in ``messages``."""

    def __init__(
        self,
        address: BrokerAddress,
        endpoint: str,
        account: tuple[str, str] = SHARED,
        *,
        version: Version = Version.V5,
        tls: Any = None,
    ) -> None:
        self.endpoint = endpoint
        self.version = version
        self.topic = f"usp/v1/agent/{endpoint}"
        self.messages: queue.Queue[Any] = queue.Queue()
        self._events: queue.Queue[Any] = queue.Queue()
        v5 = version is Version.V5
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=endpoint,
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.username_pw_set(*account)
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._events.put(reason)
        self._client.on_publish = lambda _c, _u, _m, reason, _p: self._events.put(reason)
        self._client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._events.put(reasons[0])
        self._client.on_message = lambda _c, _u, message: self.messages.put(message)
        self._client.connect(address.host, address.port)
        self._client.loop_start()
        self.connected = self._events.get(timeout=PATIENCE)

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def listen(self, topic: str = "") -> Agent:
        """Subscribe; without a topic to its own, as an agent of its version does."""
        below = "" if self.version is Version.V5 else "/#"
        self._client.subscribe(topic or self.topic + below, qos=1)
        assert not self._events.get(timeout=PATIENCE).is_failure
        return self

    def asks_for(self, topic: str) -> Any:
        """Subscribe; gives back the broker's word."""
        self._client.subscribe(topic, qos=1)
        return self._events.get(timeout=PATIENCE)

    def publish(
        self, topic: str, octets: bytes, *, reply: str = "", content: str = "usp.msg", qos: int = 1
    ) -> Any:
        """Publish; gives back the broker's word, at QoS 0 paho's."""
        properties = None
        if self.version is Version.V5:
            properties = Properties(PacketTypes.PUBLISH)
            if content:
                properties.ContentType = content
            if reply:
                properties.ResponseTopic = reply
        elif reply:
            topic = f"{topic}/reply-to={reply.replace('/', '%2F')}"
        self._client.publish(topic, octets, qos, properties=properties)
        return self._events.get(timeout=PATIENCE)

    def speak(self, octets: bytes, place: str = "onboard", qos: int = 1) -> Any:
        """Publish a record as an agent does, with its own topic for the answer."""
        return self.publish(f"usp/v1/{place}/{self.endpoint}", octets, reply=self.topic, qos=qos)

    def next(self) -> Any:
        """The next message that came."""
        return self.messages.get(timeout=PATIENCE)


class SilentClient:
    """A connection that sends CONNECT and then nothing; TCP is ours to end."""

    def __init__(self, address: BrokerAddress, endpoint: str, keep_alive: int = 60) -> None:
        def text(value: str) -> bytes:
            return struct.pack("!H", len(value)) + value.encode()

        user, password = SHARED
        body = text("MQTT") + bytes([5, 0xC2]) + struct.pack("!H", keep_alive) + b"\0"
        body += text(endpoint) + text(user) + text(password)
        self.socket = socket.create_connection((address.host, address.port), PATIENCE)
        self.socket.sendall(bytes([0x10, len(body)]) + body)
        assert self.socket.recv(4)[0] == 0x20

    def close(self) -> None:
        self.socket.close()
