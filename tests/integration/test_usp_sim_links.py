"""Links of simulated USP agents: real Mosquitto, paho as the controller; autobahn's server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from random import Random
from typing import Any

import paho.mqtt.client as paho
import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from certificates import Certificates
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from twisted.internet.epollreactor import EPollReactor

from simulators.cpe.alarms import Alarms
from simulators.usp.dialling import Dialler, parse_address
from simulators.usp.life import Life, Retry
from simulators.usp.links import Way
from simulators.usp.mqtt_client import MqttWay
from simulators.usp.mqtt_session import MqttOptions
from simulators.usp.mqtt_wire import Version
from simulators.usp.outgoing import LinkWish, Outgoing
from simulators.usp.websocket_client import WebSocketOptions, WebSocketWay

LIMIT = 15.0
ENDPOINT = "ops::1C61B4-XX230v-22275A%207000001"
OWN = f"usp/v1/agent/{ENDPOINT}"
CONTROLLER = f"usp/v1/controller/{ENDPOINT}"


class ParrotAgent:
    """Says hello when its link opens, and answers each record with the same in capitals."""

    def __init__(self) -> None:
        self.endpoint = ENDPOINT
        self.wants = LinkWish.STAY
        self.back_at = 0.0
        self.opens: list[tuple[str, str]] = []
        self.closes = 0
        self._out: list[Outgoing] = []

    def opened(self, mtp: str, topic: str, now: float) -> None:
        self.wants = LinkWish.STAY
        self.opens.append((mtp, topic))
        self._out.append(Outgoing(b"hello"))

    def received(self, octets: bytes, reply_to: str | None, now: float) -> None:
        self._out.append(Outgoing(octets.upper(), reply_to))
        if octets == b"reboot":
            self.wants, self.back_at = LinkWish.RECONNECT, now + 0.05
        if octets == b"hang":
            self._out.clear()
            self.wants = LinkWish.SILENT

    def closed(self, now: float) -> None:
        self.closes += 1

    def tick(self, now: float) -> None:
        pass

    def due(self) -> float | None:
        return None

    def take(self) -> list[Outgoing]:
        out, self._out = self._out, []
        return out


class Stage:
    """One agent's life in a reactor of its own; what happens to it, by kind."""

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()
        self.reactor.startRunning(installSignalHandlers=False)
        self.alarms = Alarms(self.reactor)
        self.agent = ParrotAgent()
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.hook: Callable[[str], None] = lambda _: None
        self.life: Life

    def begin(self, way: Way, first: float | None = None) -> None:
        self.life = Life(
            self.agent,
            way,
            clock=self.reactor.seconds,
            alarms=self.alarms,
            observe=self._observe,
            retry=Retry(minimum=0.02),
            seed=1,
            first=self.reactor.seconds() if first is None else first,
        )

    def _observe(self, _: Life, kind: str, fields: dict[str, Any]) -> None:
        self.told.append((kind, fields))
        self.reactor.callLater(0, self.hook, kind)

    def until(self, wanted: Callable[[], bool]) -> None:
        """Run until it is so, at the latest until the test has failed."""
        late = time.monotonic() + LIMIT
        while not wanted():
            assert time.monotonic() < late, self.told
            self.reactor.runUntilCurrent()
            self.reactor.doIteration(0.02)

    def count(self, kind: str) -> int:
        return sum(each == kind for each, _ in self.told)

    def why(self) -> str:
        return next(fields["why"] for kind, fields in reversed(self.told) if kind == "down")

    def end(self) -> None:
        self.life.stop()
        self.until(lambda: not self.life.up)
        self.reactor.fireSystemEvent("shutdown")
        self.reactor.disconnectAll()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.end()


