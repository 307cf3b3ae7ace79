"""The MQTT edge and the embedded broker, over a real Mosquitto on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificates
from click.testing import CliRunner, Result
from mqtt_house import CONTROLLER, SHARED, Agent, Edge, House, SilentClient, broker_at

from acs.cli.main import acs
from acs.model import Secret
from acs.usp.mqtt.accounts import (
    Account,
    AccountError,
    Door,
    add_account,
    list_accounts,
    remove_account,
)
from acs.usp.mqtt.broker import BrokerAddress, BrokerError, EmbeddedBroker, read_passwords
from acs.usp.mqtt.mosquitto import ACCOUNTS, BrokerOptions, Tls
from acs.usp.mqtt.remote import Version
from acs.usp.mqtt.topics import Topics
from acs.usp.mtp import Mtp, Origin, Route

FROZEN = "os::00259E-frozen"
STATUS = f"usp/v1/status/{CONTROLLER}"


class Site:
    """One broker and one edge that the tests of this module share."""

    def __init__(self, house: House, directory: Path) -> None:
        self.house = house
        self.directory = directory
        self.broker, self.address = house.broker(directory)
        self.edge = house.edge(broker_at(self.address, status=STATUS))
        # It is found out some seconds from now, by a test at the end.
        self.frozen = SilentClient(self.address, FROZEN, keep_alive=1)

    def agent(self, endpoint: str, **options: Any) -> Agent:
        return Agent(self.address, endpoint, **options)

    def own(self, endpoint: str) -> tuple[str, str]:
        """Give an agent an account of its own."""
        add_account(self.door, endpoint, Secret("its own"))
        return endpoint, "its own"

    @property
    def door(self) -> Door:
        return Door(
            self.address.host, self.address.port, ACCOUNTS, read_passwords(self.directory)[1]
        )

    def record_of(
        self, endpoint: str, edge: Edge | None = None, *, since: int = 0
    ) -> tuple[bytes, Origin]:
        """Wait for a record of an agent; ``since``: behind so many records of all agents."""
        records = (edge or self.edge).receiver.records

        def found() -> list[tuple[bytes, Origin]]:
            return [each for each in records[since:] if endpoint in each[1].peer]

        self.house.until(found)
        return found()[-1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    house = House()
    try:
        site = Site(house, tmp_path_factory.mktemp("site") / "mosquitto")
        yield site
        site.frozen.close()
    finally:
        house.stop()


class TestRecords:
    @pytest.mark.parametrize("version", list(Version))
    @pytest.mark.parametrize("qos", [0, 1])
    def test_a_record_and_its_answer(self, site: Site, version: Version, qos: int) -> None:
        name = f"os::00259E-{version}-{qos}"
        with site.agent(name, version=version) as agent:
            agent.listen().speak(b"record", qos=qos)
            octets, origin = site.record_of(name)
            assert octets == b"record"
            assert (origin.vouched, origin.credential) == (name, "bootstrap")
            assert origin.problem == ""
            assert origin.reply is not None
            route = origin.reply
            assert site.house.call(lambda: site.edge.edge.send(route, b"answer"))
            message = agent.next()
        assert message.payload == b"answer"
        assert not message.retain
        back = f"usp/v1/onboard/{name}"
        if version is Version.V5:
            assert message.topic == agent.topic
            assert message.properties.ContentType == "usp.msg"
            assert message.properties.ResponseTopic == back
        else:
            assert message.topic == f"{agent.topic}/reply-to={back.replace('/', '%2F')}"

    @pytest.mark.parametrize("qos", [0, 1])
    def test_our_own_link_over_mqtt_3_1_1(self, site: Site, qos: int) -> None:
        broker = broker_at(site.address, "older", version=Version.V3_1_1)
        edge = site.house.edge(broker, qos=qos)
        name = f"os::00259E-older-{qos}"
        with site.agent(name, version=Version.V3_1_1) as agent:
            agent.listen().speak(b"record")
            route = site.record_of(name, edge)[1].reply
            assert route is not None
            assert site.house.call(lambda: edge.edge.send(route, b"answer"))
            message = agent.next()
        site.house.stop_edge(edge)
        assert message.qos == qos
        assert message.topic == f"{agent.topic}/reply-to=usp%2Fv1%2Fonboard%2F{name}"

    def test_two_versions_on_the_way_are_noted(self, site: Site) -> None:
        broker = broker_at(site.address, "older", version=Version.V3_1_1)
        edge = site.house.edge(broker)
        with site.agent("os::00259E-newer") as agent:
            agent.speak(b"record")  # its Response Topic does not come through
            origin = site.record_of("os::00259E-newer", edge)[1]
        site.house.stop_edge(edge)
        assert origin.reply is None
        assert origin.problem.startswith("no reply topic: sent over another version of MQTT")

    def test_a_large_record_comes_and_goes_whole(self, site: Site) -> None:
        large = os.urandom(1_500_000)
        name = "os::00259E-large"
        with site.agent(name) as agent:
            agent.listen().speak(large)
            octets, origin = site.record_of(name)
            assert octets == large
            assert site.house.call(lambda: site.edge.edge.send(origin.reply, large))
            assert agent.next().payload == large

    def test_many_records_at_once(self, site: Site) -> None:
        name = "os::00259E-many"
        sent = [b"%d" % number for number in range(300)]
        with site.agent(name) as agent:
            for each in sent:
                agent.speak(each, qos=0)
            site.house.until(lambda: len(site.edge.from_agent(name)) == len(sent))
        assert site.edge.from_agent(name) == sent

    def test_other_content_is_left_alone(self, site: Site) -> None:
        name = "os::00259E-bulk"
        topic = f"usp/v1/onboard/{name}"
        with site.agent(name) as agent:
            agent.publish(topic, b"{}", reply=agent.topic, content="application/json")
            agent.publish(topic, b"old", reply=agent.topic, content="")
            agent.publish(topic, b"new", reply=agent.topic)
            site.house.until(lambda: len(site.edge.from_agent(name)) == 2)
        assert site.edge.from_agent(name) == [b"old", b"new"]
        assert "content type is not of USP" in site.edge.watcher.told

    def test_a_topic_that_cannot_be_published_to_is_no_way(self, site: Site) -> None:
        route = Route(Mtp.MQTT, "usp/+/agent")
        assert site.house.call(lambda: site.edge.edge.send(route, b"x")) is False
        assert site.edge.edge.up


class TestWhoMayWhat:
    """The ACL of the embedded broker."""

    def test_an_account_of_its_own_proves_more(self, site: Site) -> None:
        name = "os::00259E-owner"
        with site.agent(name, account=site.own(name)) as agent:
            agent.listen().speak(b"record", "controller")
            origin = site.record_of(name)[1]
            assert (origin.vouched, origin.credential) == (name, "own")
            site.house.call(lambda: site.edge.edge.send(origin.reply, b"answer"))
            assert agent.next().properties.ResponseTopic == f"usp/v1/controller/{name}"

    @pytest.mark.parametrize(
        "topic",
        [
            "usp/v1/onboard/os::00259E-victim",
            "usp/v1/controller/os::00259E-victim",
            "usp/v1/controller/os::00259E-intruder",
            "usp/v1/controller",
            "usp/v1/agent/os::00259E-victim",
            f"usp/v1/status/{CONTROLLER}",
            "$CONTROL/dynamic-security/v1",
        ],
    )
    def test_the_shared_account_lets_speak_as_oneself_only(self, site: Site, topic: str) -> None:
        before = len(site.edge.receiver.records)
        with site.agent("os::00259E-intruder") as agent:
            assert agent.publish(topic, b"forged", reply=agent.topic).is_failure
            assert not agent.speak(b"own").is_failure
            site.record_of("os::00259E-intruder", since=before)
        new = [octets for octets, _origin in site.edge.receiver.records[before:]]
        assert new == [b"own"]

    def test_an_own_account_is_no_key_to_another(self, site: Site) -> None:
        name = "os::00259E-thief"
        with site.agent(name, account=site.own(name)) as agent:
            assert agent.speak(b"x", "controller").is_failure is False
            for topic in ("controller/os::00259E-owner", "reply/w1/os::00259E-owner"):
                assert agent.publish(f"usp/v1/{topic}", b"forged").is_failure

    def test_an_own_account_works_with_its_client_id_only(self, site: Site) -> None:
        account = site.own("os::00259E-bound")
        with site.agent("os::00259E-elsewhere", account=account) as agent:
            assert agent.connected.is_failure

    @pytest.mark.parametrize("account", [("bootstrap", "guess"), ("nobody", "x")])
    def test_a_wrong_password(self, site: Site, account: tuple[str, str]) -> None:
        with site.agent("os::00259E-guess", account=account) as agent:
            assert agent.connected.is_failure

    @pytest.mark.parametrize("name", ["os::00259E-ear", "+", "#"])
    def test_nobody_reads_what_is_for_another(self, site: Site, name: str) -> None:
        victim = Route(Mtp.MQTT, "usp/v1/agent/os::00259E-spied")
        mine = Route(Mtp.MQTT, "usp/v1/agent/os::00259E-ear")
        before = len(site.edge.receiver.records)
        with site.agent(name) as spy, site.agent("os::00259E-spied") as spied:
            for topic in ("#", "usp/v1/agent/#", victim.address, "usp/v1/onboard/#"):
                spy.listen(topic)
            spied.listen()
            site.house.call(lambda: site.edge.edge.send(victim, b"secret"))
            site.house.call(lambda: site.edge.edge.send(mine, b"for the ear"))
            assert spied.next().payload == b"secret"
            if name == "os::00259E-ear":
                assert spy.next().payload == b"for the ear"
            spied.publish("usp/v1/onboard/os::00259E-spied", b"said")
            site.record_of("os::00259E-spied", since=before)
            said = [each.payload for each in list(spy.messages.queue)]
        assert b"secret" not in said
        assert b"said" not in said

    @pytest.mark.parametrize("name", ["os::00259E-eaves", "+", "x#"])
    @pytest.mark.parametrize("topic", ["$SYS/#", "$SYS/+/log/N", "$share/g/$SYS/broker/log/N"])
    def test_nobody_hears_the_log_of_the_broker_which_could_bring_it_down(
        self, site: Site, name: str, topic: str
    ) -> None:
        with site.agent(name) as agent:
            assert agent.asks_for(topic).is_failure
        with site.agent("os::00259E-unmoved") as agent:
            assert not agent.speak(b"it is still there").is_failure

    def test_a_topic_that_vouches_for_nobody_is_dropped(self, site: Site) -> None:
        with site.agent("plain-client") as client:
            client.publish("usp/v1/onboard/plain-client", b"x", reply="usp/v1/agent/plain-client")
            site.house.until(lambda: "vouches for nobody" in " ".join(site.edge.watcher.told))

    def test_accounts_come_and_go_while_it_runs(self, site: Site) -> None:
        name = "os::00259E-%2Fodd"
        assert add_account(site.door, name, Secret("one"))
        assert not add_account(site.door, name, Secret("two"))
        assert Account(name) in list_accounts(site.door)
        with site.agent(name, account=(name, "two")) as agent:
            assert not agent.connected.is_failure
            assert remove_account(site.door, name)
            absent = f"{name} absent over mqtt: broker: disconnected by administrative action"
            site.house.until(lambda: absent in site.edge.receiver.told)
        assert not remove_account(site.door, name)
        assert Account(name) not in list_accounts(site.door)

    def test_accounts_are_not_for_everybody(self, site: Site) -> None:
        with pytest.raises(AccountError, match="is no endpoint id"):
            add_account(site.door, "agent 1", Secret("x"))
        wrong = Door(site.address.host, site.address.port, ACCOUNTS, Secret("guess"))
        with pytest.raises(AccountError, match="refused us: Not authorized"):
            list_accounts(wrong)


class TestAccountCommands:
    """`acs usp account`, against the running broker."""

    def run(self, site: Site, *arguments: str, typed: str | None = None) -> Result:
        environment = {
            "ACS_SERVER_DATA_DIR": str(site.directory.parent),
            "ACS_MQTT_LISTEN": f"127.0.0.1:{site.address.port}",
        }
        command = ["usp", "account", *arguments]
        return CliRunner().invoke(acs, command, env=environment, input=typed)

    def test_an_account_is_made_shown_and_works(self, site: Site) -> None:
        name = "os::00259E-cli"
        made = json.loads(self.run(site, "add", name, "--json").stdout)
        assert made["new"] is True
        told = made["agent"]
        assert told["Controller topic"] == f"usp/v1/controller/{name}"
        with site.agent(told["ClientID"], account=(told["Username"], told["Password"])) as agent:
            assert agent.topic == told["ResponseTopicConfigured"]
            assert not agent.publish(told["Controller topic"], b"x").is_failure
        listed = json.loads(self.run(site, "list", "--json").stdout)
        assert {"endpoint": name, "disabled": False} in listed["accounts"]
        assert name in self.run(site, "list").stdout
        assert "has no account any more" in self.run(site, "remove", name).stdout
        again = self.run(site, "remove", name)
        assert again.exit_code == 1
        assert "has no account; acs usp account list shows who has" in again.stderr

    def test_a_password_that_is_asked_for_is_not_shown(self, site: Site) -> None:
        name = "os::00259E-asked"
        shown = self.run(site, "add", name, "--ask", typed="chosen word\n")
        assert shown.exit_code == 0
        assert "chosen word" not in shown.output
        with site.agent(name, account=(name, "chosen word")) as agent:
            assert not agent.connected.is_failure

    def test_what_cannot_be_done_says_why(self, site: Site, tmp_path: Path) -> None:
        wrong = self.run(site, "add", "agent 1")
        assert (wrong.exit_code, "is no endpoint id" in wrong.stderr) == (3, True)
        environment = {"ACS_SERVER_DATA_DIR": str(tmp_path)}
        never = CliRunner().invoke(acs, ["usp", "account", "list"], env=environment)
        assert (never.exit_code, "start the server" in never.stderr) == (3, True)
        off = {**environment, "ACS_MQTT_BROKER": "off"}
        none = CliRunner().invoke(acs, ["usp", "account", "list"], env=off)
        assert (none.exit_code, "there are no accounts" in none.stderr) == (3, True)
        gone = {**environment, "ACS_MQTT_BROKER": "mqtt://127.0.0.1:1"}
        nobody = CliRunner().invoke(acs, ["usp", "account", "list"], env=gone)
        assert (nobody.exit_code, "no broker at 127.0.0.1:1" in nobody.stderr) == (3, True)


class TestPresence:
    def test_come_taken_over_and_gone(self, site: Site) -> None:
        name = "os::00259E-here"
        told = site.edge.receiver.told
        first = SilentClient(site.address, name)
        second = SilentClient(site.address, name)
        came = f"{name} present over mqtt: broker: connected"
        site.house.until(lambda: told.count(came) == 2)
        second.close()
        first.close()
        site.house.until(lambda: any(each.startswith(f"{name} absent") for each in told))
        about = [each for each in told if each.startswith(name)]
        assert about == [came, came, f"{name} absent over mqtt: broker: closed its connection"]
        assert site.edge.receiver.addresses[name] == "127.0.0.1"

    def test_knocking_at_the_port_is_not_coming(self, site: Site) -> None:
        told = site.edge.receiver.told
        before = len(told)
        socket.create_connection((site.address.host, site.address.port)).close()
        SilentClient(site.address, "os::00259E-after").close()
        site.house.until(lambda: any("os::00259E-after absent" in each for each in told))
        assert len(told) == before + 2

    def test_our_own_coming_is_no_agents(self, site: Site) -> None:
        assert not [each for each in site.edge.receiver.told if each.startswith(CONTROLLER)]


class TestSeveralControllers:
    def test_what_agents_begin_is_shared_and_answers_come_back_to_who_asked(
        self, site: Site
    ) -> None:
        edges = {}
        for name in ("w1", "w2"):
            topics = Topics(controller=CONTROLLER, group="acs", instance=name)
            edges[name] = site.house.edge(broker_at(site.address, name), topics=topics)
        sent = [b"%d" % number for number in range(40)]
        with site.agent("os::00259E-shared") as agent:
            agent.listen()
            for each in sent:
                agent.speak(each)
            got = [edge.receiver.records for edge in edges.values()]
            site.house.until(lambda: sum(map(len, got)) == len(sent))
            assert all(got)
            origin = edges["w1"].receiver.records[0][1]
            assert site.house.call(lambda: edges["w2"].edge.send(origin.reply, b"request"))
            asked = agent.next()
            back = asked.properties.ResponseTopic
            assert back == "usp/v1/onboard-reply/w2/os::00259E-shared"
            before = len(edges["w1"].receiver.records)
            assert not agent.publish(back, b"response", reply=agent.topic).is_failure
            site.house.until(lambda: edges["w2"].receiver.records[-1][0] == b"response")
            assert edges["w2"].receiver.records[-1][1].vouched == "os::00259E-shared"
            assert len(edges["w1"].receiver.records) == before
        for edge in edges.values():
            site.house.stop_edge(edge)


class TestComingAndGoing:
    def test_what_came_while_we_were_away_is_kept(self, site: Site) -> None:
        broker = broker_at(site.address, "away")
        site.house.stop_edge(site.house.edge(broker))
        with site.agent("os::00259E-patient") as agent:
            agent.speak(b"at QoS 1")
            agent.speak(b"at QoS 0", qos=0)
        edge = site.house.edge(broker)
        site.house.until(lambda: len(edge.from_agent("os::00259E-patient")) == 2)
        site.house.stop_edge(edge)

    def test_our_status_is_told(self, site: Site) -> None:
        status = "usp/v1/status/of-this-test"
        topics = Topics(controller=CONTROLLER)
        account = (site.address.username, site.address.password.reveal())
        with site.agent("watching", account=account) as watching:
            watching.listen(status)
            edge = site.house.edge(broker_at(site.address, "told", status=status), topics=topics)
            assert watching.next().payload == b"online"
            site.house.stop_edge(edge)
            assert watching.next().payload == b"offline"
            edge = site.house.edge(broker_at(site.address, "told", status=status), topics=topics)
            assert watching.next().payload == b"online"
            # Another with our client id has the broker close our connection: the Will speaks.
            with site.agent("told", account=account):
                assert watching.next().payload == b"offline"
            site.house.stop_edge(edge)

    def test_the_broker_refuses_us(self, site: Site) -> None:
        wrong = BrokerAddress(site.address.host, site.address.port, "gigafibre-acs", Secret("no"))
        edge = site.house.edge(broker_at(wrong, "wrong"), started=False)
        condition = "waiting, the broker refused us: Not authorized"
        site.house.eventually(lambda: edge.edge.condition.endswith(condition))
        assert not site.house.call(lambda: edge.edge.send(Route(Mtp.MQTT, "a"), b"x"))
        site.house.stop_edge(edge)

    def test_no_broker_there(self, site: Site) -> None:
        nowhere = BrokerAddress("127.0.0.1", 1, "", Secret(""))
        edge = site.house.edge(broker_at(nowhere), started=False)
        site.house.eventually(lambda: edge.edge.condition.endswith("Connection refused"))
        assert not edge.edge.up
        site.house.stop_edge(edge)
        assert edge.receiver.told == []


class TestEmbeddedBroker:
    def test_killed_it_comes_back_and_so_do_we(self, site: Site, tmp_path: Path) -> None:
        broker, address = site.house.broker(tmp_path)
        edge = site.house.edge(broker_at(address))
        name = "os::00259E-survivor"
        door = Door(address.host, address.port, ACCOUNTS, read_passwords(tmp_path)[1])
        add_account(door, name, Secret("its own"))
        old = pid_of(broker)
        os.kill(old, signal.SIGKILL)
        came_back = ["mqtt up", "mqtt down: the connection is lost", "mqtt up"]
        site.house.until(lambda: edge.receiver.told == came_back)
        assert pid_of(broker) != old
        assert broker.condition == f"running at 127.0.0.1:{address.port}"
        with Agent(address, name, (name, "its own")) as agent:
            agent.listen().speak(b"again", "controller")
            route = site.record_of(name, edge)[1].reply
            assert site.house.call(lambda: edge.edge.send(route, b"answer"))
            assert agent.next().payload == b"answer"
        site.house.stop_edge(edge)
        site.house.call(broker.stop)

    def test_files_are_for_our_eyes_only(self, site: Site) -> None:
        modes = {each.name: each.stat().st_mode & 0o077 for each in site.directory.iterdir()}
        assert {"mosquitto.conf", "acl", "accounts.json", "passwords.json"} <= modes.keys()
        assert set(modes.values()) == {0}
        text = (site.directory / "accounts.json").read_text() + (
            site.directory / "mosquitto.conf"
        ).read_text()
        assert SHARED[1] not in text
        assert site.address.password.reveal() not in text

    def test_it_listens_with_tls_too(self, site: Site, tmp_path: Path) -> None:
        certificates = Certificates(tmp_path)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        tls = Tls("127.0.0.1", port, str(certificates.server), str(certificates.server_key))
        broker, _ = site.house.broker(tmp_path / "mosquitto", tls=tls)
        encrypted = BrokerAddress("localhost", port, "", Secret(""))
        name = "os::00259E-tls"
        with Agent(encrypted, name, tls=certificates.client()) as agent:
            assert not agent.publish(f"usp/v1/onboard/{name}", b"x").is_failure
        site.house.call(broker.stop)

    def test_without_the_shared_account_new_agents_stay_out(
        self, site: Site, tmp_path: Path
    ) -> None:
        broker, _ = site.house.broker(tmp_path)
        site.house.call(broker.stop)
        options = BrokerOptions(port=0)
        broker = EmbeddedBroker(options, tmp_path, site.house.reactor)
        address = site.house.call(broker.start)
        with Agent(address, "os::00259E-new") as agent:
            assert agent.connected.is_failure
        site.house.call(broker.stop)

    def test_a_taken_port_is_said_and_tried_again(self, site: Site, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            broker = EmbeddedBroker(
                BrokerOptions(port=port), tmp_path, site.house.reactor, spread=lambda: 0.0
            )
            ready: list[BrokerAddress] = []
            site.house.call(lambda: broker.start().addCallback(ready.append) and None)
            site.house.eventually(lambda: "Address already in use" in broker.condition)
        site.house.eventually(lambda: ready)
        site.house.call(broker.stop)
        assert broker.condition == "stopped"

    def test_it_ends_when_it_is_stopped(self, site: Site, tmp_path: Path) -> None:
        broker, address = site.house.broker(tmp_path)
        number = pid_of(broker)
        site.house.call(broker.stop)
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.host, address.port))

    def test_accounts_that_cannot_be_read_are_not_lost(self, site: Site, tmp_path: Path) -> None:
        (tmp_path / "accounts.json").write_text("{ torn")
        with pytest.raises(BrokerError, match="put back a copy of it"):
            site.house.broker(tmp_path)
        assert (tmp_path / "accounts.json").read_text() == "{ torn"


class TestFrozenAgent:
    """Last: the broker has had time to find out."""

    def test_an_agent_that_freezes_is_noticed(self, site: Site) -> None:
        absent = f"{FROZEN} absent over mqtt: broker: keep-alive exceeded"
        site.house.until(lambda: absent in site.edge.receiver.told)


def pid_of(broker: EmbeddedBroker) -> int:
    return int(broker._process.transport.pid)
