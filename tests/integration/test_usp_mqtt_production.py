"""The Mosquitto settings of docs/examples, run as they stand but for paths and the port."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import Certificates
from mqtt_house import CONTROLLER, Agent, House

from acs.model import Secret
from acs.usp.mqtt.accounts import Door, add_account, list_accounts
from acs.usp.mqtt.broker import BrokerAddress, find_programs
from acs.usp.mqtt.remote import Broker, Trust
from acs.usp.mqtt.topics import Credential, Topics

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
AGENT = "os::00259E-EX220%2D1"
OTHER = "os::00259E-EX220%2D2"
NAME = "gigafibre-acs"


class Mosquitto:
    """A broker of an operator, with the settings of one example."""

    def __init__(self, example: str, directory: Path, certificates: Certificates) -> None:
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        changes = {
            "/etc/mosquitto/server.pem": str(certificates.server),
            "/etc/mosquitto/server.key": str(certificates.server_key),
            "/etc/mosquitto/agents-ca.pem": str(certificates.authority),
            "/etc/mosquitto/acl": str(EXAMPLES / example / "acl"),
            "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so": find_programs().plugin,
            "/var/lib/mosquitto": str(directory),
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "log_dest syslog": "log_dest none" if os.geteuid() else "user root",
        }
        text = (EXAMPLES / example / "mosquitto.conf").read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        (directory / "mosquitto.conf").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [find_programs().mosquitto, "-c", str(self.directory / "mosquitto.conf")]
        self._process = subprocess.Popen(command)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, "it ended"
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress("localhost", self.port, NAME, Secret("controller"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House()
    yield house
    house.stop()


@pytest.fixture
def mosquitto(
    request: pytest.FixtureRequest, tmp_path: Path, certificates: Certificates
) -> Iterator[Mosquitto]:
    broker = Mosquitto(request.param, tmp_path, certificates)
    yield broker
    broker.stop()


@pytest.mark.parametrize("mosquitto", ["mosquitto-certificates"], indirect=True)
def test_certificates(house: House, mosquitto: Mosquitto, certificates: Certificates) -> None:
    mosquitto.start()
    own = certificates.issue(NAME)
    trust = Trust(str(certificates.authority), str(own[0]), str(own[1]))
    edge = house.edge(
        Broker("localhost", mosquitto.port, CONTROLLER, CONTROLLER, trust=trust),
        topics=Topics(controller=CONTROLLER, proven_by=Credential.CERTIFICATE),
    )
    mine = f"usp/v1/agent/{AGENT}"
    # It says another client id than its certificate has: the broker takes the certificate's.
    with Agent(mosquitto.address, OTHER, tls=certificates.client(AGENT)) as agent:
        agent.listen("#")
        assert not agent.publish(f"usp/v1/controller/{AGENT}", b"record", reply=mine).is_failure
        assert agent.publish(f"usp/v1/controller/{OTHER}", b"forged", reply=mine).is_failure
        house.until(lambda: edge.receiver.records)
        octets, origin = edge.receiver.records[0]
        assert octets == b"record"
        assert (origin.vouched, origin.credential) == (AGENT, "certificate")
        assert house.call(lambda: edge.edge.send(origin.reply, b"answer"))
        assert agent.next().payload == b"answer"
    house.until(lambda: any(f"{AGENT} absent" in each for each in edge.receiver.told))
    house.stop_edge(edge)
    assert not any(OTHER in each for each in edge.receiver.told)

    untrusting = Broker("localhost", mosquitto.port, "x", CONTROLLER, trust=Trust())
    edge = house.edge(untrusting, started=False)
    house.eventually(lambda: "the broker's certificate is not trusted" in edge.edge.condition)
    house.stop_edge(edge)
    without = Broker(
        "localhost", mosquitto.port, "x", CONTROLLER, trust=Trust(str(certificates.authority))
    )
    edge = house.edge(without, started=False)
    house.eventually(lambda: "waiting" in edge.edge.condition)
    assert edge.receiver.told == []
    house.stop_edge(edge)


@pytest.mark.parametrize("mosquitto", ["mosquitto-accounts"], indirect=True)
def test_accounts(house: House, mosquitto: Mosquitto, certificates: Certificates) -> None:
    store = mosquitto.directory / "dynamic-security.json"
    control = ["mosquitto_ctrl", "dynsec", "init", str(store), "admin", "admin's"]
    subprocess.run(control, check=True, capture_output=True)
    mosquitto.start()
    tls = certificates.client()
    admin = Door("localhost", mosquitto.port, "admin", Secret("admin's"), tls)
    door = Door("localhost", mosquitto.port, NAME, Secret("controller"), tls)
    subprocess.run(
        [
            *("mosquitto_ctrl", "-h", "localhost", "-p", str(mosquitto.port)),
            *("--cafile", str(certificates.authority), "-u", "admin", "-P", "admin's"),
            *("dynsec", "createClient", NAME, "-p", "controller"),
        ],
        check=True,
        capture_output=True,
        timeout=20,
    )
    assert list_accounts(admin) == ()
    add_account(door, AGENT, Secret("its own"))
    trust = Trust(str(certificates.authority))
    edge = house.edge(
        Broker(
            *("localhost", mosquitto.port, CONTROLLER, CONTROLLER),
            username=NAME,
            password=Secret("controller"),
            trust=trust,
        )
    )
    with Agent(mosquitto.address, AGENT, (AGENT, "its own"), tls=tls) as agent:
        assert agent.publish(f"usp/v1/controller/{OTHER}", b"forged").is_failure
        agent.listen().speak(b"record", "controller")
        house.until(lambda: edge.receiver.records)
        octets, origin = edge.receiver.records[0]
        assert (octets, origin.vouched, origin.credential) == (b"record", AGENT, "own")
        assert house.call(lambda: edge.edge.send(origin.reply, b"answer"))
        assert agent.next().payload == b"answer"
        assert any(f"{AGENT} present" in each for each in edge.receiver.told)
    house.stop_edge(edge)