@dataclass
class Broker:
    port: int
    tls_port: int
    certificates: Certificates
    process: subprocess.Popen[Any]
    configuration: Path

    def way(self, stage: Stage, version: Version, **options: Any) -> MqttWay:
        address = parse_address(f"mqtt://127.0.0.1:{self.port}", ("mqtt",))
        dial = Dialler(stage.reactor, address)
        return MqttWay(MqttOptions(version=version, **options), dial, stage.reactor, stage.alarms)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def start_mosquitto(configuration: Path, port: int) -> subprocess.Popen[Any]:
    process = subprocess.Popen(["mosquitto", "-c", str(configuration)], stderr=subprocess.DEVNULL)
    late = time.monotonic() + LIMIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None and time.monotonic() < late
        else:
            return process


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("mosquitto")
    certificates = Certificates(folder)
    port, tls_port = free_port(), free_port()
    folder.chmod(0o755)
    passwords = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "unit", "secret"], check=True)
    rules = folder / "rules"
    rules.write_text(
        "pattern read usp/v1/agent/%c/#\npattern write usp/v1/controller/%c/#\n"
        "user unit\ntopic read given/#\ntopic write status/#\nuser controller\ntopic readwrite #\n"
    )
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "controller", "secret"], check=True)
    server, key = certificates.server, certificates.server_key
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"user {os.environ.get('USER', 'root')}\nper_listener_settings true\n"
        f"listener {port} 127.0.0.1\npassword_file {passwords}\nacl_file {rules}\n"
        f"listener {tls_port} 127.0.0.1\ncafile {certificates.authority}\n"
        f"certfile {server}\nkeyfile {key}\nrequire_certificate true\n"
        f"use_identity_as_username true\nacl_file {rules}\n"
    )
    process = start_mosquitto(configuration, port)
    made = Broker(port, tls_port, certificates, process, configuration)
    yield made
    made.process.terminate()
    made.process.wait(10)


@dataclass
class Controller:
    """paho at the other side."""

    client: paho.Client
    version: Version
    came: Queue[paho.MQTTMessage]

    def say(self, topic: str, octets: bytes, reply: str) -> None:
        if self.version is Version.V5:
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = reply
            self.client.publish(topic, octets, qos=1, properties=properties)
        else:
            self.client.publish(f"{topic}/reply-to={reply.replace('/', '%2F')}", octets, qos=1)

    def next(self, stage: Stage) -> paho.MQTTMessage:
        stage.until(lambda: not self.came.empty())
        return self.came.get_nowait()


@pytest.fixture(params=[Version.V5, Version.V3_1_1])
def controller(broker: Broker, request: pytest.FixtureRequest) -> Iterator[Controller]:
    version: Version = request.param
    protocol = paho.MQTTv5 if version is Version.V5 else paho.MQTTv311
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=protocol)
    client.username_pw_set("controller", "secret")
    came: Queue[paho.MQTTMessage] = Queue()
    ready: Queue[None] = Queue()
    client.on_message = lambda *args: came.put(args[2])
    client.on_subscribe = lambda *args: ready.put(None)
    client.on_connect = lambda *args: client.subscribe("usp/v1/controller/#", qos=1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    ready.get(timeout=LIMIT)
    yield Controller(client, version, came)
    client.disconnect()
    client.loop_stop()


ACCOUNT = {"username": "unit", "password": "secret"}


@pytest.mark.parametrize("qos", [0, 1])
def test_records_go_both_ways(
    broker: Broker, controller: Controller, stage: Stage, qos: int
) -> None:
    stage.begin(broker.way(stage, controller.version, qos=qos, **ACCOUNT))
    hello = controller.next(stage)
    five = controller.version is Version.V5
    assert stage.agent.opens == [("mqtt5" if five else "mqtt3", OWN)]
    assert (hello.payload, hello.qos, hello.retain) == (b"hello", qos, False)
    if five:
        assert hello.topic == CONTROLLER
        assert (hello.properties.ResponseTopic, hello.properties.ContentType) == (OWN, "usp.msg")
    else:
        assert hello.topic == f"{CONTROLLER}/reply-to={OWN.replace('/', '%2F')}"
    controller.say(OWN, b"question", f"{CONTROLLER}/elsewhere")
    answer = controller.next(stage)
    assert answer.payload == b"QUESTION"
    assert answer.topic.startswith(f"{CONTROLLER}/elsewhere")


def test_a_reboot_closes_the_link_and_opens_it_again(
    broker: Broker, controller: Controller, stage: Stage
) -> None:
    stage.begin(broker.way(stage, controller.version, **ACCOUNT))
    controller.next(stage)
    controller.say(OWN, b"reboot", CONTROLLER)
    assert controller.next(stage).payload == b"REBOOT"
    assert controller.next(stage).payload == b"hello"
    assert (stage.agent.closes, stage.count("off"), stage.count("down")) == (1, 1, 1)


def test_a_hung_agent_stays_connected_and_answers_nothing(
    broker: Broker, controller: Controller, stage: Stage
) -> None:
    stage.begin(broker.way(stage, controller.version, **ACCOUNT))
    controller.next(stage)
    controller.say(OWN, b"hang", CONTROLLER)
    stage.until(lambda: stage.count("hung") == 1)
    controller.say(OWN, b"still there?", CONTROLLER)
    controller.client.publish(CONTROLLER, b"after it", qos=1)
    assert controller.next(stage).payload == b"after it"
    assert (stage.count("received"), stage.count("down")) == (1, 0)


def test_a_silent_end_is_told_by_the_will(
    broker: Broker, controller: Controller, stage: Stage
) -> None:
    subscribed: Queue[None] = Queue()
    controller.client.on_subscribe = lambda *args: subscribed.put(None)
    controller.client.subscribe("status/#")
    subscribed.get(timeout=LIMIT)
    way = broker.way(stage, controller.version, will="status/{endpoint}", **ACCOUNT)
    stage.begin(way)
    controller.next(stage)
    stage.life.cut(back_at=stage.reactor.seconds() + 60)
    assert controller.next(stage).topic == f"status/{ENDPOINT}"


@pytest.mark.parametrize("version", list(Version))
def test_a_wrong_password_is_told_and_tried_again(
    broker: Broker, stage: Stage, version: Version
) -> None:
    stage.begin(broker.way(stage, version, username="unit", password="guess"))
    stage.until(lambda: stage.count("down") == 3)
    assert "not authorized" in stage.why() or "bad user name" in stage.why()
    waits = [fields["wait"] for kind, fields in stage.told if kind == "down"]
    assert 0.02 <= waits[0] <= 0.04 <= waits[1] <= 0.08 <= waits[2] <= 0.16
    assert stage.agent.opens == []


def test_the_broker_gives_a_client_id_that_stays(broker: Broker, stage: Stage) -> None:
    way = broker.way(stage, Version.V5, client_id="", topic="given/x", **ACCOUNT)
    stage.begin(way)
    stage.until(lambda: stage.life.up)
    first = way._assigned[ENDPOINT]
    assert first
    stage.life.cut(back_at=stage.reactor.seconds())
    stage.until(lambda: len(stage.agent.opens) == 2)
    assert way._assigned[ENDPOINT] == first


def test_it_comes_back_to_a_broker_that_was_killed(broker: Broker, stage: Stage) -> None:
    stage.begin(broker.way(stage, Version.V5, **ACCOUNT))
    stage.until(lambda: stage.life.up)
    broker.process.send_signal(signal.SIGKILL)
    broker.process.wait(10)
    stage.until(lambda: stage.count("down") >= 2)
    assert "no connection to the broker" in stage.why()
    broker.process = start_mosquitto(broker.configuration, broker.port)
    stage.until(lambda: len(stage.agent.opens) == 2)


def test_the_command_over_tls_with_a_certificate_of_the_agent(broker: Broker) -> None:
    certificate, key = broker.certificates.issue("unit")
    command = [
        str(Path(sys.executable).with_name("usp-sim")), "run", "--json",
        "--model", "generic-tr181", "--serial", "S1", "--endpoint", ENDPOINT,
        "--broker", f"mqtts://localhost:{broker.tls_port}",
        "--ca-file", str(broker.certificates.authority),
        "--certificate", str(certificate), "--key", str(key),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdout is not None
        told = [json.loads(ran.stdout.readline()) for _ in range(3)]
        ran.terminate()
    assert [each["event"] for each in told] == ["connecting", "up", "sent"]
    assert told[1] == {"event": "up", "endpoint": ENDPOINT, "mtp": "mqtt5", "topic": OWN}
    assert told[2]["message"] == [f"Connect (MQTT V5, {OWN})"]


def test_tls_to_a_server_that_is_not_trusted(broker: Broker, stage: Stage) -> None:
    address = parse_address(f"mqtts://localhost:{broker.tls_port}", ("mqtts",))
    dial = Dialler(stage.reactor, address)
    stage.begin(MqttWay(MqttOptions(), dial, stage.reactor, stage.alarms))
    stage.until(lambda: stage.count("down") == 1)
    assert "certificate" in stage.why()


# --- WebSocket ------------------------------------------------------------------------------------


class _Session(WebSocketServerProtocol):
    def onConnect(self, request: Any) -> str | None:
        self.factory.requests.append(request)
        return self.factory.offer

    def onOpen(self) -> None:
        self.factory.sessions.append(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803
        self.factory.came.append(payload)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N803
        self.factory.closed.append(code)


class WebSocketController:
    def __init__(self, stage: Stage) -> None:
        factory = WebSocketServerFactory(protocols=["v1.usp"], reactor=stage.reactor)
        factory.protocol = _Session
        factory.offer = "v1.usp"
        factory.requests, factory.sessions, factory.came, factory.closed = [], [], [], []
        self.factory: Any = factory
        self._listening = stage.reactor.listenTCP(0, factory, interface="127.0.0.1")
        self._stage = stage

    def way(self, **options: Any) -> WebSocketWay:
        port = self._listening.getHost().port
        address = parse_address(f"ws://127.0.0.1:{port}/usp", ("ws",))
        dial = Dialler(self._stage.reactor, address)
        return WebSocketWay(WebSocketOptions(address, **options), dial, self._stage.reactor)

    def end(self) -> None:
        self._listening.stopListening()


@pytest.fixture
def websocket(stage: Stage) -> Iterator[WebSocketController]:
    made = WebSocketController(stage)
    yield made
    made.end()


def test_a_websocket_session(websocket: WebSocketController, stage: Stage) -> None:
    stage.begin(websocket.way(username="bootstrap", password="secret"))
    factory = websocket.factory
    stage.until(lambda: factory.came == [b"hello"])
    request = factory.requests[0]
    assert request.path == "/usp"
    assert request.protocols == ["v1.usp"]
    assert request.params == {"eid": [ENDPOINT]}
    assert "sec-websocket-extensions" not in request.headers
    assert request.headers["authorization"].startswith("Basic ")
    assert stage.agent.opens == [("websocket", "")]
    factory.sessions[0].sendMessage(b"question", isBinary=True)
    stage.until(lambda: factory.came == [b"hello", b"QUESTION"])
    factory.sessions[0].sendMessage(b"reboot", isBinary=True)
    stage.until(lambda: factory.came == [b"hello", b"QUESTION", b"REBOOT", b"hello"])


def test_a_fragmented_message_is_one_record(websocket: WebSocketController, stage: Stage) -> None:
    stage.begin(websocket.way())
    factory = websocket.factory
    stage.until(lambda: factory.came == [b"hello"])
    factory.sessions[0].sendMessage(b"in four parts", isBinary=True, fragmentSize=4)
    stage.until(lambda: b"IN FOUR PARTS" in factory.came)


def test_a_text_frame_ends_the_session(websocket: WebSocketController, stage: Stage) -> None:
    stage.begin(websocket.way())
    factory = websocket.factory
    stage.until(lambda: factory.came == [b"hello"])
    factory.sessions[0].sendMessage(b"words", isBinary=False)
    stage.until(lambda: factory.closed == [1003])
    assert stage.why() == "the controller sent a text frame"


def test_no_session_without_the_subprotocol(websocket: WebSocketController, stage: Stage) -> None:
    websocket.factory.offer = None
    stage.begin(websocket.way())
    stage.until(lambda: stage.count("down") == 1)
    assert "does not speak v1.usp" in stage.why()
    assert stage.agent.opens == []


def test_a_hung_agent_keeps_its_session(websocket: WebSocketController, stage: Stage) -> None:
    stage.begin(websocket.way())
    factory = websocket.factory
    stage.until(lambda: factory.came == [b"hello"])
    factory.sessions[0].sendMessage(b"hang", isBinary=True)
    stage.until(lambda: stage.count("hung") == 1)
    factory.sessions[0].sendMessage(b"still there?", isBinary=True)
    for _ in range(20):
        stage.reactor.doIteration(0)
    assert (stage.count("received"), factory.came, factory.closed) == (1, [b"hello"], [])


def test_waits_are_drawn_by_the_seed() -> None:
    first, second = (Retry(5.0).wait(1, Random(7)) for _ in range(2))
    assert first == second
    assert 5.0 <= first <= 10.0
    assert 10.0 <= Retry(5.0).wait(2, Random(7)) <= 20.0
    assert 1.0 <= Retry(5.0, scale=0.1).wait(2, Random(7)) <= 2.0
